"""A row of a data set: fields under the names that public files give them."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_NAMES = 12  # of columns that an error tells


@dataclass(frozen=True)
class Row:
    """fields: column -> value; folder: where paths in it begin; place: file and number, for errors."""

    fields: Mapping[str, Any]
    folder: Path
    place: str

    def has(self, name: str) -> bool:
        return not _is_missing(self.fields.get(name))

    def get(self, *names: str) -> Any:
        """The first of these columns that holds something; None where none does."""
        return next((self.fields[name] for name in names if self.has(name)), None)

    def text(self, *names: str) -> str:
        """As `get`, as text; ValueError that tells the columns where there is none."""
        if (value := self.get(*names)) is None:
            known = ", ".join(list(self.fields)[:MOST_NAMES])
            raise ValueError(f"{self.place} holds nothing in {' or '.join(names)}; its columns are: {known}")
        return str(value)

    def optional_text(self, *names: str) -> str:
        """As `get`, as text, the items of a list with commas between; "" where there is none."""
        value = self.get(*names)
        return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    def texts(self, *names: str) -> list[str]:
        """A list of texts, also where it is written out as one: `["a", "b"]`; a single text is a list of one."""
        value = self.get(*names)
        if value is None:
            self.text(*names)
        return [str(item) for item in listed(value)]


def listed(value: Any) -> list[Any]:
    """The items of a list, or of a text that writes one in JSON or Python; anything else is a list of itself."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = parsed(value)
    return list(value) if isinstance(value, list | tuple) else [value]


def parsed(text: str) -> Any:
    """What a text writes in JSON or Python; the text itself where it is neither."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or value == [] or (isinstance(value, float) and math.isnan(value))
