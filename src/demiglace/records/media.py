"""Media of a record: references become images, videos and documents, with the settings of the record or its source.

A reference is a path, a `data:` URL, base64 as in Ollama, bytes, or an object that contains one of these ({"bytes",
"path"} of Hugging Face datasets, {"url"} and {"file_data"} of OpenAI's API, Anthropic's {"data"}). A list of pictures
is a video whose frames have already been sampled. Nothing is fetched from the network.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote

from demiglace.conversation import Document, Image, Video, VideoSampling
from demiglace.media.pictures import MAX_BYTES, has_pages, kind_of
from demiglace.records.media_keys import MEDIA_KEYS, MediaKind, Sightings, is_empty, is_note
from demiglace.records.media_settings import (
    SETTINGS,
    check_applicable,
    nearer,
    of_one_file,
    pages_of,
    read_settings,
    typed_repr,
    video_sampling,
)

Held = str | PathLike[str] | bytes
Find = Callable[[str], Held]  # resolves a path in a record; ValueError if there is no file
Shown = Image | Video | Document

_IN_BASE64 = ("base64", "data", "file_data")
_OBJECTS = ("source", "file")  # Anthropic's, OpenAI's
_PLACES = ("path", "url", "file_url")
_NOTES = frozenset(("detail", "cache_control", "media_type", "mime_type", "filename", "name"))  # have no effect
# Base64 prefixes of PNG, JPEG, GIF, WebP and AVI, TIFF, PDF, MP4 and WebM.
_BASE64 = re.compile(r"(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR|SUkqA|TU0AK|JVBERi|AAAA..Z0eX|GkXfo)[A-Za-z0-9+/\s]{40,}=*\s*")
_ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_FILE = re.compile(r"^file:(?://(?:localhost(?=/))?)?", re.IGNORECASE)
_MARK = re.compile(r"<(?:image|video)(?:_\d+)?>")
_STILLS = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm"))
_PICTURES = _STILLS | {".webp", ".gif", ".avif"}  # files with these names hold one picture; others are opened to see


@dataclass
class RecordMedia:
    """Resolves the media of one record.

    find: resolves a path. sampling: of videos for which the record sets none.
    """

    find: Find
    sampling: VideoSampling | None = None
    seen: Sightings = field(default_factory=Sightings)

    def beside(self, fields: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, list[Shown]]:
        """The media in fields beside the messages, or beside the text of one, by the mark that stands for it.

        A setting that is a list has one value for each file.
        """
        by_mark: dict[str, list[Shown]] = {}
        for kind, key in keys_beside(fields).items():
            marks, references = _called_for(kind, key, fields[key])
            for number, (mark, reference) in enumerate(zip(marks, references, strict=True)):
                try:
                    own = of_one_file(kind, settings, number, len(marks))
                    by_mark.setdefault(mark, []).append(self.show(kind, reference, own))
                except ValueError as error:
                    raise ValueError(f"`{key}`: {error}") from error
        return by_mark

    def show(self, kind: MediaKind | None, reference: object, settings: Mapping[str, Any]) -> Shown:
        """The part for a reference of a record; if `kind` is None, its bytes decide.

        ValueError if it cannot be found, is a video among images, or has settings that do not apply.
        """
        held, own = _opened(reference)
        shown = self._part(kind, held, nearer(settings, own))
        check_applicable(own, [shown], "the file")
        return shown

    def _part(self, kind: MediaKind | None, reference: object, settings: Mapping[str, Any]) -> Shown:
        if kind == "video":
            return Video(self._video(reference), video_sampling(settings, self.sampling))
        source = self._source(reference)
        held = _kind_of(source)
        if held == "video" and kind is None:
            return Video(source, video_sampling(settings, self.sampling))
        if held == "video":
            name = "a file given as bytes" if isinstance(source, bytes) else source
            raise ValueError(f"{name} is a video, but stands among the {kind}s")
        pages = pages_of(settings)
        if held == "document" or (pages is not None and not _is_named_picture(source) and has_pages(source)):
            return Document(source, pages)
        return Image(source)

    def _video(self, reference: object) -> Held | list[Held]:
        if not isinstance(reference, list):
            return self._source(reference)
        frames = []
        for item in reference:
            held, own = _opened(item)
            check_applicable(own, [], "a frame")
            frames.append(self._source(held))
        return frames[0] if len(frames) == 1 and not _is_still(reference[0]) else frames

    def _source(self, reference: object) -> Held:
        if isinstance(reference, str) and (reference.startswith("data:") or _BASE64.fullmatch(reference)):
            reference = _data_of(reference)
        if isinstance(reference, bytes):
            self.seen.add(None)
            return reference
        if not isinstance(reference, str) or not reference:
            raise ValueError(f"a picture, video or PDF must be named by a path, got {typed_repr(reference)}")
        if _ADDRESS.match(reference):
            raise ValueError(f"{reference:.80} is an address; only local files are opened")
        self.seen.add(reference)
        path = _FILE.sub("", reference)
        try:
            return self.find(path)
        except ValueError:
            decoded = unquote(path)
            if path == reference or decoded == path:
                raise
            return self.find(decoded)  # file: URLs are percent-encoded, but Qwen's code opens them as they are


def keys_beside(fields: Mapping[str, Any]) -> dict[MediaKind, str]:
    """For each kind the key that is read."""
    found: dict[MediaKind, str] = {}
    for key, kind in MEDIA_KEYS.items():
        if not is_empty(fields.get(key)):
            found.setdefault(kind, key)
    return found


def check_known(fields: Mapping[str, Any], read: Iterable[str], what: str) -> None:
    """ValueError for a key beside a file that may be a setting of it, but is not supported."""
    for key in fields.keys() - {*read, *SETTINGS} - _NOTES:
        if not is_empty(fields[key]) and not is_note(key):
            raise ValueError(f"`{key}` of {what} is not supported, got {typed_repr(fields[key])}")


def reference_in(fields: Mapping[str, Any], kind: MediaKind | None) -> object:
    """The reference in a part of a message, None if it stands for a file beside the messages; ValueError as above."""
    holders = [key for key, held in MEDIA_KEYS.items() if held == kind]
    key, reference = _held_in(fields, (*holders, *_OBJECTS))
    check_known(fields, _read_with(key), f"a part of type {fields.get('type') or key}")
    return reference


def _opened(reference: object) -> tuple[object, dict[str, Any]]:
    """The reference inside an object and the object's settings; other references are returned unchanged."""
    if not isinstance(reference, dict):
        return reference, {}
    key, held = _held_in(reference, _OBJECTS)
    check_known(reference, _read_with(key), "a file")
    return held, read_settings(reference)


def _held_in(fields: Mapping[str, Any], holders: Iterable[str]) -> tuple[str, object]:
    """The key and value of an object's reference; bytes take precedence over a path, which then is only a name."""
    for key in (*holders, "bytes", *_IN_BASE64, *_PLACES):
        if not is_empty(value := fields.get(key)):
            if key == "bytes" or key in _IN_BASE64:
                value = value if isinstance(value, bytes) else _data_of(value)
            return key, value
    return "", None


def _read_with(key: str) -> tuple[str, ...]:
    return (key, "type", "path") if key == "bytes" else (key, "type")


def _called_for(kind: MediaKind, key: str, value: object) -> tuple[list[str], list[Any]]:
    """Marks, and the references that they stand for."""
    if isinstance(value, dict) and all(map(_MARK.fullmatch, value)):
        return list(value), list(value.values())
    is_one = not isinstance(value, list) or _is_frames(kind, key, value)
    references = [value] if is_one else list(value)  # type: ignore[call-overload]
    return [f"<{kind}>"] * len(references), references


def _is_frames(kind: MediaKind, key: str, references: list[Any]) -> bool:
    """Whether the references are the frames of one video; otherwise each is a video."""
    if kind != "video" or any(isinstance(reference, list) for reference in references):
        return False
    return key == "frames" or all(map(_is_still, references))


def _is_still(reference: object) -> bool:
    if isinstance(reference, dict):
        reference = _held_in(reference, _OBJECTS)[1]
    if isinstance(reference, bytes):
        return _kind_of(reference) == "image"
    return isinstance(reference, str) and (
        PurePath(reference).suffix.lower() in _STILLS or reference.startswith(("data:image/png", "data:image/jpeg"))
    )


def _kind_of(source: Held) -> MediaKind:
    """From its name if possible, so that most files are opened only once, when they are used."""
    if _is_named_picture(source):
        return "image"
    if not isinstance(source, bytes) and PurePath(source).suffix.lower() == ".pdf":
        return "document"
    held = kind_of(source)
    return "image" if held == "animation" else held


def _is_named_picture(source: Held) -> bool:
    return not isinstance(source, bytes) and PurePath(source).suffix.lower() in _PICTURES


def _data_of(text: object) -> bytes:
    """The bytes of a `data:` URL, or of plain base64."""
    if not isinstance(text, str):
        raise ValueError(f"base64 must be text, got {typed_repr(text)}")
    head, comma, payload = text.partition(",") if text.startswith("data:") else ("", "", text)
    if comma and not head.endswith(";base64"):
        raise ValueError(f"a data: address must be in base64, got {head:.80}")
    if len(payload) * 3 // 4 > MAX_BYTES:
        raise ValueError(f"{len(payload) * 3 // 4} bytes in base64, more than the {MAX_BYTES} taken")
    try:
        return base64.b64decode("".join(payload.split()), validate=True)
    except ValueError as error:
        raise ValueError(f"base64 is broken: {error}") from error
