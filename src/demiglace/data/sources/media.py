"""The files that records name, held inside one folder."""

from __future__ import annotations

import os
from pathlib import Path

from demiglace.conversation import Conversation, Document, Image, Video
from demiglace.processing.pictures import local_file


def find_media(reference: str, folder: Path, takes_absolute: bool) -> Path:
    """The file that a record calls `reference`, relative to `folder`; an absolute path only where it is allowed.

    ValueError where it does not exist, is empty, or lies outside of `folder` by its name. Links are followed: whoever
    owns the folder made them.
    """
    inside = os.path.abspath(folder / reference)
    if os.path.isabs(reference) and not takes_absolute:
        raise ValueError(f"{reference} is an absolute path, and no media folder was given that it could lie in")
    if not Path(inside).is_relative_to(os.path.abspath(folder)):
        raise ValueError(f"{reference} leads out of {folder}")
    return local_file(folder / reference, max_bytes=None)


def media_of(conversation: Conversation) -> list[object]:
    """What is shown in it, each a path, bytes or a picture; the frames of a list one by one."""
    parts = [part for message in conversation.messages for part in message.content]
    shown = [part.source for part in parts if isinstance(part, Image | Document | Video)]
    return [one for source in shown for one in (source if isinstance(source, tuple) else (source,))]
