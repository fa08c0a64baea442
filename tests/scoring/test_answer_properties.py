"""What holds of every answer: it equals itself, keeps its verdict where it is marked, and no other is right."""

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from demiglace.scoring.answer_match import is_right
from demiglace.scoring.answer_type import answer_type
from demiglace.scoring.quantities.exact import exact

MARKED = (
    "{}",
    " {}\n",
    "Answer: {}",
    "The answer is {}.",
    "It is {}.",
    "**{}**",
    r"\boxed{{{}}}",
    "<answer>{}</answer>",
)
MARKED += ("Final answer: **{}**", "<think>\n1 or 2?\n</think>\n\n{}", "Answer: {} because I see it.", "{}, not 99999")

integers = st.integers(-(10**20), 10**20).map(str)
decimals = st.decimals(-(10**6), 10**6, places=2).map(str)
money = st.builds("{}{}".format, st.sampled_from(["$", "RM ", "€", "USD "]), st.decimals(0, 9999, places=2))
shares = st.decimals(0, 1000, places=1).map("{}%".format)
measures = st.builds(
    "{} {}".format, st.decimals(0, 1000, places=1), st.sampled_from(["cm", "kg", "km/h", "hours", "m²"])
)
times = st.times().map(lambda moment: moment.strftime("%H:%M"))
dates = st.dates().filter(lambda day: day.year > 999).map(str)
codes = st.from_regex(r"[A-Z]{2}-0\d{3}", fullmatch=True)
words = st.sampled_from(
    ["red", "dark red", "Paris", "north face", "Room 5", "yes", "no", "B", "(C) green", "two of them all"]
)
references = st.one_of(integers, decimals, money, shares, measures, times, dates, codes, words)
numbers = st.one_of(integers, decimals)


@settings(deadline=None)
@given(references, st.sampled_from(MARKED))
def test_an_answer_is_right_for_itself_however_it_is_marked(reference, form):
    assert is_right(form.format(reference), reference)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_text_is_right_for_itself(text):
    assume(text.strip())
    assert is_right(text, text)


@settings(deadline=None)
@given(st.sampled_from([integers, decimals, money, shares, measures, times, dates, codes]), st.data())
def test_another_answer_of_the_type_is_wrong_alone_and_beside_the_right_one(kind, data):
    one, other = data.draw(kind), data.draw(kind)
    assume(not is_right(one, other))
    assert not is_right(other, one)
    for form in ("{} or {}", "{} and {}", "{}, {}", "Answer: {}\nAnswer: {}", "It is {}. No, it is {}.", "{} {}"):
        for said in (form.format(one, other), form.format(other, one)):
            assert not is_right(said, one), said
    assert not is_right(f"not {one}", one)


@settings(deadline=None)
@given(numbers, numbers)
def test_numbers_are_right_where_they_are_equal(one, other):
    assert is_right(one, other) == (Fraction(one) == Fraction(other))
    assert is_right(one, one + "1") == (Fraction(one) == Fraction(one + "1"))


@settings(deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 99), st.booleans())
def test_the_writings_of_a_number_are_right_for_each_other(whole, cents, negative):
    sign = "-" if negative else ""
    grouped = f"{whole:,}"
    forms = [f"{sign}{whole}.{cents:02}", f"{sign}{grouped}.{cents:02}", f"{sign.replace('-', '−')}{whole}.{cents:02}0"]
    forms += [f"{sign}{whole}{cents:02}e-2", f"{sign}{grouped.replace(',', ' ')}.{cents:02}"]
    forms += [f"{sign}{grouped.replace(',', '.')},{cents:02}"] if whole > 999 else []
    for one in forms:
        for other in forms:
            assert is_right(one, other), (one, other)


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=40), st.lists(st.text(max_size=10), max_size=3))
def test_no_text_is_an_exception(response, reference, choices):
    if answer_type(reference, choices) != "mathematics":
        assert is_right(response, reference, choices) in (True, False)


@given(st.from_regex(r"[-+]?[0-9]{1,30}(\.[0-9]{1,30})?", fullmatch=True))
def test_values_are_exact(written):
    assert exact(written) == Fraction(written)


def test_numbers_too_long_to_calculate_with_are_compared_digit_by_digit():
    long = "1" * 100_000
    assert is_right(long + ".0", long)
    assert not is_right(long[:-1] + "2", long)
    assert is_right("1e99999", "10e99998")
    assert not is_right("1e99999", "1e99998")
    assert not is_right("1e999999999999", "1000")


LONG_TEXTS = """
from demiglace.scoring.answer_match import is_right
from demiglace.scoring.arithmetic.claims import wrong_claims

for piece in "7 |1,|1 100 |1-|1+1=2 |(|$|answer: |<answer>|not |A |red, |five |.| ".split("|"):
    text = (piece * 20_000)[:20_000]
    for reference in ("7", "red, blue"):
        is_right(text, reference)
    wrong_claims(text)
"""


@pytest.mark.slow
def test_long_texts_do_not_stall():
    """What takes the square of a text's length is stopped after minutes that the rules do not come near."""
    subprocess.run([sys.executable, "-c", LONG_TEXTS], check=True, timeout=240)
