"""Tar shards in webdataset's format: members of one sample share a name and differ in extension.

`0007.json` is a record (see `records.formats`), or `0007.txt` a caption; `0007.jpg`, `0007.mp4` are its media. Beside
a caption, `0007.json` may hold facts about the picture, as img2dataset writes them; they are not shown. Shards are read
in place and nothing is extracted: member names are not used as paths. A hard link to an earlier member of the shard, as
tar writes for a file of several names, is that member; other links and devices are left out.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from demiglace.conversation import Conversation, Document, Image, Message, Text, Video, VideoSampling
from demiglace.data.source import SHUFFLED_BLOCKS, FileSource, count_records
from demiglace.media.pictures import MAX_BYTES, local_file
from demiglace.processing.chat_template import END_THINK
from demiglace.records.bad_record import BadRecord
from demiglace.records.formats import MAX_RECORD_BYTES, TURNS, parse_json, read_record
from demiglace.records.media import RecordMedia
from demiglace.records.media_keys import MediaKind

MAX_MEMBERS = 1_000_000  # of a shard
MAX_HEADER_BYTES = 2**16  # of one member: its name and attributes
CACHED_SHARDS = 2 * SHUFFLED_BLOCKS  # lists of members cached by a process

_IMAGES = (
    "jpg",
    "jpeg",
    "png",
    "webp",
    "gif",
    "bmp",
    "tif",
    "tiff",
    "avif",
    "heic",
    "heif",
    "jxl",
    "jp2",
    "ppm",
    "pgm",
)
_VIDEOS = ("mp4", "mkv", "webm", "avi", "mov", "m4v", "mpg", "mpeg", "mts", "m2ts", "mxf", "flv", "wmv", "3gp")
_KINDS: dict[str, MediaKind] = {
    **dict.fromkeys(_IMAGES, "image"),
    **dict.fromkeys(_VIDEOS, "video"),
    "pdf": "document",
}
_QUESTIONS: Mapping[type, str] = {  # ours; by the first file that is shown
    Image: "Describe the picture.",
    Video: "Describe the video.",
    Document: "Describe the document.",
}
_SOUNDS = ("wav", "mp3", "flac", "ogg", "m4a")
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True)
class TarShards(FileSource):
    """A block is a shard: an uncompressed tar file.

    Files named by a JSON record are looked up among its own members, by extension ("jpg") or by name ("0007.jpg"). If
    it names none, all pictures, videos and PDFs with its name are shown: numbered ones ("0007.2.jpg",
    "0007.page-10.jpg") in order of number, others in the order of the shard. `sampling` is as in `read_record`.
    """

    name: str
    paths: tuple[Path, ...]
    question: str | None = None  # the user's text for captions; None is `_QUESTIONS`
    sampling: VideoSampling | None = None

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        return tuple(count_records(path, lambda path: len(_index(path))) for path in self.paths)

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        path, where = self.paths[block], self.where(block, row)
        try:
            entry = self._entries(path)[row]
            with path.open("rb") as file:
                return _read_entry(file, entry, where, self.question, self.sampling)
        except BadRecord:
            raise
        except (OSError, ValueError) as error:
            raise BadRecord(where, str(error)) from error

    def where(self, block: int, row: int) -> str:
        """ "shard.tar, 0007", or only the shard if it cannot be opened."""
        path = self.paths[block]
        try:
            return f"{path}, {self._entries(path)[row].key}"
        except ValueError:
            return str(path)

    @cached_property
    def _entries(self) -> Callable[[Path], list[_Entry]]:
        return lru_cache(CACHED_SHARDS)(_index)


@dataclass(frozen=True)
class _Entry:
    """Members of one name: extension -> first byte and size."""

    key: str
    members: dict[str, tuple[int, int]] = field(default_factory=dict)


class _Headers(io.FileIO):
    """A tar file of which only headers are read, of at most `MAX_HEADER_BYTES`, whatever sizes they declare."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= MAX_HEADER_BYTES:
            raise ValueError(f"a header of {size} bytes, at most {MAX_HEADER_BYTES} are read")
        return super().read(size)


def _index(path: Path) -> list[_Entry]:
    """The samples of a shard, in order of their first members; ValueError if it is no valid tar file, or compressed."""
    entries: dict[str, _Entry] = {}
    contents: dict[str, tuple[int, int]] = {}  # name of a member -> its first byte and size, also by hard links
    size, last = local_file(path, max_bytes=None).stat().st_size, -1
    try:
        with _Headers(path) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for number, member in enumerate(tar):
                end = member.offset_data + member.size
                if number >= MAX_MEMBERS or not last < member.offset_data <= end <= size:
                    raise ValueError(
                        f"member {number} at byte {member.offset_data}, {member.size} bytes long, of {size}"
                    )
                last = member.offset_data
                folder, slash, file_name = member.name.rpartition("/")
                stem, _, extension = file_name.partition(".")
                if member.isreg() and not member.issparse():
                    contents[member.name] = (member.offset_data, member.size)
                elif member.islnk() and member.linkname in contents:
                    contents[member.name] = contents[member.linkname]
                else:
                    continue
                if stem and extension:
                    entry = entries.setdefault(folder + slash + stem, _Entry(folder + slash + stem))
                    entry.members[extension.lower()] = contents[member.name]
    except (tarfile.TarError, OSError, ValueError, RecursionError) as error:
        raise ValueError(f"not a tar file that can be read: {error}") from error
    return list(entries.values())


def _read_entry(
    file: io.BufferedReader, entry: _Entry, where: str, question: str | None, sampling: VideoSampling | None
) -> Conversation:
    def read(extension: str, max_bytes: int = MAX_BYTES) -> bytes:
        start, size = entry.members[extension]
        if not 0 < size <= max_bytes:
            raise ValueError(f".{extension} has {size} bytes, taken are 1 to {max_bytes}")
        file.seek(start)
        return file.read(size)

    def find(reference: str) -> bytes:
        extension = reference.removeprefix(f"{entry.key.rpartition('/')[2]}.").lower()
        if extension not in entry.members:
            raise ValueError(f"{reference} is not among the files of this record: {', '.join(entry.members)}")
        return read(extension)

    if sounds := [name for name in entry.members if name.rpartition(".")[2] in _SOUNDS]:
        raise ValueError(f".{sounds[0]} is sound, which is not read")
    attached = [(kind, read(extension)) for kind, extension in _in_order(entry)]
    if "json" in entry.members:
        record = parse_json(read("json", MAX_RECORD_BYTES))
        if "txt" not in entry.members or not isinstance(record, dict) or record.keys() & TURNS:
            return read_record(record, where, find, attached, sampling)
    if "txt" not in entry.members:
        raise ValueError(f"neither .json nor .txt among its files: {', '.join(entry.members)}")
    caption = read("txt", MAX_RECORD_BYTES).decode().strip()
    if not caption or END_THINK in caption:
        raise ValueError(f"the caption in .txt is empty or holds {END_THINK}")
    media = RecordMedia(find, sampling)
    shown = [media.show(kind, data, {}) for kind, data in attached]
    # Text only is asked as in `plain_text`.
    asked = Message("user", (*shown, Text(question or _QUESTIONS[type(shown[0])])) if shown else (Text(""),))
    return Conversation((asked, Message("assistant", (Text(caption),))))


def _in_order(entry: _Entry) -> list[tuple[MediaKind, str]]:
    """Kinds and extensions of the media shown; names that differ only in numbers are in numerical order."""
    shown = [(_KINDS[ending], name) for name in entry.members if (ending := name.rpartition(".")[2]) in _KINDS]
    stems = {name: _NUMBER.split(name.rpartition(".")[0]) for _, name in shown}
    if len({tuple(stem[::2]) for stem in stems.values()}) != 1:
        return shown
    return sorted(shown, key=lambda item: [int(number) for number in stems[item[1]][1::2]])
