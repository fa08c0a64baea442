"""Addresses: which are public, and that each hop is checked. Everything runs on this machine."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from demiglace.server import remote_media
from demiglace.server.remote_media import RemoteMedia, is_public

HERE = RemoteMedia(1000, lambda address: str(address) == "127.0.0.1")


class Answers(BaseHTTPRequestHandler):
    """Each path is a case; `hosts` has the names under which this server was asked."""

    hosts: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        port = self.server.server_address[1]
        targets = {
            "/moved": "/file",
            "/elsewhere": f"http://127.0.0.2:{port}/file",
            "/local": "file:///etc/passwd",
            "/round": "/round",
        }
        if self.path in targets:
            self.send_response(302)
            self.send_header("Location", targets[self.path])
            self.end_headers()
            return
        body = {"/file": b"data", "/large": b"x" * 1001, "/empty": b""}.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:169.254.169.254"),
    ],
)
def test_others_are_not_even_in_disguise(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("path", ["/file", "/moved"])
def test_a_file_is_fetched_also_where_it_moved(port: int, path: str) -> None:
    assert asyncio.run(HERE.fetch(f"http://127.0.0.1:{port}{path}")) == b"data"


def test_a_name_is_resolved_once_and_kept_as_host(port: int) -> None:
    Answers.hosts.clear()
    assert asyncio.run(RemoteMedia(1000, lambda address: address.is_loopback).fetch(f"http://localhost:{port}/file"))
    assert Answers.hosts == [f"localhost:{port}"]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/elsewhere", "is not public"),
        ("/local", "only http and https"),
        ("/round", "redirected more than 5 times"),
        ("/large", "more than the 1000 bytes"),
        ("/empty", "no data"),
        ("/absent", "status 404"),
    ],
)
def test_what_a_server_answers_is_not_trusted(port: int, path: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        asyncio.run(HERE.fetch(f"http://127.0.0.1:{port}{path}"))


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{}/file", "http://localhost:{}/file", "http://2130706433:{}/file", "http://[::1]:{}/file"),
        *("http://127.1:{}/file", "http://0x7f.0.0.1:{}/file", "http://[::ffff:127.0.0.1]:{}/file"),
    ],
)
def test_this_machine_is_not_fetched_from_however_it_is_written(port: int, url: str) -> None:
    Answers.hosts.clear()
    with pytest.raises(ValueError, match="address"):
        asyncio.run(RemoteMedia(1000).fetch(url.format(port)))
    assert Answers.hosts == []


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://user:word@127.0.0.1/", "user name"),
        ("ftp://127.0.0.1/", "only http and https"),
        ("http://127.0.0.1:1/", "cannot be fetched: ConnectError"),
        ("http://[", "cannot be fetched"),
        ("http://", "address"),
    ],
)
def test_addresses_that_are_none_are_refused(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        asyncio.run(HERE.fetch(url))


def test_a_server_that_does_not_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> bytes:
        await asyncio.sleep(60)
        return b""

    monkeypatch.setattr(remote_media, "MOST_SECONDS", 0.05)
    monkeypatch.setattr(RemoteMedia, "_followed", never)
    with pytest.raises(ValueError, match=r"did not answer within 0\.05 s"):
        asyncio.run(HERE.fetch("http://127.0.0.1/"))
