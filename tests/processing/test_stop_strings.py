"""What is shown of an answer is the text before the first stop string, however it comes in pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demiglace.processing.stop_strings import StopStrings
from demiglace.processing.tokenizer import StreamDecoder, Tokenizer

TEXTS = st.text("abé\n", max_size=30)
STRINGS = st.lists(st.text("abé\n", min_size=1, max_size=5), max_size=4)


def cut(text: str, strings: list[str]) -> tuple[str, bool]:
    """Character by character: the text before the longest stop string that ends first."""
    for end in range(1, len(text) + 1):
        if ending := [one for one in strings if text[:end].endswith(one)]:
            return text[: end - max(map(len, ending))], True
    return text, False


@given(TEXTS, STRINGS, st.lists(st.integers(0, 40), max_size=12))
def test_the_shown_pieces_are_the_text_that_is_cut(text: str, strings: list[str], places: list[int]) -> None:
    edges = sorted({0, len(text), *(min(place, len(text)) for place in places)})
    stop, shown, seen = StopStrings(strings), "", ""
    for start, end in pairwise(edges):
        shown += stop.push(text[start:end])
        seen = text[:end]
        assert cut(text, strings)[0].startswith(shown)  # nothing is taken back
        assert stop.is_found == cut(seen, strings)[1]
    assert (shown + stop.finish(), stop.is_found) == cut(text, strings)


@given(TEXTS, STRINGS)
def test_only_what_may_begin_a_stop_string_is_held_back(text: str, strings: list[str]) -> None:
    stop = StopStrings(strings)
    shown = "".join(map(stop.push, text))
    held = text[len(shown) :]
    assert stop.is_found or held == "" or any(one.startswith(held) for one in strings)


@pytest.mark.parametrize(
    ("text", "strings", "shown"),
    [
        ("One. Two.", ["."], "One"),
        ("naïve é", ["é"], "naïve "),  # of two bytes, each a token
        ("abcd", ["abcd", "c"], "ab"),
        ("aab", ["ab"], "a"),
        ("abab", ["abac"], "abab"),
        ("no end", [], "no end"),
    ],
)
def test_examples_byte_by_byte(text: str, strings: list[str], shown: str) -> None:
    tokenizer, stop = Tokenizer.bytes_only(), StopStrings(strings)
    decoder = StreamDecoder(tokenizer)
    pieces = [stop.push(decoder.push(id_)) for id_ in tokenizer.encode(text)]
    assert "".join(pieces) + stop.finish() == shown
