"""Settings of videos and documents, from a record or from the caller that opens it.

In a record they may be beside the messages, in a message, and in a part or reference; the innermost wins. `fps`,
`nframes`, `video_start` and `video_end` are named as in Qwen's data, `sample_fps` is the rate of a list of frames;
`max_packages`, `package_frames` and `pages` are named as on the command line.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from demiglace.conversation import SAMPLING, Document, Video, VideoSampling
from demiglace.fields import Field
from demiglace.records.media_keys import MediaKind, is_empty

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


# For the videos of a source, if a record does not set them.
OPTIONS: Mapping[str, Field] = {name: SAMPLING[name] for name in ("fps", "max_packages", "package_frames")}


def read_settings(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not empty; ValueError if two of them set the number of frames."""
    given = {key: fields[key] for key in SETTINGS if not is_empty(fields.get(key))}
    if len(both := sorted(given.keys() & _RATES)) > 1:
        raise ValueError(
            f"{' and '.join(both)} cannot be combined, got {', '.join(typed_repr(given[key]) for key in both)}"
        )
    return given


def nearer(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """Both settings merged; the inner ones override."""
    replaced = inner.keys() | (_RATES if inner.keys() & _RATES else frozenset())
    return {key: value for key, value in outer.items() if key not in replaced} | dict(inner)


def check_applicable(settings: Mapping[str, Any], shown: Iterable[object], what: str) -> None:
    """ValueError for a setting of `what` if none of the parts in `shown` is of the kind that it applies to."""
    parts = list(shown)
    for key, value in settings.items():
        kind: type = Document if key == "pages" else Video
        fitting = [part for part in parts if isinstance(part, kind)]
        if key == "sample_fps":
            fitting = [part for part in fitting if isinstance(part, Video) and isinstance(part.source, tuple)]
        if not fitting:
            wanted = "a list of frames" if key == "sample_fps" else kind.__name__.lower()
            raise ValueError(f"`{key}` does not apply, got {typed_repr(value)}: {what} has no {wanted}")


def of_one_file(kind: MediaKind, settings: Mapping[str, Any], number: int, count: int) -> dict[str, Any]:
    """The settings of one file of several."""
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
        raise ValueError(
            f"`{key}` must be {'a number' if type_ is float else 'a whole number'}, got {typed_repr(value)}"
        )
    return type_(value)


def pages_of(settings: Mapping[str, Any]) -> str | None:
    pages = settings.get("pages")
    if isinstance(pages, int) and not isinstance(pages, bool):
        return str(pages)
    if pages is not None and not isinstance(pages, str):
        raise ValueError(f"`pages` must be text such as '1-3,7', got {typed_repr(pages)}")
    return pages


def video_sampling(settings: Mapping[str, Any], default: VideoSampling | None = None) -> VideoSampling | None:
    """`default` overridden by the settings; ValueError if one of them is out of bounds.

    `package_frames`, if set, is kept in short clips too.
    """
    given: dict[str, Any] = {
        name: _number(key, settings[key], type_) for key, (name, type_) in _VIDEO_SETTINGS.items() if key in settings
    }
    if not given:
        return default
    if "package_frames" in given:
        given["force_package_frames"] = True
    if "fps" in given:
        given["num_frames"] = None  # that of `default` would override the rate
    return replace(default or VideoSampling(), **given)


def typed_repr(value: object) -> str:
    return f"{type(value).__name__} {reprlib.repr(value)}"
