"""Case, beginning and end, quotation marks, JSON and repeated phrases: tables of verdicts."""

import pytest

from demiglace.scoring.constraints.constraint import Constraint
from demiglace.scoring.constraints.written_form import EndsWith, JsonObject, LetterCase, Quoted, Repeated, StartsWith


@pytest.mark.parametrize(
    ("constraint", "text", "is_met"),
    [
        (LetterCase("lower_case"), "all 3 small!", True),
        (LetterCase("lower_case"), "Not all", False),
        (LetterCase("lower_case"), "123", False),
        (LetterCase("upper_case"), "ÉTÉ - NOW", True),
        (LetterCase("upper_case"), "NOw", False),
        (StartsWith("Yes"), " Yes, it is", True),
        (StartsWith("Yes"), "Yesterday", False),
        (StartsWith("Yes"), "yes", False),
        (StartsWith("Look:"), "Look:here", True),
        (StartsWith("Yes"), "Yes", True),
        (EndsWith("day"), "a good day\n", True),
        (EndsWith("day"), "today", False),
        (EndsWith("now!"), "do it now!", True),
        (EndsWith("now!"), "do it now! Ok", False),
        (Quoted(), '"So it is."', True),
        (Quoted(), "“So it is.”", True),
        (Quoted(), '"So" it "is"', False),
        (Quoted(), "'So it is.'", False),
        (Quoted(), '""', False),
        (Quoted(), '" "', False),
        (Quoted(), '"So it is.', False),
        (JsonObject(("a", "b")), '{"b": [1], "a": null}', True),
        (JsonObject(("a", "b")), '```json\n{"a": 1, "b": 2}\n```', True),
        (JsonObject(("a", "b")), '```\n{"a": 1,\n "b": 2}\n```', True),
        (JsonObject(("a", "b")), '{"a": 1}', False),
        (JsonObject(("a", "b")), '{"a": 1, "b": 2, "c": 3}', False),
        (JsonObject(("a", "b")), '{"a": 1, "b": 2, "b": 3}', False),
        (JsonObject(("a", "b")), "{'a': 1, 'b': 2}", False),
        (JsonObject(("a", "b")), 'Here: {"a": 1, "b": 2}', False),
        (JsonObject(("a",)), '[{"a": 1}]', False),
        (JsonObject(("a",)), '{"a": NaN}', False),
        (JsonObject(("a",)), '{"a": ' + "[" * 100_000, False),
        (JsonObject(("a",)), '{"a": ' + "9" * 10_000 + "}", False),
        (Repeated("moon", 2), "moon moon", True),
        (Repeated("moon", 2), "Moon, moon.", True),
        (Repeated("moon", 2), "moon\nmoon", True),
        (Repeated("moon", 2), "moonmoon", False),
        (Repeated("moon", 2), "moon moon moon", False),
        (Repeated("moon", 2), "the moon moon", False),
        (Repeated("so it is", 1), "So it\nis!", True),
    ],
)  # fmt: skip
def test_forms(constraint: Constraint, text: str, is_met: bool) -> None:
    assert constraint.is_met_by(text) is is_met


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: JsonObject(("a", "a")), "`keys` has a duplicate: a, a"),
        (lambda: Repeated("moon", 0), "1 to 1000000 times, got 'moon', 0"),
        (lambda: Repeated("...", 2), "a phrase with letters"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(make, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()
