"""Servers that benchmarks start: they end with them, whatever ends these."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

psutil = pytest.importorskip("psutil", reason="psutil is not installed")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Healthy(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
HTTPServer((sys.argv[-3], int(sys.argv[-1])), Healthy).serve_forever()
"""
BENCHMARK = """
import signal, sys, time
from pathlib import Path
from typing import Any
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background ignore it
sys.path.insert(0, sys.argv[1])
from server_process import running
with running([sys.executable, "-c", sys.argv[2]], Path(sys.argv[3]), {}) as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_with_the_benchmark_that_started_it(how: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", BENCHMARK, str(BENCHMARKS), SERVER, str(tmp_path / "server")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as benchmark:
        assert benchmark.stdout is not None
        server = psutil.Process(int(benchmark.stdout.readline()))
        assert server.is_running()
        benchmark.send_signal(how)
        assert benchmark.wait(30) != 0
    assert is_over(server)


def is_over(process: Any) -> bool:
    latest = time.monotonic() + 5
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > latest:
            return False
        time.sleep(0.05)
    return True


def test_the_log_of_a_server_that_ends_is_kept_whole(tmp_path: Path) -> None:
    failing = "print('the reason'); print('a last line'); raise SystemExit(3)"
    words = [sys.executable, "-c", BENCHMARK, str(BENCHMARKS), failing, str(tmp_path / "server")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert "it ended with status 3 after " in done.stderr
    (kept,) = tmp_path.glob("server-log-*/server.log")
    assert f"the server's log is kept: {kept}" in done.stderr
    assert kept.read_text() == "the reason\na last line\n"
