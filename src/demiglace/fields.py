"""Types and bounds of the fields of a file: each reader describes its own, and all are checked here.

    take("run.toml", values, {"rows": Whole(1, 64), "share": Real(0, 1)})

Every error is a ValueError of one line that names the field, the accepted values, and the value found.
"""

from __future__ import annotations

import numbers
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


class Field(ABC):
    """The values that a field accepts; `wanted` describes them in words."""

    @property
    @abstractmethod
    def wanted(self) -> str: ...

    @abstractmethod
    def accepts(self, value: Any) -> bool: ...

    def check(self, name: str, value: object) -> Any:
        """The value; ValueError if it is not accepted."""
        if not self.accepts(value):
            raise ValueError(f"{name} must be {self.wanted}, got {short_repr(value)}")
        return value


@dataclass(frozen=True)
class Whole(Field):
    least: int
    most: int

    @property
    def wanted(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def accepts(self, value: Any) -> bool:
        is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        return is_whole and self.least <= value <= self.most


@dataclass(frozen=True)
class Real(Field):
    """A finite number, whole or not; `above` excludes `least`, `below` excludes `most`."""

    least: float
    most: float
    above: bool = False
    below: bool = False

    @property
    def wanted(self) -> str:
        return f"a number in {'(' if self.above else '['}{self.least:g}, {self.most:g}{')' if self.below else ']'}"

    def accepts(self, value: Any) -> bool:
        # Compared without conversion: Python compares integers of any size exactly, but large ones overflow a float.
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not is_number or not self.least <= value <= self.most:  # NaN fails both
            return False
        return not (self.above and value == self.least) and not (self.below and value == self.most)

    def check(self, name: str, value: object) -> float:
        return float(super().check(name, value))


@dataclass(frozen=True)
class Words(Field):
    """Text that is not empty; one of `choices`, if there are any."""

    choices: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        return f"one of {', '.join(self.choices)}" if self.choices else "text"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and (value in self.choices if self.choices else value != "")


@dataclass(frozen=True)
class Switch(Field):
    @property
    def wanted(self) -> str:
        return "true or false"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True)
class Anything(Field):
    """Any value; it is checked elsewhere."""

    @property
    def wanted(self) -> str:
        return "anything"

    def accepts(self, value: Any) -> bool:
        return True


@dataclass(frozen=True)
class ListOf(Field):
    item: Field
    least: int = 0

    @property
    def wanted(self) -> str:
        return f"a list of at least {self.least}" if self.least else "a list"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, list | tuple) and len(value) >= self.least

    def check(self, name: str, value: object) -> list[Any]:
        items: list[object] = super().check(name, value)
        return [self.item.check(f"{name}[{place}]", item) for place, item in enumerate(items)]


@dataclass(frozen=True)
class TableOf(Field):
    """Text -> values; only with `keys`, if there are any."""

    item: Field
    keys: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        return "a table"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def check(self, name: str, value: object) -> dict[str, Any]:
        table: Mapping[str, object] = super().check(name, value)
        if strange := [key for key in table if self.keys and key not in self.keys]:
            raise ValueError(f"{name}: {short_repr(strange[0])} is unknown; there are {', '.join(self.keys)}")
        return {key: self.item.check(f"{name}.{key}", item) for key, item in table.items()}


@dataclass(frozen=True)
class Either(Field):
    """A value of one of several kinds; the first that accepts it checks it."""

    kinds: tuple[Field, ...]

    @property
    def wanted(self) -> str:
        return " or ".join(kind.wanted for kind in self.kinds)

    def accepts(self, value: Any) -> bool:
        return any(kind.accepts(value) for kind in self.kinds)

    def check(self, name: str, value: object) -> Any:
        super().check(name, value)
        return next(kind for kind in self.kinds if kind.accepts(value)).check(name, value)


WEIGHT = Real(0, 1e6)  # of a data source, or of a kind of item in it


def take(where: str, values: object, fields: Mapping[str, Field], required: Collection[str] = ()) -> dict[str, Any]:
    """The checked values of those `fields` that are in `values`; ValueError also if a `required` one is missing."""
    values = TableOf(Anything()).check(where, values)
    if missing := [name for name in required if name not in values]:
        raise ValueError(f"{where}: {missing[0]} is missing")
    return {name: field.check(f"{where}: {name}", values[name]) for name, field in fields.items() if name in values}


def check_attributes(owner: object, fields: Mapping[str, Field]) -> None:
    """ValueError if an attribute of `owner` is not accepted by its field."""
    for name, field in fields.items():
        field.check(name, getattr(owner, name))


def short_repr(value: object) -> str:
    """A value on one short line."""
    text = _SHORT.repr(value)
    return text if len(text) <= 100 else text[:97] + "..."


class _Short(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to print integers of more than 4,300 digits.
        return super().repr_int(x, level) if x.bit_length() < 128 else f"a whole number of {x.bit_length()} bits"


_SHORT = _Short()
