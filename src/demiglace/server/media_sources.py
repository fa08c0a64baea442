"""Sources of files: data URLs, uploads, a local folder that is open to requests, or remote URLs."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from demiglace.media.pictures import local_file
from demiglace.server.limits import Limits
from demiglace.server.remote_media import RemoteMedia
from demiglace.server.uploads import Uploads

UPLOADS_KEPT = 4  # times the bytes of a request; ours
LONG_URL = 2**20  # characters; decoding more would block the event loop
FRAMES_TYPE = "video/jpeg"  # vLLM: frames in base64, separated by commas


@dataclass
class MediaSources:
    """media_root: requests may name files below this folder, if given. remote: fetches remote URLs, if given."""

    limits: Limits
    media_root: Path | None = None
    remote: RemoteMedia | None = None

    def __post_init__(self) -> None:
        self.uploads = Uploads(UPLOADS_KEPT * self.limits.max_bytes)

    async def read(self, url: str) -> bytes | tuple[bytes, ...]:
        """The bytes of the file at `url`, or of each frame if it is a list of frames; ValueError if they are not
        available."""
        scheme = url[:16].partition(":")[0].lower()
        if scheme == "data":
            return await asyncio.to_thread(decoded, url) if len(url) > LONG_URL else decoded(url)
        if scheme == "file":
            return self._local(url)
        if scheme in ("http", "https"):
            return await self._fetched(url)
        raise ValueError(f"{url[:60]!r} is not a data URL; send files as data:TYPE;base64,...")

    def _local(self, url: str) -> bytes:
        if self.media_root is None:
            raise ValueError("files of this machine are not open to requests: the server was started without a folder")
        path = Path(unquote(urlsplit(url).path)).resolve()
        if not path.is_relative_to(self.media_root.resolve()):
            raise ValueError("the file lies outside the folder that is open to requests")
        return local_file(path, self.limits.max_bytes).read_bytes()

    async def _fetched(self, url: str) -> bytes:
        if self.remote is None:
            raise ValueError("addresses are not fetched here: send the file itself, as data:TYPE;base64,...")
        return await self.remote.fetch(url)


def decoded(url: str) -> bytes | tuple[bytes, ...]:
    """The contents of a data URL; ValueError if it is malformed or empty."""
    head, comma, body = url.partition(",")
    if not comma:
        raise ValueError("a data URL needs a comma before its data")
    kind, *settings = head[len("data:") :].split(";")
    if "base64" not in (one.strip().lower() for one in settings):
        return _not_empty(unquote_to_bytes(body))
    if kind.strip().lower() == FRAMES_TYPE:
        return tuple(map(from_base64, body.split(",")))
    return from_base64(body)


def from_base64(text: str) -> bytes:
    """Decodes base64, standard or URL-safe, with or without padding; ValueError for anything else."""
    text = unquote(text) if "%" in text else text
    plain = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError as error:
        raise ValueError(f"the data is not base64: {error}") from error
    return _not_empty(data)


def _not_empty(data: bytes) -> bytes:
    if not data:
        raise ValueError("the data is empty, 0 bytes")
    return data
