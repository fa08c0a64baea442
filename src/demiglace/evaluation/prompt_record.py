"""Records of sent conversations: the text, and what the model saw of each picture, page and video."""

from __future__ import annotations

import hashlib
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import PIL.Image

from demiglace.conversation import Conversation, Document, Image, Part, Text, Video
from demiglace.media.pictures import file_name, open_header
from demiglace.media.video import plan_video


def sent_parts(conversation: Conversation) -> list[dict[str, Any]]:
    """An entry for each file, in order: sizes in pixels, times in seconds, a hash of the content.

    ValueError if one cannot be opened.
    """
    parts = [part for message in conversation.messages for part in message.content]
    return [_part_record(part) for part in parts if not isinstance(part, Text)]


def prompt_text(conversation: Conversation) -> str:
    """All texts, with a mark in place of each file."""
    marks = {Image: "<image>", Document: "<document>", Video: "<video>"}
    parts = [part for message in conversation.messages for part in message.content]
    return "\n".join(part.text if isinstance(part, Text) else marks[type(part)] for part in parts)


def _part_record(part: Part) -> dict[str, Any]:
    if isinstance(part, Image):
        picture = part.source if isinstance(part.source, PIL.Image.Image) else open_header(part.source)
        width, height = picture.size
        return {"kind": "image", "width": width, "height": height, "sha256": _hash(part.source)}
    if isinstance(part, Video):
        facts, plan = plan_video(part.source, part.sampling)
        return {
            "kind": "video",
            "width": facts.width,
            "height": facts.height,
            "duration_s": facts.duration_s,
            "times": [round(time, 3) for time in plan.times],
            "package_sizes": list(plan.package_sizes),
            "sha256": _hash(part.source),
        }
    assert isinstance(part, Document)
    return {"kind": "document", "name": file_name(part.source), "pages": part.pages, "sha256": _hash(part.source)}


def _hash(source: Any) -> str:
    """A hash of bytes or pixels; files are hashed by content, which is small enough to be sent."""
    digest = hashlib.sha256()
    if isinstance(source, PIL.Image.Image):
        digest.update(repr((source.mode, source.size)).encode())
        digest.update(source.tobytes())
    elif isinstance(source, bytes):
        digest.update(source)
    elif isinstance(source, str | PathLike):
        with Path(fspath(source)).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    else:
        for frame in source:
            digest.update(_hash(frame).encode())
    return digest.hexdigest()
