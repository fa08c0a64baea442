"""Repeated phrases are counted."""

from demiglace.scoring.repetition import repeats


def test_phrases_are_counted():
    assert repeats("a b c a b c a b", num_words=3) == 2
    assert repeats("the same word again", num_words=8) == 0
    assert repeats("so " * 50) == 43


def test_characters_of_texts_without_spaces_are_words():
    assert repeats("这个三角形是红色的，没有别的。" * 4) == 4
    assert repeats("赤い丸があります。" * 3) == 3
    assert repeats("这是一个红色的圆形和一个蓝色的方块。") == 1
    assert repeats("图中有 two red circles。" * 3, num_words=6) == 3
