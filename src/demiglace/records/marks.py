"""Marks in a text, such as `<image>`: their positions, and the files that they stand for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from demiglace.conversation import Message, Part, Role, Text
from demiglace.records.media import Shown

DraftParts = list[Part | str]  # of a message; plain strings are marks

_MARK = r"<(?:image|video|audio)>|<(?:image|video)_\d+>"
MARKS = re.compile(f"({_MARK})")
# If documents are beside the messages; otherwise these may be XML tags.
MARKS_OF_DOCUMENTS = re.compile(f"({_MARK}|<document>|<pdf>)")
# At the start of the text or of a line, or at the text's end; within a sentence the text talks about the mark.
_STANDING = re.compile(rf"(?:^|\n)\s*(?:{_MARK})|(?<=\s)(?:{_MARK})\s*$")
# Marks of other models' prompts; ours would treat them as plain text.
_FOREIGN = re.compile(
    r"<\|(?:image|video|audio|vision)\w*\|>|<img>[^<\n]{1,1000}</img>|<ImageHere>|<image_placeholder>|<image \d+>"
    r"|<start_of_image>|<IMG_CONTEXT>"
)
_PLACES = re.compile("<bbox>|<ref-object>")  # of ms-swift: where one of `objects` beside the messages is written


class MarkError(ValueError):
    """Marks and files do not fit together."""


def split(text: str, marks: re.Pattern[str]) -> Iterator[Part | str]:
    """Splits a text into pieces and marks."""
    if not marks.search(text):
        yield Text(text)
        return
    for number, piece in enumerate(marks.split(text)):  # every second one is a mark
        if piece.strip():
            yield piece.replace("pdf", "document") if number % 2 else Text(piece.strip())


def check_plain(text: str) -> None:
    """MarkError for a mark in the user's text, for records that name no file."""
    if match := _STANDING.search(text):
        raise MarkError(
            f"the mark {match[0].strip()} calls for a file, and the record names none for it; in `backticks` it is text"
        )


def check_foreign(text: str) -> None:
    """MarkError for a mark of another model's prompts."""
    if match := _FOREIGN.search(text):
        raise MarkError(f"the mark {match[0]:.80} calls for no file here: <image> and <video> do")


def check_places(messages: Sequence[Message]) -> None:
    """MarkError for a mark of what stands in `objects` beside the messages, which is not read."""
    texts = (part.text for message in messages for part in message.content if isinstance(part, Text))
    for text in texts:
        if match := _PLACES.search(text):
            raise MarkError(f"the mark {match[0]} calls for one of `objects`, which are not read: write it out")


def fill(drafts: Sequence[tuple[Role, DraftParts]], beside: Mapping[str, list[Shown]]) -> list[tuple[Role, list[Part]]]:
    """Messages with the files in `beside` at their marks, or, without marks, at the start of the first user message.

    MarkError if the numbers of marks and files differ, or if only other messages than the user's have marks.
    """
    marks = Counter(piece for _, draft in drafts for piece in draft if isinstance(piece, str))
    if beside and not marks:
        _check_answers(drafts)
        first = next((number for number, (role, _) in enumerate(drafts) if role == "user"), 0)
        marks.update({mark: len(parts) for mark, parts in beside.items()})
        drafts = [*drafts[:first], (drafts[first][0], [*marks.elements(), *drafts[first][1]]), *drafts[first + 1 :]]
    if marks["<image>"] and len(beside) == 1 and not marks.keys() & beside.keys():
        beside = {"<image>": next(iter(beside.values()))}  # LLaVA uses <image> for videos too
    for mark in sorted(marks.keys() | beside.keys()):
        if marks[mark] != len(beside.get(mark, [])):
            raise MarkError(f"{marks[mark]} marks {mark}, but {len(beside.get(mark, []))} files for them")
    waiting = {mark: iter(parts) for mark, parts in beside.items()}
    return [
        (role, [next(waiting[piece]) if isinstance(piece, str) else piece for piece in draft]) for role, draft in drafts
    ]


def _check_answers(drafts: Sequence[tuple[Role, DraftParts]]) -> None:
    """MarkError if the files beside the messages seem to belong to a message that is not the user's."""
    for role, draft in drafts:
        for piece in draft:
            if role != "user" and isinstance(piece, Text) and (match := _STANDING.search(piece.text)):
                raise MarkError(f"the mark {match[0].strip()} stands with the {role}, and only the user shows files")
