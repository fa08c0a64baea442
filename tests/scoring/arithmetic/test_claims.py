"""Claims of arithmetic: true ones are never called wrong, false ones are found, and the rest is no claim."""

import operator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from demiglace.scoring.arithmetic.claims import wrong_claims

HOLD_OR_ARE_NONE = [
    "12% of 50 = 6",
    "2 x 3.50 = 7.00",
    "Tea 2 x 3.50 = 7.00",
    "7 − 3 = 4",
    "12 ÷ 4 = 3",
    "2^3 = 8",
    "2³ = 8",
    "2**3 = 8",
    "√16 = 4",
    "10 % 3 = 1",
    "12:30 < 13:00",
    "09:15 < 10:00",
    "Row 2 = 15",
    "Item 1 = 4.50",
    "2/3 = 0.66",
    "2/3 = 0.67",
    "3·4 = 12",
    "6:2 = 3",
    "0.5 = 50%",
    "1/2 = 50%",
    "7 out of 10 = 70%",
    "10,5 + 2 = 12,5",
    "log10 100 = 2",
    "7 mod 3 = 1",
    "sum of 3 and 4 = 7",
    "half of 12 = 6",
    "3 plus 4 = 7",
    "3 times 4 = 12",
    "3 × 4 = 12",
    "(2 + 3) * 4 = 20",
    "3 + 4 = 7 = 5 + 2",
    "1,200 + 300 = 1,500",
    "$3.50 + $4.25 = $7.75",
    "RM 3.50 + RM 4.25 = RM 7.75",
    "2 x $3.50 = $7.00",
    "$7.00 / 2 = $3.50",
    "3 cm + 4 cm = 7 cm",
    "3cm + 4cm = 7cm",
    "1 m = 100 cm",
    "1 km = 1000 m",
    "3/25 × 100 = 12%",
    "100 + 10% = 110",
    "15% of 19.99 = 3.00",
    "1/3 = 33.3%",
    "1/3 ≈ 0.33",
    "10/3 ≈ 3.3",
    "2 + 2 ≥ 4",
    "5 != 4",
    "x = 3 + 4 = 7",
    "x - 1 = 4",
    "x + 2 = 7",
    "f(2) = 5",
    "2x = 8",
    "sqrt(16) = 4",
    "sqrt(16) + 2 = 6",
    '"2 + 2 = 5"',
    "The total (2 + 3) = 5",
    "a3 = 4",
    "5! = 120",
    "3 apples = 4.50",
    "Step 2 = 3 + 4",
    "version 1.2.3 = 4",
    "2024-03-01 < 2024-04-01",
    "1:2 = 3:6",
    "9:15 AM < 9:15 PM",
    "-3 < 2",
    "5 - -3 = 8",
    "3 + 4 = 7, 5 + 5 = 10",
    "3 + 4 = 7 and 5 + 5 = 10",
    "3+4=7",
    "7 = 3 + 4",
    "1.5 × 10^3 = 1500",
    "3 kg + 200 g = 3.2 kg",
    "50% + 25% = 75%",
    "100% - 12% = 88%",
    "1/3 + 1/3 = 2/3",
    "0.1 + 0.2 = 0.3",
    "12 apples + 3 pears = 15 fruits",
    "Price = 4.50",
    "No. 5 = 3",
    "the 3 = 4",
    "H2 + O = 5",
    "3 -> 4",
    "3 => 4",
    "5 kg > 4 kg",
    "10 min = 600 s",
    "2 dozen = 24",
    "1e3 = 1000",
    "| 3 | = 4",
    "7 / 2 = 3 remainder 1",
    "7 / 2 = 3 R 1",
    "99.99 * 1.06 = 105.99",
    "2 of 4 = 50%",
    "1,5 * 2 = 3",
    "$1,234.50 - $234.50 = $1,000",
    "10 < 20 < 30",
    "3 ± 1 = 4",
    "12 - 7 = 5",
    "6 : 2 = 3",
    "- 2 + 3 = 5",
    "* 2 + 3 = 5",
    "• 2 + 3 = 5",
    "**2 + 3 = 5**",
    "$2 + 3 = 5$",
    r"2 \times 3 = 6",
    "2 + 3 = 5 → 5 + 1 = 6",
    "Apples 3 > Pears 2",
    "Subtotal 10.00 + Tax 0.60 = 10.60",
    "2 @ 3.50 = 7.00",
    "12:30 - 11:00 = 1:30",
    "3(4) = 12",
    "|-3| = 3",
    "20/80 = 0.25 = 25%",
    "2 + 3 * 4 = 14",
    "3.50 + 4.25 = 7.75",
    "7 / 2 = 3.5",
    "1 / 3 = 0.33",
    "2 × 3 = 6 = 5 + 1",
    "12 > 7",
    'It says "2 + 2 = 5".',
    "It says “2 + 2 = 5”.",
]
DO_NOT_HOLD = [
    "12% of 50 = 7",
    "13:00 < 12:30",
    "3 + 4 = 8",
    "2 x 3.50 = 7.50",
    "Tea 2 x 3.50 = 8.00",
    "7 − 3 = 5",
    "12 ÷ 4 = 4",
    "2^3 = 9",
    "2³ = 6",
    "3·4 = 13",
    "0.5 = 51%",
    "1/2 = 60%",
    "10,5 + 2 = 12",
    "3 plus 4 = 8",
    "3 times 4 = 13",
    "(2 + 3) * 4 = 14",
    "3 + 4 = 7 = 8",
    "1,200 + 300 = 1,501",
    "$3.50 + $4.25 = $7.76",
    "RM 3.50 + RM 4.25 = RM 8.75",
    "3 cm + 4 cm = 9 cm",
    "2/3 = 0.68",
    "1/3 = 0.34",
    "7 / 2 = 3",
    "7 / 2 = 4",
    "1 / 0 = 0",
    "9:15 PM < 9:15 AM",
    "2024-04-01 < 2024-03-01",
    "2 + 2 = 4 = 5",
    "3 < 3",
    "3 = 4",
    "So 3 = 4",
    "x = 3 + 4 = 8",
    "50% + 25% = 80%",
    "5 kg > 6 kg",
    "0.1 + 0.2 = 0.31",
    "3.50 + 4.25 = 7.754",
    "7 = 3 + 5",
    "2 + 2 > 4",
    "3 + 4 ≠ 7",
    "10 < 30 < 20",
    "We get 3 + 4 = 8.",
    "Check: 7 - 4 = 2.",
    "Apples: 3 + 4 = 8 in all",
    "-2 + 1 = 1",
    "1.5 × 10^3 = 150",
    "12 < 7",
    "15% of 200 = 20",
    "2 × 3 × 4 = 25",
    "12:30 = 12:31",
    "3+4=8!",
    "10/3 ≈ 4",
    "100 - 1 = 98 kg",
    "The sum is 3 + 4 = 8",
    "5 - 3 = -2",
    "4 ≤ 3",
    "1000000 * 1000000 = 100000000000",
    "12 - 7 = 6",
    "• 2 + 3 = 6",
    "**2 + 3 = 6**",
    r"2 \times 3 = 7",
    "Row 1: 2 + 3 = 6",
    "2 + 3 = 5 → 5 + 1 = 7",
    "Total = 3.50 + 4.50 = 9.00",
    "10% of $50 = $6",
    "2 + 3 * 4 = 20",
    "7 / 2 = 3.6",
    "7 > 12",
    "10 / 4 < 2",
]


@pytest.mark.parametrize("claim", HOLD_OR_ARE_NONE)
@pytest.mark.parametrize("text", ["{}", "So {}, it seems.", "Look.\n{}\nAnd 1 + 1 = 2."])
def test_what_holds_or_is_no_claim_is_not_called_wrong(claim, text):
    assert wrong_claims(text.format(claim)) == []


@pytest.mark.parametrize("claim", DO_NOT_HOLD)
@pytest.mark.parametrize("text", ["{}", "So {}, it seems.", "Look.\n{}\nAnd 1 + 1 = 2."])
def test_what_does_not_hold_is_found(claim, text):
    assert len(wrong_claims(text.format(claim))) == 1


@pytest.mark.parametrize("claim", ["12 - 7 = 6", "2 + 2 = 4 = 5", "1 / 0 = 0", "1,200 + 300 = 1,501", "12% of 50 = 7"])
def test_a_wrong_claim_is_returned_as_it_is_written(claim):
    assert wrong_claims(f"So {claim}.\nAnd 1 + 1 = 2.") == [claim]


def test_a_bullet_is_no_minus():
    assert wrong_claims("Sums:\n- 2 + 3 = 5\n- 2 + 3 = 6\n-2 + 3 = 1") == ["2 + 3 = 6"]


@settings(deadline=None)
@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from("+-*"), st.integers(-3, 3))
def test_a_claim_is_wrong_by_as_much_as_it_is_off(one, other, sign, off):
    value = {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](one, other)
    assert (wrong_claims(f"{one} {sign} {other} = {value + off}") == []) == (off == 0)


@settings(deadline=None)
@given(st.decimals(0, 999, places=2), st.decimals(0, 999, places=2), st.sampled_from(["$", "RM ", "€", ""]))
def test_sums_of_money_hold_to_the_cent(one, other, money):
    assert wrong_claims(f"{money}{one} + {money}{other} = {money}{one + other}") == []
    assert wrong_claims(f"{money}{one} + {money}{other} = {money}{one + other + 1}") != []


@settings(deadline=None)
@given(st.text(max_size=200) | st.text("0123456789 +-*/=<>≤≥≠≈.,%$()x\n", max_size=60))
@example("1 + 1 = 3")
def test_any_text_is_read(text):
    for claim in wrong_claims(text):
        assert any(relation in claim for relation in "=<>≤≥≠≈")
