"""Bytes of data URLs, of a folder that is open to requests, and of nothing else."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources, decoded

TEXT = base64.b64encode(b"\xff\xfe\xfd!").decode()


@pytest.mark.parametrize(
    ("url", "data"),
    [
        (f"data:image/png;base64,{TEXT}", b"\xff\xfe\xfd!"),
        (f"data:;base64,{TEXT}", b"\xff\xfe\xfd!"),
        (f"data:image/png;charset=utf-8;base64,{TEXT.rstrip('=')}", b"\xff\xfe\xfd!"),
        (f"DATA:image/png;BASE64,{TEXT[:3]}\n {TEXT[3:]}", b"\xff\xfe\xfd!"),
        ("data:image/png;base64,__79IQ", b"\xff\xfe\xfd!"),
        ("data:image/png;base64,%2F%2F79IQ%3D%3D", b"\xff\xfe\xfd!"),
        ("data:text/plain,a%20b", b"a b"),
        ("data:video/jpeg;base64,YQ==,Yg==", (b"a", b"b")),
    ],
)
def test_data_urls_as_clients_write_them(url: str, data: object) -> None:
    assert decoded(url) == data


@pytest.mark.parametrize(
    "url", ["data:image/png;base64", "data:;base64,", "data:;base64,a", "data:;base64,ä", "data:,"]
)
def test_data_urls_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="data"):
        decoded(url)


def read(sources: MediaSources, url: str) -> object:
    return asyncio.run(sources.read(url))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a.png", "https://x/", "file:///etc/passwd", "ftp://x/", "/etc/passwd", ""]
)
def test_nothing_else_is_opened_unless_the_server_was_told(url: str) -> None:
    with pytest.raises(ValueError, match=r"addresses are not fetched|not open to requests|is not a data URL"):
        read(MediaSources(Limits()), url)


def test_a_folder_is_open_and_what_lies_beside_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "a b.png").write_bytes(b"inside")
    (tmp_path / "secret.png").write_bytes(b"outside")
    (tmp_path / "open" / "link.png").symlink_to(tmp_path / "secret.png")
    sources = MediaSources(Limits(), media_root=tmp_path / "open")
    assert read(sources, f"file://{tmp_path}/open/a%20b.png") == b"inside"
    for path in ("secret.png", "open/../secret.png", "open/%2e%2e/secret.png", "open/link.png", "opening.png"):
        with pytest.raises(ValueError, match="outside the folder"):
            read(sources, f"file://{tmp_path}/{path}")
    for path in ("open/absent.png", "open"):
        with pytest.raises(ValueError, match=r"does not exist|is a folder"):
            read(sources, f"file://{tmp_path}/{path}")
