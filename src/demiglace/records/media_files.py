"""The files that records name, restricted to one folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from demiglace.conversation import Conversation, Document, Image, Video
from demiglace.media.pictures import local_file


@dataclass(frozen=True)
class MediaFolders:
    """The folders in which the files of records may be.

    beside: folder of the records. media: folder that paths are relative to instead; absolute paths into it are allowed
    too. root: folder in which files may be anywhere, by any kind of path: relative to `media`, or without `media` to
    the records or to `root` itself, or absolute.
    """

    beside: Path
    media: Path | None = None
    root: Path | None = None

    def find(self, reference: str) -> Path:
        """The file that a record names by `reference`.

        ValueError if it does not exist, is empty, or is not allowed. Without `root` only the path itself is checked for
        leaving its folder: links are followed, because the folder's owner made them. With `root` links are resolved.
        """
        if self.root is None:
            return find_inside(reference, self.media or self.beside, takes_absolute=self.media is not None)
        starts = [self.media or self.beside, *([self.root] if self.media is None else [])]
        found = {os.path.realpath(start / reference): start / reference for start in starts}
        existing = {path for path in found if os.path.exists(path)}
        allowed = sorted(path for path in existing if Path(path).is_relative_to(os.path.realpath(self.root)))
        if len(allowed) > 1:
            raise ValueError(
                f"{reference} is {allowed[0]} and {allowed[1]}: name the folder that paths are relative to"
            )
        if not allowed:
            why = f"lies outside of the media root {self.root}" if existing else f"does not exist, nor in {self.root}"
            raise ValueError(f"{starts[0] / reference} {why}")
        return local_file(found[allowed[0]], max_bytes=None)


def check_folders(media: Path | None, media_root: Path | None) -> None:
    """ValueError if one of them is no folder: otherwise every record would be a bad one."""
    for name, folder in (("media", media), ("media root", media_root)):
        if folder is not None and not folder.is_dir():
            raise ValueError(f"the {name} {folder} is not a folder")


def find_inside(reference: str, folder: Path, takes_absolute: bool) -> Path:
    """The file that a record names by `reference`, relative to `folder`, or absolute if that is allowed."""
    inside = os.path.abspath(folder / reference)
    if os.path.isabs(reference) and not takes_absolute:
        raise ValueError(f"{reference} is an absolute path, and no media folder or media root was given to hold it")
    if not Path(inside).is_relative_to(os.path.abspath(folder)):
        raise ValueError(f"{reference} leads out of {folder}; a media root says where files may lie")
    return local_file(folder / reference, max_bytes=None)


def media_of(conversation: Conversation) -> list[object]:
    """The conversation's media, each a path, bytes or a picture; the frames of a list one by one."""
    parts = [part for message in conversation.messages for part in message.content]
    shown = [part.source for part in parts if isinstance(part, Image | Document | Video)]
    return [medium for source in shown for medium in (source if isinstance(source, tuple) else (source,))]
