"""Damaged files, made by number: a few of those that benchmarks/fuzz_files.py sends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
pytest.importorskip("psutil", reason="psutil is not installed")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fuzz_files import Findings, fuzz, mutated, undamaged, wrong_with
from sample_files import sample_files

ERROR = '{"error": {"message": "MESSAGE", "type": "invalid_request_error", "param": null, "code": null}}'


def test_files_that_are_whole_are_answered(address: str) -> None:
    found = asyncio.run(undamaged(address))
    assert found.failures == []
    assert found.statuses.keys() == {"200"}


@pytest.mark.slow
def test_damaged_files_are_answered_or_refused(address: str) -> None:
    found = Findings()
    asyncio.run(fuzz(address, range(60), 300, found))
    assert found.failures == []
    assert found.statuses.keys() == {"200", "400"}
    assert found.statuses.total() == 60


@pytest.mark.skipif(not hasattr(signal, "SIGCONT"), reason="this system stops no processes")
def test_a_file_under_way_while_the_process_was_stopped_is_sent_again() -> None:
    sent = 0

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        sent += 1
        if sent == 1:
            os.kill(os.getpid(), signal.SIGCONT)
            await asyncio.sleep(0.1)
        status = 500 if sent == 1 else 200
        writer.write(b"HTTP/1.1 %d A\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}" % status)
        writer.close()

    async def fuzzed() -> Findings:
        async with await asyncio.start_server(answered, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            await fuzz(f"http://{host}:{port}", range(1), 30, found := Findings())
            return found

    found = asyncio.run(fuzzed())
    assert (sent, dict(found.statuses), found.failures) == (2, {"200": 1}, [])


def test_findings_go_on_where_a_result_file_ends(tmp_path: Path) -> None:
    found = Findings()
    found.add("a.png", 3, 200, "{}", 0.5)
    found.add("b.png", 4, 400, ERROR.replace("MESSAGE", "the files cannot be opened"), 0.1)
    found.add("c.png", 5, 500, "oh", 0.1)
    (tmp_path / "found.json").write_text(json.dumps({"date": "today", **vars(found)}))
    assert Findings.of(tmp_path / "found.json") == found
    assert found.ended == ["file 4 (b.png): the files cannot be opened"]
    assert found.failures == ["file 5 (c.png): status 500: oh"]


def test_a_file_is_made_of_its_number() -> None:
    files = sample_files()
    contents = {mutated(files, number).content for number in range(60)}
    assert len(contents) > 55
    assert mutated(files, 7) == mutated(files, 7)
    assert mutated(files, 7).name == files[7].name


@pytest.mark.parametrize(
    ("status", "text", "seconds", "wrong"),
    [
        (200, "{}", 0.1, ""),
        (400, ERROR, 0.1, ""),
        (500, "oh", 0.1, "status 500: oh"),
        (200, "{}", 99.0, "took 99.0 s"),
        (400, '{"detail": "no"}', 0.1, "no error of OpenAI's form"),
        (400, ERROR.replace("MESSAGE", "Traceback"), 0.1, "tells of our code"),
    ],
)
def test_what_must_not_be_is_told(status: int, text: str, seconds: float, wrong: str) -> None:
    found = wrong_with(status, text, seconds)
    assert found.startswith(wrong)
    assert bool(found) == bool(wrong)
