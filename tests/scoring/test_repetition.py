"""Repeated phrases are counted."""

from demiglace.scoring.repetition import repeats


def test_phrases_are_counted():
    assert repeats("a b c a b c a b", num_words=3) == 2
    assert repeats("the same word again", num_words=8) == 0
    assert repeats("so " * 50) == 43
