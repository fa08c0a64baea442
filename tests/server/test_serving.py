"""The server as a process: it starts by a command, tells what it does, and ends gracefully."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from demiglace.server.serving import read_keys


@contextmanager
def served(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "demiglace", "serve", "nano", "--port", str(port), "--device", "cpu", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while process.poll() is None:
            try:
                client.get("/health")
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        try:
            yield process, client
        finally:
            process.kill()
            process.wait()


def test_running_answers_finish_and_queued_ones_are_sent_away() -> None:
    options = ("--max-batch", "1", "--log-json")
    with served(*options, DEMIGLACE_API_KEY="secret") as (process, client), ThreadPoolExecutor(1) as threads:
        client.headers["Authorization"] = "Bearer secret"
        asked = {"messages": [{"role": "user", "content": "Hello"}], "min_tokens": 300, "max_tokens": 300}
        with client.stream("POST", "/v1/chat/completions", json={**asked, "stream": True}) as running:
            lines = running.iter_lines()
            next(lines)
            with client.stream("GET", "/health") as health:
                assert health.status_code == 200
            queued = threads.submit(client.post, "/v1/chat/completions", json=asked)
            while "demiglace_waiting_requests 1.0" not in client.get("/metrics").text:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            told = list(lines)
        sent_away = queued.result()
        assert (sent_away.status_code, sent_away.headers["retry-after"]) == (503, "1")
        assert sent_away.json()["error"]["type"] == "service_unavailable_error"
        assert told[-2] == "data: [DONE]"
        assert json.loads(told[-4].removeprefix("data: "))["choices"][0]["finish_reason"] == "length"
        assert process.wait(timeout=30) == -signal.SIGTERM
        logged = [json.loads(line) for line in process.stderr.read().splitlines() if line.startswith("{")]
        assert any(line.get("new_tokens") == 300 for line in logged)
        assert {"method", "path", "status", "seconds"} < logged[-1].keys()
        assert "secret" not in json.dumps(logged)


def test_answers_that_take_too_long_at_the_end_are_told_so() -> None:
    with served("--grace", "0.2") as (process, client):
        asked = {"messages": [{"role": "user", "content": "Hello"}], "min_tokens": 3000, "max_tokens": 3000}
        with client.stream("POST", "/v1/chat/completions", json={**asked, "stream": True}) as running:
            lines = running.iter_lines()
            next(lines)
            process.send_signal(signal.SIGTERM)
            told = list(lines)
        assert json.loads(told[-4].removeprefix("data: "))["error"]["type"] == "service_unavailable_error"
        assert told[-2] == "data: [DONE]"
        process.wait(timeout=30)


def test_keys_come_from_a_file_and_the_environment(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("\ufeffone\n\n two \n", encoding="utf-8")
    assert read_keys(tmp_path / "keys", "three, four,") == ["three", "four", "one", "two"]
    assert read_keys(None, None) == []
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ValueError, match="has no API key"):
        read_keys(tmp_path / "empty", None)
    with pytest.raises(ValueError, match="is not a file"):
        read_keys(tmp_path / "absent", None)
