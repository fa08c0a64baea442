"""What a record shows: references become images, videos and documents, looked at as the record or its source says.

A reference is a path, a `data:` address, base64 as Ollama takes it, bytes, or an object that holds one of these
({"bytes", "path"} of Hugging Face's data sets, {"url"} and {"file_data"} of OpenAI's API, Anthropic's {"data"}). A list
of pictures is a video whose frames were sampled already. Nothing is fetched from the network.

How it is looked at may stand beside the messages, at a message, and at a part or reference; the nearest wins. `fps`,
`nframes`, `video_start` and `video_end` are named as in Qwen's data, `sample_fps` is the rate of a list of frames;
`max_packages`, `package_frames` and `pages` are named as on the command line.
"""

from __future__ import annotations

import base64
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import PurePath
from typing import Any

from demiglace.conversation import Document, Image, Video, VideoSampling
from demiglace.data.media_keys import MEDIA_KEYS, Kind, Sightings, is_empty, is_note
from demiglace.processing.pictures import MAX_BYTES, kind_of

Held = str | PathLike[str] | bytes
Find = Callable[[str], Held]  # what a path in a record stands for; ValueError where nothing
Shown = Image | Video | Document

# Setting -> field of `VideoSampling`, and its type.
_VIDEO_SETTINGS: dict[str, tuple[str, type[float] | type[int]]] = {
    "fps": ("fps", float),
    "sample_fps": ("fps", float),
    "nframes": ("num_frames", int),
    "video_start": ("start", float),
    "video_end": ("end", float),
    "max_packages": ("max_packages", int),
    "package_frames": ("package_frames", int),
}
SETTINGS = (*_VIDEO_SETTINGS, "pages")
_RATES = frozenset(("fps", "sample_fps", "nframes"))

_IN_BASE64 = ("base64", "data", "file_data")
_OBJECTS = ("source", "file")  # Anthropic's, OpenAI's
_PLACES = ("path", "url", "file_url")
_NOTES = frozenset(("detail", "cache_control", "media_type", "mime_type", "filename", "name"))  # that change nothing
# How base64 of PNG, JPEG, GIF, WebP and AVI, TIFF, PDF, MP4 and WebM begins.
_BASE64 = re.compile(r"(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR|SUkqA|TU0AK|JVBERi|AAAA..Z0eX|GkXfo)[A-Za-z0-9+/\s]{40,}=*\s*")
_ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_MARK = re.compile(r"<(?:image|video)(?:_\d+)?>")
_STILLS = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm"))
_PICTURES = _STILLS | {".webp", ".gif", ".avif"}  # files of these names hold one picture; others are looked into


@dataclass
class RecordMedia:
    """Reads what one record names.

    find: the file of a path. sampling: of videos for which the record says nothing.
    """

    find: Find
    sampling: VideoSampling | None = None
    seen: Sightings = field(default_factory=Sightings)

    def beside(self, fields: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, list[Shown]]:
        """What stands beside messages, or beside the text of one, by the mark that calls for it.

        A setting that is a list has a value for each of the files.
        """
        by_mark: dict[str, list[Shown]] = {}
        for kind, key in keys_beside(fields).items():
            marks, references = _called_for(kind, key, fields[key])
            for number, (mark, reference) in enumerate(zip(marks, references, strict=True)):
                try:
                    own = _settings_of(kind, settings, number, len(marks))
                    by_mark.setdefault(mark, []).append(self.show(kind, reference, own))
                except ValueError as error:
                    raise ValueError(f"`{key}`: {error}") from error
        return by_mark

    def show(self, kind: Kind | None, reference: object, settings: Mapping[str, Any]) -> Shown:
        """The part for a reference of a record; where `kind` is None, its bytes decide.

        ValueError for what cannot be found, a video among images, and settings that cannot be honoured.
        """
        own: dict[str, Any] = {}
        if isinstance(reference, dict):
            own = read_settings(reference)
            key, held = _held_in(reference, _OBJECTS)
            check_known(reference, _read_with(key), "a file")
            reference = held
        shown = self._part(kind, reference, nearer(settings, own))
        check_honoured(own, [shown], "the file")
        return shown

    def _part(self, kind: Kind | None, reference: object, settings: Mapping[str, Any]) -> Shown:
        if kind == "video":
            return Video(self._video(reference), self._sampling(settings))
        source = self._source(reference)
        held = _kind_of(source)
        if held == "video" and kind is None:
            return Video(source, self._sampling(settings))
        if held == "video":
            name = "a file given as bytes" if isinstance(source, bytes) else source
            raise ValueError(f"{name} is a video, but stands among the {kind}s")
        return Document(source, _pages(settings)) if held == "document" else Image(source)

    def _video(self, reference: object) -> Held | list[Held]:
        if not isinstance(reference, list):
            return self._source(reference)
        frames = [self._source(item) for item in reference]
        return frames[0] if len(frames) == 1 and not _is_still(reference[0]) else frames

    def _sampling(self, settings: Mapping[str, Any]) -> VideoSampling | None:
        given: dict[str, Any] = {
            name: _number(key, settings[key], type_)
            for key, (name, type_) in _VIDEO_SETTINGS.items()
            if key in settings
        }
        if not given:
            return self.sampling
        if "package_frames" in given:
            given["force_package_frames"] = True
        return replace(self.sampling or VideoSampling(), **given)

    def _source(self, reference: object) -> Held:
        if isinstance(reference, dict):
            reference = _held_in(reference, _OBJECTS)[1]
        if isinstance(reference, str) and (reference.startswith("data:") or _BASE64.fullmatch(reference)):
            reference = _data_of(reference)
        if isinstance(reference, bytes):
            self.seen.add(None)
            return reference
        if not isinstance(reference, str) or not reference:
            raise ValueError(f"a picture, video or PDF must be named by a path, got {told(reference)}")
        if _ADDRESS.match(reference):
            raise ValueError(f"{reference:.80} is an address; only local files are opened")
        self.seen.add(reference)
        return self.find(reference.removeprefix("file://"))


def keys_beside(fields: Mapping[str, Any]) -> dict[Kind, str]:
    """Of each kind the key that is read."""
    found: dict[Kind, str] = {}
    for key, kind in MEDIA_KEYS.items():
        if not is_empty(fields.get(key)):
            found.setdefault(kind, key)
    return found


def read_settings(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say something; ValueError where two of them say how many frames are wanted."""
    given = {key: fields[key] for key in SETTINGS if not is_empty(fields.get(key))}
    if len(both := sorted(given.keys() & _RATES)) > 1:
        raise ValueError(f"{' and '.join(both)} exclude each other, got {', '.join(told(given[key]) for key in both)}")
    return given


def nearer(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """Both settings, with the inner ones where they say something else."""
    replaced = inner.keys() | (_RATES if inner.keys() & _RATES else frozenset())
    return {key: value for key, value in outer.items() if key not in replaced} | dict(inner)


def check_honoured(settings: Mapping[str, Any], shown: Iterable[object], what: str) -> None:
    """ValueError for a setting of `what`, where none of the parts is of the kind that it is for."""
    parts = list(shown)
    for key, value in settings.items():
        kind: type = Document if key == "pages" else Video
        fitting = [part for part in parts if isinstance(part, kind)]
        if key == "sample_fps":
            fitting = [part for part in fitting if isinstance(part, Video) and isinstance(part.source, tuple)]
        if not fitting:
            wanted = "a list of frames" if key == "sample_fps" else kind.__name__.lower()
            raise ValueError(f"`{key}` is not honoured, got {told(value)}: {what} is or shows no {wanted}")


def check_known(fields: Mapping[str, Any], read: Iterable[str], what: str) -> None:
    """ValueError for a key beside a file that may say how to look at it, and is not honoured."""
    for key in fields.keys() - {*read, *SETTINGS} - _NOTES:
        if not is_empty(fields[key]) and not is_note(key):
            raise ValueError(f"`{key}` of {what} is not honoured, got {told(fields[key])}")


def reference_in(fields: Mapping[str, Any], kind: Kind | None) -> object:
    """What a part of a message refers to, None where a file beside the messages is meant; ValueError as above."""
    holders = [key for key, held in MEDIA_KEYS.items() if held == kind]
    key, reference = _held_in(fields, (*holders, *_OBJECTS))
    check_known(fields, _read_with(key), f"a part of type {fields.get('type') or key}")
    return reference


def _held_in(fields: Mapping[str, Any], holders: Iterable[str]) -> tuple[str, object]:
    """The key and the value of what an object refers to; bytes come before their path, which is only a name then."""
    for key in (*holders, "bytes", *_IN_BASE64, *_PLACES):
        if not is_empty(value := fields.get(key)):
            if key == "bytes" or key in _IN_BASE64:
                value = value if isinstance(value, bytes) else _data_of(value)
            return key, value
    return "", None


def _read_with(key: str) -> tuple[str, ...]:
    return (key, "type", "path") if key == "bytes" else (key, "type")


def _called_for(kind: Kind, key: str, value: object) -> tuple[list[str], list[Any]]:
    """Marks, and the references that they call for."""
    if isinstance(value, dict) and all(map(_MARK.fullmatch, value)):
        return list(value), list(value.values())
    is_one = not isinstance(value, list) or _is_frames(kind, key, value)
    references = [value] if is_one else list(value)  # type: ignore[call-overload]
    return [f"<{kind}>"] * len(references), references


def _is_frames(kind: Kind, key: str, references: list[Any]) -> bool:
    """Whether they are the frames of one video; otherwise each is a video."""
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


def _settings_of(kind: Kind, settings: Mapping[str, Any], number: int, count: int) -> dict[str, Any]:
    """Those of one file of several."""
    own = {}
    for key, value in settings.items():
        if isinstance(value, list) and (key == "pages") == (kind != "video"):
            if len(value) != count:
                raise ValueError(f"`{key}` has {len(value)} values for {count} files")
            value = value[number]
        if not is_empty(value):
            own[key] = value
    return own


def _number(key: str, value: object, type_: type[float] | type[int]) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9 or type_(value) != value:
        raise ValueError(f"`{key}` must be {'a number' if type_ is float else 'a whole number'}, got {told(value)}")
    return type_(value)


def _pages(settings: Mapping[str, Any]) -> str | None:
    pages = settings.get("pages")
    if isinstance(pages, int) and not isinstance(pages, bool):
        return str(pages)
    if pages is not None and not isinstance(pages, str):
        raise ValueError(f"`pages` must be text such as '1-3,7', got {told(pages)}")
    return pages


def _kind_of(source: Held) -> Kind:
    """By its name where that is enough, so that the files of most records are opened once, when they are looked at."""
    if not isinstance(source, bytes) and PurePath(source).suffix.lower() in _PICTURES:
        return "image"
    if not isinstance(source, bytes) and PurePath(source).suffix.lower() == ".pdf":
        return "document"
    held = kind_of(source)
    return "image" if held == "animation" else held


def _data_of(text: object) -> bytes:
    """The bytes of a `data:` address, or of base64 alone."""
    if not isinstance(text, str):
        raise ValueError(f"base64 must be text, got {told(text)}")
    head, comma, payload = text.partition(",") if text.startswith("data:") else ("", "", text)
    if comma and not head.endswith(";base64"):
        raise ValueError(f"a data: address must be in base64, got {head:.80}")
    if len(payload) * 3 // 4 > MAX_BYTES:
        raise ValueError(f"{len(payload) * 3 // 4} bytes in base64, more than the {MAX_BYTES} taken")
    try:
        return base64.b64decode("".join(payload.split()), validate=True)
    except ValueError as error:
        raise ValueError(f"base64 is broken: {error}") from error


def told(value: object) -> str:
    return f"{type(value).__name__} {reprlib.repr(value)}"
