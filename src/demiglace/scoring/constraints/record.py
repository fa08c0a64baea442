"""Constraints to and from the JSON of a record.

    [{"kind": "words", "exactly": 5}, {"kind": "letter", "letter": "e", "exactly": 0}]

Every error is a ValueError that says what is accepted.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, get_args

from demiglace.fields import Anything, Field, ListOf, TableOf, Whole, Words, short_repr, take
from demiglace.scoring.constraints.constraint import BOUND_FIELDS, MOST, Bounds, Constraint, CountConstraint
from demiglace.scoring.constraints.counted import ItemCount, KeywordCount, LetterCount, UnitCount
from demiglace.scoring.constraints.ifeval import IfevalInstruction
from demiglace.scoring.constraints.text_units import Unit
from demiglace.scoring.constraints.written_form import (
    EndsWith,
    JsonObject,
    LetterCase,
    Quoted,
    Repeated,
    StartsWith,
)

_TEXT, _TEXTS = Words(), ListOf(Words(), least=1)
_MOST_CONSTRAINTS = 100  # of one answer (ours)


@dataclass(frozen=True)
class ConstraintKind:
    """make: from the checked fields. required, optional: its fields. is_counted: whether it has bounds too."""

    make: Callable[[Mapping[str, Any]], Constraint]
    required: Mapping[str, Field] = field(default_factory=dict)
    optional: Mapping[str, Field] = field(default_factory=dict)
    is_counted: bool = False

    @property
    def fields(self) -> dict[str, Field]:
        return {**self.required, **self.optional, **(BOUND_FIELDS if self.is_counted else {})}


def _units(unit: Unit) -> ConstraintKind:
    return ConstraintKind(lambda held: UnitCount(unit, Bounds.read(held)), is_counted=True)


KINDS: Mapping[str, ConstraintKind] = {
    **{unit: _units(unit) for unit in get_args(Unit)},
    "letter": ConstraintKind(
        lambda held: LetterCount(held["letter"], Bounds.read(held)), {"letter": _TEXT}, is_counted=True
    ),
    "keyword": ConstraintKind(
        lambda held: KeywordCount(held["keyword"], Bounds.read(held)), {"keyword": _TEXT}, is_counted=True
    ),
    "items": ConstraintKind(
        lambda held: ItemCount(held["separator"], Bounds.read(held), tuple(held.get("among", ()))),
        {"separator": _TEXT},
        {"among": _TEXTS},
        is_counted=True,
    ),
    "upper_case": ConstraintKind(lambda _: LetterCase("upper_case")),
    "lower_case": ConstraintKind(lambda _: LetterCase("lower_case")),
    "starts_with": ConstraintKind(lambda held: StartsWith(held["text"]), {"text": _TEXT}),
    "ends_with": ConstraintKind(lambda held: EndsWith(held["text"]), {"text": _TEXT}),
    "quoted": ConstraintKind(lambda _: Quoted()),
    "json": ConstraintKind(lambda held: JsonObject(tuple(held["keys"])), {"keys": _TEXTS}),
    "repeated": ConstraintKind(
        lambda held: Repeated(held["phrase"], held["times"]), {"phrase": _TEXT, "times": Whole(1, MOST)}
    ),
    "ifeval": ConstraintKind(
        lambda held: IfevalInstruction(held["id"], held.get("arguments", {})),
        {"id": _TEXT},
        {"arguments": TableOf(Anything())},
    ),
}


def read_constraint(where: str, value: object) -> Constraint:
    """where: its name in errors. None values are left out: Parquet gives every key to every entry."""
    held = {key: item for key, item in TableOf(Anything()).check(where, value).items() if item is not None}
    name = take(where, held, {"kind": _TEXT}, ["kind"])["kind"]
    if name not in KINDS:
        near = difflib.get_close_matches(name, KINDS, n=3)
        hint = f"similar: {', '.join(near)}" if near else f"choose from {', '.join(KINDS)}"
        raise ValueError(f"{where}: unknown kind of constraint {short_repr(name)}; {hint}")
    kind = KINDS[name]
    if strange := [key for key in held if key != "kind" and key not in kind.fields]:
        raise ValueError(f"{where}: {name} takes {', '.join(kind.fields) or 'nothing else'}, not {strange[0]}")
    fields = take(where, held, kind.fields, list(kind.required))
    try:
        return kind.make(fields)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def read_constraints(value: object, where: str = "constraints") -> tuple[Constraint, ...]:
    """Parse a list; ValueError also if it is empty, or if two of them cannot both be met."""
    listed = ListOf(Anything(), least=1).check(where, value)
    if len(listed) > _MOST_CONSTRAINTS:
        raise ValueError(f"{where} has {len(listed)} entries, more than the {_MOST_CONSTRAINTS} allowed")
    found = tuple(read_constraint(f"{where}[{place}]", entry) for place, entry in enumerate(listed))
    _check_pairs(where, found)
    return found


def read_ifeval(ids: object, arguments: object, where: str = "instruction_id_list") -> tuple[Constraint, ...]:
    """Parse constraints in the format of IFEval's data set: a list of ids, and one of their arguments."""
    named = ListOf(Words(), least=1).check(where, ids)
    given = ListOf(TableOf(Anything())).check("kwargs", arguments)
    if len(named) != len(given):
        raise ValueError(f"{where} has {len(named)} entries, but kwargs {len(given)}")
    return tuple(map(IfevalInstruction, named, given))


def as_text(constraints: Sequence[Constraint]) -> str:
    """One line of JSON, which `of_text` parses."""
    return json.dumps([constraint.record for constraint in constraints], ensure_ascii=False)


def of_text(text: str) -> tuple[Constraint, ...]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"constraints are a JSON list, got {short_repr(text)}") from error
    return read_constraints(value)


def _check_pairs(where: str, constraints: Sequence[Constraint]) -> None:
    """Check for plain contradictions: bounds on the same count, both letter cases. Others are not found."""
    for one, other in combinations(constraints, 2):
        if isinstance(one, LetterCase) and isinstance(other, LetterCase) and one.case != other.case:
            raise ValueError(f"{where}: an answer cannot be {one.in_words} and {other.in_words}")
        if isinstance(one, CountConstraint) and isinstance(other, CountConstraint) and _are_apart(one, other):
            raise ValueError(f"{where}: an answer cannot have {one.in_words} and {other.in_words}")


def _are_apart(one: CountConstraint, other: CountConstraint) -> bool:
    """Whether they count the same, and no number satisfies both."""
    counted = [{key: held for key, held in each.record.items() if key not in BOUND_FIELDS} for each in (one, other)]
    return counted[0] == counted[1] and one.bounds.are_apart_from(other.bounds)
