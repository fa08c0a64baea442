"""A row of a data set: fields under the names of the public files."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_NAMES = 12  # of columns listed in an error


@dataclass(frozen=True)
class Row:
    """fields: column -> value; folder: base of relative paths; place: file and number, for errors."""

    fields: Mapping[str, Any]
    folder: Path
    place: str

    @property
    def columns(self) -> str:
        """Names of columns, for errors."""
        return ", ".join(list(self.fields)[:MOST_NAMES])

    def has(self, name: str) -> bool:
        return not _is_missing(self.fields.get(name))

    def get(self, *names: str) -> Any:
        """The first of these columns that has a value; None if none does."""
        return next((self.fields[name] for name in names if self.has(name)), None)

    def text(self, *names: str) -> str:
        """As `get`, as text; ValueError that lists the columns if there is none."""
        if (value := self.get(*names)) is None:
            raise ValueError(f"{self.place} holds nothing in {' or '.join(names)}; its columns are: {self.columns}")
        return str(value)

    def optional_text(self, *names: str) -> str:
        """As `get`, as text, with commas between the items of a list; "" if there is none."""
        value = self.get(*names)
        return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    def texts(self, *names: str) -> list[str]:
        """A list of texts, which may be given as the text `["a", "b"]`; a single text becomes a list of one."""
        value = self.get(*names)
        if value is None:
            self.text(*names)
        return [str(item) for item in listed(value)]


def listed(value: Any) -> list[Any]:
    """The items of a list, or of a text that is a list in JSON or Python; anything else becomes a list of one."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = parsed(value)
    return list(value) if isinstance(value, list | tuple) else [value]


def parsed(text: str) -> Any:
    """The value of a text in JSON or Python syntax; the text itself if it is neither."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or value == [] or (isinstance(value, float) and math.isnan(value))
