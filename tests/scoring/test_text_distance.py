import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.scoring.text_distance import character_error_rate, corpus_character_error_rate, single_spaced, word_f1

texts = st.text(max_size=40)


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("  two\t words\n\nhere ", "two words here"),
        ("1998\u20132003 \u2014 \u22125", "1998-2003 - -5"),
        ("\u201cit\u2019s\u201d \u00ababout\u00bb 5\u2033 \u00b4so\u00b4", '"it\'s" "about" 5" \'so\''),
        ("\ufb01sh \uff21\uff22\uff23 \u00bd\u2026", "fish ABC 1\u20442..."),
        ("e\u0301", "\u00e9"),
        ("non\u00a0breaking", "non breaking"),
    ],
)
def test_normalise(text: str, normalised: str) -> None:
    assert single_spaced(text) == normalised


@given(texts)
def test_normalise_twice_is_once(text: str) -> None:
    assert single_spaced(single_spaced(text)) == single_spaced(text)


@pytest.mark.parametrize(
    ("reference", "prediction", "rate"),
    [
        ("kitten", "sitting", 3 / 6),
        ("abcd", "", 1.0),
        ("ab", "abxyzw", 2.0),
        ("", "", 0.0),
        ("", "abc", 3.0),
        ("Total 9.99", "total 9.99", 1 / 10),
        ("\u201cquoted\u201d  text", '"quoted" text', 0.0),
    ],
)
def test_character_error_rate(reference: str, prediction: str, rate: float) -> None:
    assert character_error_rate(reference, prediction) == pytest.approx(rate)


def test_case_can_be_set_aside() -> None:
    assert character_error_rate("TOTAL DUE", "Total Due", case_sensitive=False) == 0
    assert word_f1("TOTAL DUE", "Total Due", case_sensitive=False) == 1
    assert word_f1("TOTAL DUE", "Total Due") == 0


def test_corpus_rate_weighs_characters_not_texts() -> None:
    references, predictions = ["ab", "abcdefgh"], ["xy", "abcdefgh"]
    assert corpus_character_error_rate(references, predictions) == pytest.approx(2 / 10)


def test_corpus_rate_names_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="2 references, but 1 predictions"):
        corpus_character_error_rate(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="1 references, but 0 characters"):
        corpus_character_error_rate([" "], ["a"])


@pytest.mark.parametrize(
    ("reference", "prediction", "score"),
    [
        ("left column right column", "right column left column", 1.0),
        ("a b c d", "a b x", 2 * 2 / 7),  # precision 2/3, recall 2/4
        ("the the the", "the", 2 * 1 / 4),
        ("word", "", 0.0),
        ("", "", 1.0),
    ],
)
def test_word_f1(reference: str, prediction: str, score: float) -> None:
    assert word_f1(reference, prediction) == pytest.approx(score)


@given(texts, texts)
def test_bounds(reference: str, prediction: str) -> None:
    length = max(len(single_spaced(reference)), 1)
    assert 0 <= character_error_rate(reference, prediction) <= max(length, len(single_spaced(prediction))) / length
    assert 0 <= word_f1(reference, prediction) <= 1
    assert word_f1(reference, prediction) == pytest.approx(word_f1(prediction, reference))


@given(texts)
def test_a_text_reads_itself(text: str) -> None:
    assert character_error_rate(text, text) == 0
    assert word_f1(text, text) == 1
