"""The keys of a record that name pictures, videos, documents and sounds, and the check for such keys that are not read.

A record may have any keys beside its messages. Media under a key that is not read would silently be left out of
training, so such a key makes a bad record, at any depth. Keys are compared word by word: "imageUrl2" is image, url.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from demiglace.fields import short_repr
from demiglace.media.pictures import kind_of

MediaKind = Literal["image", "video", "document"]

_NOUNS: dict[MediaKind, tuple[str, ...]] = {"image": ("image",), "video": ("video",), "document": ("document", "pdf")}
_ENDINGS = ("", "s", "_path", "_paths", "_url", "_urls")
# Of a record and of a message. For each kind, the first key that is not empty is read.
MEDIA_KEYS: dict[str, MediaKind] = {
    f"{noun}{ending}": kind for kind, nouns in _NOUNS.items() for noun in nouns for ending in _ENDINGS
} | {"frames": "video"}

_IMAGES = "image|img|picture|photo|photograph|screenshot|thumbnail|pixel|jpe?g|png|tiff?|webp|heic|bmp|gif"
_OTHERS = "video|movie|mp|webm|frame|pdf|document|media|multimedia|audio|wav"
_HELD_AS = "path|file|filename|url|uri|link|list|data|bytes|base|name"
_MEDIA_WORD = re.compile(rf"(?:{_IMAGES}|{_OTHERS})(?:s|es)?(?:{_HELD_AS})?s?")
# Last words of keys that describe media and name none: ids in other programs, size, date and author, text or
# annotations in it. Their values are not inspected.
_ABOUT = re.compile(
    r"(?:id|uid|uuid|guid|idx|index|key|hash|md|sha|phash|checksum|etag"
    r"|width|height|size|shape|resolution|ratio|dimension|area|length|duration|count|num|number|orientation|rotation|dpi"
    r"|caption|description|desc|title|label|tag|category|class|type|kind|format|mode|modality|mime|codec|alt|text|ocr"
    r"|prompt|question|answer|instruction|query|summary|keyword|transcript|subtitle|language|lang|subject|style|topic"
    r"|comment|note|quality|score|rating|rank|confidence|license|licence|copyright|credit|author|owner|creator"
    r"|date|time|timestamp|year|created|modified|split|subset|dataset|collection|domain"
    r"|box|bbox|region|point|polygon|coordinate|token|status|error|version)(?:s|es)?"
)
_PLACE = re.compile(r"(?:segment|span|interval|window|event|coord|keypoint|landmark|mask)s?")  # as arrays of numbers
_ABOUT_FIRST = re.compile(r"has|is|no|num|n|use|with")  # "has_image", "num_images"
# Where something comes from: also text ("source": "report.pdf"), and beside media another name of them.
_ORIGIN = re.compile(r"source|src|origin|original|url|uri|link|reference")
_NAME = re.compile(r"name|file|filename|path")
# Tools and response formats: their schemas have arbitrary keys.
_SCHEMAS = frozenset(("tools", "functions", "tool_calls", "function_call", "tool_choice", "response_format"))
# Settings of media in other programs that are not supported here.
_SETTING = re.compile(
    r"(?:min|max|total|num|n)_(?:frames|pixels|slices|slice_nums|tiles|patches)|(?:image|video)_(?:min|max)_pixels"
    r"|(?:resized|target)_(?:width|height)|(?:video|sample|target|raw)_fps|frame_?rate|sampling_rate|frame_interval"
    r"|frames?|num_segments|video_(?:maxlen|minlen|max_frames|num_frames)|force_package_frames|do_sample_frames"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# A path or name with at most three spaces: with more it is a sentence.
_FILE = re.compile(
    r"(?:\S{1,500} ){0,3}\S{0,500}\.(?:png|jpe?g|webp|gif|bmp|tiff?|avif|hei[cf]|jxl|jp2|p[pg]m|svg|psd"
    r"|mp4|m4v|mov|mkv|webm|avi|mpe?g|flv|wmv|3gp|mts|m2ts|pdf|djvu|wav|mp3|flac|ogg|m4a)",
    re.IGNORECASE,
)
_DATA_ADDRESS = re.compile(r"data:(?:image|video|audio|application)/", re.IGNORECASE)


def is_empty(value: object, depth: int = 4) -> bool:
    """Whether a value is empty: Parquet gives every row every key, with empty objects in place of missing ones."""
    if isinstance(value, dict):
        return not value or (depth > 0 and all(is_empty(inner, depth - 1) for inner in value.values()))
    return value is None or (isinstance(value, str | bytes | list) and not value)


@dataclass
class Sightings:
    """What is read of a record: the names of its files, whether it contains some as bytes, and the fields not read."""

    names: set[str] = field(default_factory=set)
    holds_bytes: bool = False
    unread: list[tuple[tuple[str, ...], Any]] = field(default_factory=list)

    @property
    def shows_any(self) -> bool:
        return bool(self.names) or self.holds_bytes

    def add(self, name: str | None) -> None:
        """`name`: as in the record; None for bytes."""
        if name is None:
            self.holds_bytes = True
        else:
            self.names |= {name, PurePosixPath(name).name}

    def leave(self, fields: Mapping[str, Any], read: Iterable[str], *place: str) -> None:
        """Notes the fields under other keys than those in `read`; `place`: the keys above."""
        self.unread += [((*place, key), value) for key, value in fields.items() if key not in {*read, *_SCHEMAS}]

    def check(self) -> None:
        """ValueError that names the key if a field not read names media, or is a setting of media that are shown."""
        for place, value in self.unread:
            if self.shows_any and not is_empty(value) and _SETTING.fullmatch(place[-1]):
                raise ValueError(f"`{_joined(place)}` is not supported, got {short_repr(value)}")
            for keys, leaf in _leaves(place, value):
                if self._names_media(keys, leaf):
                    raise ValueError(
                        f"`{_joined(keys)}` names media and is not read, got {short_repr(leaf)}: there are image, "
                        "images and image_path, and the same for video and document"
                    )

    def _names_media(self, keys: tuple[str, ...], leaf: str | bytes | list[Any]) -> bool:
        words = [_words(key) for key in keys if not key.isdigit()] or [[keys[0]]]
        if self.shows_any and isinstance(leaf, str) and self._is_shown(leaf, words[-1]):
            return False
        if _holds_media(leaf):
            return True
        naming = [number for number, own in enumerate(words) if any(map(_MEDIA_WORD.fullmatch, own))]
        if naming:
            is_place = isinstance(leaf, list) and bool(_PLACE.fullmatch(words[-1][-1]))
            return not is_place and not any(map(_is_about, words[naming[0] :]))
        if not isinstance(leaf, str) or not _FILE.fullmatch(leaf) or _is_about(words[-1]):
            return False
        return not any(map(_ORIGIN.fullmatch, words[-1])) or not (self.shows_any or leaf.endswith(".pdf"))

    def _is_shown(self, leaf: str, words: list[str]) -> bool:
        """Whether `leaf` is a file that is shown, or is under a key that may hold another name of one."""
        is_origin = any(map(_ORIGIN.fullmatch, words))
        if leaf in self.names or (is_origin and leaf.startswith(("http://", "https://"))):
            return True
        is_name = is_origin or bool(_NAME.fullmatch(words[-1]))
        return is_name and (self.holds_bytes or not _FILE.fullmatch(leaf) or PurePosixPath(leaf).name in self.names)


def is_note(key: str) -> bool:
    """Whether a key beside a file only describes it, and neither names a file nor is a setting."""
    return key not in ("text", "content") and not _SETTING.fullmatch(key) and _is_about(_words(key))


def _is_about(words: list[str]) -> bool:
    return bool(_ABOUT_FIRST.fullmatch(words[0]) or _ABOUT.fullmatch(words[-1]))


def _words(key: str) -> list[str]:
    """The words of a key, letters only: "image_base64" is image, base."""
    return [word.lower() for word in _WORD.findall(key)] or [key]


def _leaves(place: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], str | bytes | list[Any]]]:
    """Strings, bytes and arrays of numbers such as pixels anywhere in `value`, with the keys that lead there."""
    waiting = [(place, value)]
    while waiting:
        keys, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*keys, str(key)), inner) for key, inner in value.items()]
        elif isinstance(value, list) and _is_array(value):
            yield keys, value
        elif isinstance(value, tuple) and len(value) == 2:  # an entry of an Arrow map
            waiting.append(((*keys, str(value[0])), value[1]))
        elif isinstance(value, list):
            waiting += [((*keys, str(number)), inner) for number, inner in enumerate(value)]
        elif (isinstance(value, str) and value.strip()) or (isinstance(value, bytes) and value):
            yield keys, value


def _is_array(value: list[Any]) -> bool:
    return bool(value) and isinstance(value[0], list) and bool(value[0]) and isinstance(value[0][0], int | float | list)


def _holds_media(leaf: str | bytes | list[Any]) -> bool:
    """Whether the leaf is the file's contents."""
    if not isinstance(leaf, bytes):
        return isinstance(leaf, str) and bool(_DATA_ADDRESS.match(leaf))
    try:
        return bool(kind_of(leaf))
    except ValueError:
        return False


def _joined(keys: tuple[str, ...]) -> str:
    return ".".join(keys)
