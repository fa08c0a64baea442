"""Docstrings as Markdown, for the API reference: what they say in plain prose, they say as lists and links there.

Lines such as `width: in pixels` about a parameter or a field become items of a list, and names in backticks that are
defined in the package become links.
"""

import re
from typing import Any

from griffe import Class, Extension, Function, NameResolutionError, Object

ITEM = re.compile(r"(?P<names>\w+(?:, \w+)*): ")
NEW_PARAGRAPH = re.compile(r"(Raises|Returns) ")


def described(obj: Object) -> set[str]:
    """Names that a line of the docstring may be about."""
    if isinstance(obj, Class):
        return set(obj.members) | {parameter.name for parameter in obj.parameters}
    return {parameter.name for parameter in obj.parameters} if isinstance(obj, Function) else set()


def with_lists(text: str, names: set[str]) -> str:
    """Blank lines around lists, which Markdown wants, and a dash before each description."""
    lines: list[str] = []
    in_list = False
    for line in text.splitlines():
        match = ITEM.match(line)
        is_description = bool(match and set(match["names"].split(", ")) <= names)
        if is_description:
            line = f"- `{match['names']}`: {line[match.end() :]}"
        if line.startswith("- "):
            lines += [] if in_list else [""]
            in_list = True
        elif in_list and NEW_PARAGRAPH.match(line):
            lines.append("")
            in_list = False
        elif not line.strip():
            in_list = False
        lines.append(line)
    return "\n".join(lines)


def with_links(text: str, obj: Object) -> str:
    """Names in backticks as links to where they are defined; what is not in the reference stays as it is."""

    def link(match: re.Match[str]) -> str:
        try:
            target = obj.resolve(match[1])
        except NameResolutionError:
            return match[0]
        return f'<autoref optional identifier="{target}"><code>{match[1]}</code></autoref>'

    return re.sub(r"`([A-Za-z][\w.]*)`", link, text)


class Docstrings(Extension):
    """What mkdocs.yml names."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = with_links(with_lists(obj.docstring.value, described(obj)), obj)
