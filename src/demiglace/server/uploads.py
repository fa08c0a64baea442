"""Uploaded files that later requests refer to, kept in memory; the oldest are dropped at too many bytes."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.policy import HTTP
from typing import Any

from demiglace.server.errors import ApiError, encodable, refused

HEADERS = BytesHeaderParser(policy=HTTP)


@dataclass(frozen=True)
class Upload:
    name: str
    purpose: str
    data: bytes
    id: str = field(default_factory=lambda: f"file-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def fields(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.data),
            "created_at": self.created,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


class Uploads:
    """Uploads by random id; any client that knows an id may use it."""

    def __init__(self, max_bytes: int) -> None:
        """max_bytes: of all files together."""
        self._max_bytes = max_bytes
        self._files: OrderedDict[str, Upload] = OrderedDict()

    def add(self, upload: Upload) -> None:
        self._files[upload.id] = upload
        while sum(len(one.data) for one in self._files.values()) > self._max_bytes:
            self._files.popitem(last=False)

    def get(self, file_id: str) -> Upload:
        """The upload with this id; ApiError if there is none, or no longer."""
        if file_id not in self._files:
            raise ApiError(404, f"No such file: {file_id[:60]}", "file_id", "file_not_found")
        return self._files[file_id]

    def remove(self, file_id: str) -> None:
        del self._files[self.get(file_id).id]


def upload_of(content_type: str, body: bytes) -> Upload:
    """The file of a form (multipart/form-data, RFC 7578); ApiError if there is none."""
    boundary = HEADERS.parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode()).get_boundary()
    if not content_type.lower().startswith("multipart/form-data") or not boundary:
        raise refused("a file is uploaded as multipart/form-data", "file")
    name, data, purpose = "", None, "user_data"
    for part in (b"\r\n" + body).split(f"\r\n--{boundary}".encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        disposition = HEADERS.parsebytes(head)["Content-Disposition"]
        params = disposition.params if disposition is not None else {}
        if params.get("name") == "file":
            name, data = encodable(params.get("filename", "file")), content
        elif params.get("name") == "purpose":
            purpose = content.decode(errors="replace")[:60]
    if not data:
        raise refused("the form needs a file that is not empty", "file")
    return Upload(name[:255], purpose, data)
