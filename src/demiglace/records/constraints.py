"""Constraints beside the messages of a record, which the answer has to meet.

    {"messages": [{"role": "user", "content": "Name a colour."}], "constraints": [{"kind": "words", "exactly": 1}]}

or IFEval's `instruction_id_list` and `kwargs`. They are parsed only when answers are scored, not when the record's own
answer is trained on, so other data sets may use these keys for something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demiglace.conversation import Conversation
from demiglace.records.media_keys import is_empty
from demiglace.scoring.constraints.constraint import Constraint
from demiglace.scoring.constraints.record import read_constraints, read_ifeval

OWN, IDS, ARGUMENTS = "constraints", "instruction_id_list", "kwargs"
CONSTRAINT_KEYS = (OWN, IDS, ARGUMENTS)


@dataclass(frozen=True)
class ConstrainedConversation(Conversation):
    """A conversation whose next or last answer has to meet constraints; it may end with the user.

    fields: as the record has them, under `CONSTRAINT_KEYS`.
    """

    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def constraints(self) -> tuple[Constraint, ...]:
        """The parsed constraints; ValueError if one of them cannot be checked."""
        return constraints_of(self.fields)


def constraint_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record's fields under `CONSTRAINT_KEYS`; empty if it has no constraint."""
    held = {key: record[key] for key in CONSTRAINT_KEYS if not is_empty(record.get(key))}
    return held if OWN in held or IDS in held else {}


def constraints_of(fields: Mapping[str, Any]) -> tuple[Constraint, ...]:
    """The constraints of both formats together; ValueError if one is invalid or there is none."""
    own = read_constraints(fields[OWN]) if OWN in fields else ()
    known = read_ifeval(fields[IDS], fields.get(ARGUMENTS)) if IDS in fields else ()
    if not own + known:
        raise ValueError(f"there is nothing under {OWN} or {IDS}")
    return own + known
