"""Media of a row: pictures in base64, as bytes in a struct, or by path; videos by path or name."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demiglace.conversation import Image, Part, Video
from demiglace.evaluation.dataset.files import LONGEST_REFERENCE
from demiglace.evaluation.dataset.row import Row, listed
from demiglace.media.pictures import kind_by_suffix

PICTURES = ("image", "decoded_image", "images", "image_path", "img", "image_name")
_NUMBERED = re.compile(r"image_\d+")
_VIDEO_SUFFIXES = ("", ".mp4", ".webm", ".mkv", ".avi", ".mov")
FOLDERS = ("", "images", "image", "img", "pictures", "video", "videos", "data")


def pictures_of(row: Row) -> tuple[Part, ...]:
    """All pictures of a row in order; ValueError if there are none, or one is missing or is not base64."""
    numbered = [name for name in row.fields if _NUMBERED.fullmatch(name) and row.has(name)]
    if numbered:
        found = [row.fields[name] for name in sorted(numbered, key=lambda name: int(name.removeprefix("image_")))]
    else:
        found = listed(row.get(*_that_holds_pictures(row)))
    pictures = tuple(Image(_picture(entry, row)) for entry in found if entry is not None)
    if not pictures:
        raise ValueError(f"{row.place} holds no picture; its columns are: {row.columns}")
    return pictures


def _that_holds_pictures(row: Row) -> tuple[str, ...]:
    """Columns of pictures, structs before paths: in MathVista's Parquet `image` names a file that does not exist."""
    structs = [name for name in PICTURES if isinstance(row.fields.get(name), Mapping)]
    return (*structs, *PICTURES)


def _picture(value: Any, row: Row) -> bytes | Path:
    if isinstance(value, Mapping):  # the hub's picture: bytes, else a path
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{row.place} holds a picture of type {type(value).__name__}")
    if len(value) <= LONGEST_REFERENCE or _looks_like_a_path(value):
        return _file(value, row, ("",))
    try:
        return base64.b64decode(value.partition("base64,")[2] or value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the picture in {row.place} is not valid base64: {error}") from error


def _looks_like_a_path(value: str) -> bool:
    return len(value) < 512 and kind_by_suffix(Path(value).suffix.lower()) == "image"


def video_of(row: Row, *names: str, folders: Sequence[str] = ()) -> tuple[Part, ...]:
    """The video named by the first of these columns, with or without folder and suffix.

    folders: subfolders of the row's folder to search, besides the usual ones.
    """
    return (Video(_file(row.text(*names), row, _VIDEO_SUFFIXES, folders)),)


def _file(name: str, row: Row, suffixes: tuple[str, ...], folders: Sequence[str] = ()) -> Path:
    """A file inside the row's folder; ValueError if there is none, or if the path leads outside."""
    if any(Path(part).is_absolute() or ".." in Path(part).parts for part in (name, *folders)):
        raise ValueError(f"{row.place} names {name}, which leads out of the folder {row.folder}")
    for folder in (*FOLDERS, *folders):
        for suffix in suffixes:
            if (path := row.folder / folder / f"{name}{suffix}").is_file():
                return path
    raise ValueError(f"{row.place} names {name}, which is not in {row.folder}")
