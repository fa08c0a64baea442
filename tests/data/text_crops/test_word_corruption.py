"""Words of a line, each damaged by a level of its own; what is hidden is said."""

import numpy as np
import pytest

from demiglace.data.text_crops.word_corruption import damage_words, word_spans
from demiglace.typography.rendering import Rendered


@pytest.fixture
def line() -> Rendered:
    """Three words of letters 10 pixels wide, in grey that differs from column to column."""
    text = "some words here"
    left = np.arange(len(text), dtype=np.float32) * 10
    boxes = np.stack([left, np.full_like(left, 5), left + 10, np.full_like(left, 25)], axis=1)
    picture = np.random.default_rng(0).integers(0, 256, (30, 150), dtype=np.uint8)
    return Rendered(picture, text, boxes, np.zeros(len(text), np.int64))


def test_spans_lead_to_the_characters(line):
    assert [(word, line.text[span]) for word, span in word_spans(line)] == [(w, w) for w in line.text.split()]


def test_spans_count_characters_across_lines_without_the_newline(line):
    two = Rendered(line.picture, "some words\nhere", line.boxes[:14], np.array([0] * 10 + [1] * 4))
    assert [span for _, span in word_spans(two)] == [slice(0, 4), slice(5, 10), slice(10, 14)]


def test_all_words_hidden(line):
    damaged, hidden = damage_words(np.random.default_rng(1), line, {"high": 1.0})
    letters = np.array([character != " " for character in line.text])
    assert hidden.any()
    assert not hidden[~letters].any()
    for word, span in word_spans(line):
        changed = (
            damaged.picture[:, span.start * 10 : span.stop * 10]
            != line.picture[:, span.start * 10 : span.stop * 10, None]
        ).any()
        assert changed == hidden[span].all(), word


def test_readable_damage_hides_nothing(line):
    damaged, hidden = damage_words(np.random.default_rng(2), line, {"low": 0.5, "moderate": 0.5})
    assert not hidden.any()
    assert damaged.picture.shape == (30, 150, 3)
    assert (damaged.picture != line.picture[:, :, None]).any()
    assert damaged.text == line.text


def test_the_same_word_twice_is_told_apart():
    text = "the the the the"
    left = np.arange(len(text), dtype=np.float32) * 10
    boxes = np.stack([left, np.full_like(left, 5), left + 10, np.full_like(left, 25)], axis=1)
    drawn = Rendered(np.zeros((30, 150), np.uint8) + 200, text, boxes, np.zeros(len(text), np.int64))
    drawn.picture[10:20] = np.arange(150, dtype=np.uint8)
    for seed in range(20):
        damaged, hidden = damage_words(np.random.default_rng(seed), drawn, {"high": 1.0})
        for _, span in word_spans(drawn):
            columns = slice(span.start * 10, span.stop * 10)
            assert (damaged.picture[10:20, columns] != drawn.picture[10:20, columns, None]).any() == hidden[span].all()
