"""What pdfium does not report about a PDF: the size of a page's unit, and which annotations lie on a hidden layer.

pdfium writes a copy of the document with every object as plain text; dictionaries are read from that copy.
Sections are those of ISO 32000-2.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from pypdfium2 import PdfDocument, PdfiumError

_SIGNS = (b"/UserUnit", b"/OCProperties")
_HIDING = b"/ObjStm"  # compressed object streams, which hide the signs
_DEEPEST = 64  # nesting of dictionaries
_WHITE = rb"[\s\0]*"
_XREF_PART = re.compile(rb"(\d+) (\d+)\r?\n((?:\d{10} \d{5} [nf]\s{1,2})*)")
_OBJECT = re.compile(rb"\d+ \d+ obj")
_REFERENCE = re.compile(_WHITE + rb"(\d{1,10})\s+\d+\s+R(?![^\s<>\[\]()/%{}])")
_TOKEN = re.compile(
    _WHITE + rb"(<<|>>|\[|\]|/[^\s\0<>\[\]()/%{}]*|\((?:[^\\()]|\\.)*\)|<[^<>]*>|[^\s\0<>\[\]()/%{}]+)", re.S
)


@dataclass(frozen=True)
class PageFacts:
    """user_unit: length of a page unit in 1/72 inch. hidden: indices of annotations on hidden layers."""

    user_unit: float = 1.0
    hidden: tuple[int, ...] = ()


class _Reference(NamedTuple):
    number: int


class PdfFacts:
    """Facts about the pages of `pdf`, whose file is `data`."""

    def __init__(self, pdf: PdfDocument, data: bytes) -> None:
        self._pages: list[dict[str, Any]] = []
        if not any(sign in data for sign in (*_SIGNS, _HIDING)):
            return
        copy = io.BytesIO()
        with suppress(PdfiumError, ValueError):  # a damaged file is drawn as pdfium draws it
            pdf.save(copy)
            if any(sign in copy.getvalue() for sign in _SIGNS):
                self._objects = _Objects(copy.getvalue())
                self._layers = _Layers(self._objects)
                self._pages = list(self._objects.pages())

    def page(self, index: int) -> PageFacts:
        """The facts of the page at `index`, from 0."""
        if not 0 <= index < len(self._pages):
            return PageFacts()
        with suppress(ValueError):
            page = self._pages[index]
            unit = self._objects.get(page.get("UserUnit"))
            is_sound = isinstance(unit, float) and 0 < unit < math.inf
            return PageFacts(unit if is_sound else 1.0, tuple(self._hidden(page)))
        return PageFacts()

    def _hidden(self, page: dict[str, Any]) -> Iterator[int]:
        for index, annotation in enumerate(self._objects.array(page.get("Annots"))):
            known = self._objects.dictionary(annotation)
            if "OC" in known and not self._layers.show(known["OC"]):
                yield index


class _Objects:
    """The objects of a PDF as pdfium writes it: dictionaries, lists and floats; names and everything else as text.

    ValueError if the file is written differently.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        start = data.rfind(b"\nxref")
        end = data.find(b"trailer", start)
        if min(start, end) < 0:
            raise ValueError("no table of objects")
        self._places: dict[int, int] = {}
        for part in _XREF_PART.finditer(data, start, end):
            entries = part[3].split()
            for index in range(min(int(part[2]), len(entries) // 3)):
                self._places[int(part[1]) + index] = int(entries[3 * index])
        trailer, _ = self._parse(end + len(b"trailer"))
        self.root = self.dictionary(self.dictionary(trailer).get("Root"))

    def get(self, value: Any) -> Any:
        """The object that `value` refers to, or None; `value` itself if it is not a reference."""
        for _ in range(_DEEPEST):
            if not isinstance(value, _Reference):
                return value
            head = _OBJECT.match(self._data, self._places.get(value.number, len(self._data)))
            value = self._parse(head.end())[0] if head else None
        raise ValueError("references that lead nowhere")

    def dictionary(self, value: Any) -> dict[str, Any]:
        found = self.get(value)
        return found if isinstance(found, dict) else {}

    def array(self, value: Any) -> list[Any]:
        found = self.get(value)
        return found if isinstance(found, list) else []

    def references(self, value: Any) -> set[_Reference]:
        return {item for item in self.array(value) if isinstance(item, _Reference)}

    def pages(self) -> Iterator[dict[str, Any]]:
        """Leaves of the page tree in order (7.7.3); each node is visited once."""
        waiting, seen = [self.root.get("Pages")], set()
        while waiting:
            reference = waiting.pop()
            if not isinstance(reference, _Reference) or reference in seen:
                continue
            seen.add(reference)
            node = self.dictionary(reference)
            if "Kids" in node:
                waiting += reversed(self.array(node["Kids"]))
            else:
                yield node

    def _parse(self, place: int, depth: int = 0) -> tuple[Any, int]:
        """The object at `place` and where it ends."""
        if reference := _REFERENCE.match(self._data, place):
            return _Reference(int(reference[1])), reference.end()
        token = _TOKEN.match(self._data, place)
        if token is None or depth > _DEEPEST:
            raise ValueError(f"no object at byte {place}")
        text, place = token[1], token.end()
        if text == b"<<":
            items, place = self._parse_until(">>", place, depth)
            return dict(zip(map(str, items[::2]), items[1::2], strict=False)), place
        if text == b"[":
            return self._parse_until("]", place, depth)
        try:
            return float(text), place
        except ValueError:
            return text.decode("latin-1").removeprefix("/"), place

    def _parse_until(self, end: str, place: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while True:
            item, place = self._parse(place, depth + 1)
            if item == end:
                return items, place
            items.append(item)


class _Layers:
    """Which optional content is shown by default (8.11), by the rules that pdfium applies to page contents."""

    def __init__(self, objects: _Objects) -> None:
        self._objects = objects
        default = objects.dictionary(objects.dictionary(objects.root.get("OCProperties")).get("D"))
        self._is_on = objects.get(default.get("BaseState")) != "OFF"
        self._on, self._off = (objects.references(default.get(key)) for key in ("ON", "OFF"))

    def show(self, content: Any) -> bool:
        """Whether content of an optional content group, or of a membership dictionary (OCMD), is shown."""
        known = self._objects.dictionary(content)
        if known.get("Type") != "OCMD":
            return self._is_group_on(content, known)
        if isinstance(self._objects.get(known.get("VE")), list):
            return self._holds(known["VE"])
        groups = known.get("OCGs")
        members = [groups] if self._objects.dictionary(groups) else self._objects.array(groups)
        states = [self._is_group_on(group, self._objects.dictionary(group)) for group in members]
        if not states:
            return True
        policy = known.get("P", "AnyOn")
        wanted = policy in ("AllOn", "AnyOn")
        matching = [state == wanted for state in states]
        return all(matching) if str(policy).startswith("All") else any(matching)

    def _is_group_on(self, reference: Any, group: dict[str, Any]) -> bool:
        usage = self._objects.dictionary(self._objects.dictionary(group.get("Usage")).get("View"))
        if "ViewState" in usage:
            return usage["ViewState"] != "OFF"
        if not isinstance(reference, _Reference) or (self._is_on and reference not in self._off):
            return True
        return reference in self._on and reference not in self._off

    def _holds(self, expression: Any, depth: int = 0) -> bool:
        """A visibility expression: [/And ...], [/Or ...], [/Not one], or a group."""
        if depth > _DEEPEST:
            raise ValueError("expressions within one another without end")
        parts = self._objects.array(expression)
        if not parts:
            return self._is_group_on(expression, self._objects.dictionary(expression))
        operator, *operands = parts
        results = [self._holds(operand, depth + 1) for operand in operands]
        if operator == "Not":
            return not any(results)
        return all(results) if operator == "And" else any(results)
