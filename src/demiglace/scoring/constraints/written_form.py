"""Constraints on the form of an answer: case, beginning and end, quotation marks, JSON, a repeated phrase."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from demiglace.scoring.constraints.constraint import MOST, Constraint
from demiglace.scoring.constraints.counted import occurrences
from demiglace.scoring.constraints.text_units import plain

Case = Literal["upper_case", "lower_case"]

_FENCE = re.compile(r"```(?:json)?[^\S\n]*\n(.*)\n[^\S\n]*```", re.DOTALL | re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*[^"\s][^"]*"|“[^“”]*[^“”\s][^“”]*”')


@dataclass(frozen=True)
class LetterCase(Constraint):
    """All cased letters are upper case, or all are lower case, and there is at least one."""

    case: Case

    def is_met_by(self, text: str) -> bool:
        return text.isupper() if self.case == "upper_case" else text.islower()

    @property
    def in_words(self) -> str:
        return f"all in {self.case.replace('_', ' ')}"

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": self.case}


@dataclass(frozen=True)
class StartsWith(Constraint):
    """Begins with exactly these characters; "Yes" does not begin "Yesterday"."""

    text: str

    def is_met_by(self, text: str) -> bool:
        behind = text.strip().removeprefix(self.text)
        return behind != text.strip() and not (self.text[-1:].isalnum() and behind[:1].isalnum())

    @property
    def in_words(self) -> str:
        return f'begins with "{self.text}"'

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": "starts_with", "text": self.text}


@dataclass(frozen=True)
class EndsWith(Constraint):
    """Ends with exactly these characters; "day" does not end "today"."""

    text: str

    def is_met_by(self, text: str) -> bool:
        before = text.strip().removesuffix(self.text)
        return before != text.strip() and not (self.text[:1].isalnum() and before[-1:].isalnum())

    @property
    def in_words(self) -> str:
        return f'ends with "{self.text}"'

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": "ends_with", "text": self.text}


@dataclass(frozen=True)
class Quoted(Constraint):
    """The whole answer is in one pair of double quotation marks, straight or curly."""

    def is_met_by(self, text: str) -> bool:
        return bool(_QUOTED.fullmatch(text.strip()))

    @property
    def in_words(self) -> str:
        return "all of it in double quotation marks"

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": "quoted"}


@dataclass(frozen=True)
class JsonObject(Constraint):
    """A JSON object with these keys and no others, bare or in one fenced block; no key occurs twice."""

    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.keys)) < len(self.keys):
            raise ValueError(f"`keys` has a duplicate: {', '.join(self.keys)}")

    def is_met_by(self, text: str) -> bool:
        fenced = _FENCE.fullmatch(text.strip())
        try:
            found = json.loads(fenced[1] if fenced else text, object_pairs_hook=_object, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return False
        return isinstance(found, dict) and set(found) == set(self.keys)

    @property
    def in_words(self) -> str:
        return f"a JSON object with the keys {', '.join(self.keys)}"

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": "json", "keys": list(self.keys)}


@dataclass(frozen=True)
class Repeated(Constraint):
    """A phrase repeated a number of times, ignoring case, with no other letters or digits."""

    phrase: str
    times: int

    def __post_init__(self) -> None:
        if not 1 <= self.times <= MOST or not any(map(str.isalnum, self.phrase)):
            raise ValueError(f"a phrase with letters is repeated 1 to {MOST} times, got {self.phrase!r}, {self.times}")

    def is_met_by(self, text: str) -> bool:
        found, response = occurrences(self.phrase, text), plain(text)
        ends, starts = [0, *(end for _, end in found)], [*(start for start, _ in found), len(response)]
        rest = "".join(response[end:start] for end, start in zip(ends, starts, strict=True))
        return len(found) == self.times and not any(map(str.isalnum, rest))

    @property
    def in_words(self) -> str:
        return f'"{self.phrase}" {self.times} times and nothing else'

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": "repeated", "phrase": self.phrase, "times": self.times}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        raise ValueError("duplicate key")
    return held


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not valid JSON")
