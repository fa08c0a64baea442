"""How words, sentences and other units of a text are counted: tables, and what holds of any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demiglace.scoring.constraints.text_units import bullets, count, lines, paragraphs, sentences, words


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0), ("...", 0), ("one", 1), ("one two", 2), ("one,two", 2), ("one\n\ntwo\tthree", 3),
        ("don't", 1), ("don’t", 1), ("dogs' bones", 2), ("rock 'n' roll", 3), ("well-known", 1), ("well‐known", 1),
        ("well - known", 2), ("a—b", 2), ("a–b", 2), ("and/or", 2), ("3.5", 1), ("1,000", 1), ("12:30", 1), ("1/2", 1),
        ("a.b", 2), ("2 kg", 2), ("snake_case", 1), ("_it_ is", 2), ("**bold** text", 2), ("`code`", 1),
        ("- red\n- green", 2), ("1. red", 2), ("# Title", 1), ("| a | b |", 2), ("C++", 1), ("🙂", 0), ("a 🙂 b", 2),
        ("café", 1), ("cafe\u0301", 1), ("हिन्दी भाषा", 2), ("co\u00adoperate", 1), ("שָׁלוֹם עולם", 2), ("你好", 2),
        ("日本 Tokyo", 3), ("한국어 단어", 2), ("naïve Straße", 2),
    ],
)  # fmt: skip
def test_words(text: str, number: int) -> None:
    assert len(words(text)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0), ("?!", 0), ("One", 1), ("One.", 1), ("One. Two.", 2), ("one. two.", 2), ("One! Two? Three", 3),
        ("Really?! Yes.", 2), ("Well... yes.", 1), ("Well... Yes.", 2), ("It is 3.5 km.", 1), ("Dr. Ray came.", 1),
        ("J. R. Smith came.", 1), ("It was I. He left.", 2), ("Pears, apples etc. are fruit.", 1),
        ("Pears etc. We ate.", 2), ("Take e.g. a pear.", 1), ('He said "Stop!" and left.', 1),
        ('He said "Stop!" We left.', 2), ("(So.) It is.", 2),
        ("See a.com now.", 1), ("One.Two", 1), ("A line\nthat goes on.", 1), ("One\n\nTwo", 2), ("- red\n- green", 2),
        ("1. Red.\n2. Blue.", 2), ("# Title\nText.", 2), ("**Bold.** Text.", 2), ("你好。再见。", 2),
        ("At 5 p.m. we eat.", 1),
    ],
)  # fmt: skip
def test_sentences(text: str, number: int) -> None:
    assert len(sentences(text)) == number


def test_lines_paragraphs_and_bullets() -> None:
    text = "Two:\r\n\r\n- **red**\n  * green\n+ blue\n• grey\n1. one\n-5 is no bullet\n---\n- ...\n \n\nEnd"
    assert lines("a\n\n  \nb") == ["a", "b"]
    assert len(paragraphs(text)) == 3
    assert bullets(text) == ["**red**", "green", "blue", "grey"]
    assert paragraphs("\n\n") == lines("\n") == []


@pytest.mark.parametrize(
    ("unit", "text", "number"),
    [
        ("letters", "a1 é-Ω!", 3), ("letters", "e\u0301", 1), ("characters", " e\u0301 🙂 ", 3),
        ("capital_words", "I saw NASA and Ray in the U-BOAT, 7", 3), ("lines", "a\n\nb", 2), ("bullets", "* a", 1),
    ],
)  # fmt: skip
def test_counts(unit: str, text: str, number: int) -> None:
    assert count(unit, text) == number  # type: ignore[arg-type]


@given(
    st.lists(st.sampled_from(["ab", "don't", "x-y", "3.5", "Żó", "한국"]), max_size=8),
    st.sampled_from([" ", ", ", "\n", " — "]),
)
def test_words_that_are_put_together_are_counted_again(said: list[str], between: str) -> None:
    assert words(between.join(said)) == said


@given(st.text("ab é.!,-'*\n1ह好", max_size=60))
def test_any_text_can_be_counted(text: str) -> None:
    assert len(sentences(text)) <= len(words(text))
    assert len(paragraphs(text)) <= len(lines(text)) or not text.strip()
    assert count("letters", text) <= len(text) * 4


def test_long_texts_take_little_time() -> None:
    for piece in ("a", "a-", ". ", "\n", "- ", "' ", "1."):
        text = piece * 10_000
        assert len(sentences(text)) <= len(words(text)) <= 10_000
        assert bullets(text) == []
