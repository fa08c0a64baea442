"""Servers as processes: ours and others, each on a free port of this machine until it is not needed any more."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

READY_S = 900  # vLLM compiles at its start: three minutes on two cores with nothing else
TELL_S = 30  # between lines that tell of the wait
END_S = 60
TRANSFORMERS = "import demiglace.integrations.transformers; from transformers.cli.transformers import main; main()"


@dataclass(frozen=True)
class RunningServer:
    """address: of its routes. pid: of its first process. log: what it wrote."""

    address: str
    pid: int
    log: Path


def ours(model: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "demiglace", "serve", model, "--device", "cpu", "--dtype", "float32", *options]


def of_transformers(folder: Path) -> list[str]:
    """`transformers serve` on our integration."""
    options = ["--device", "cpu", "--dtype", "float32", "--reasoning", "off"]
    return [sys.executable, "-c", TRANSFORMERS, "serve", str(folder), *options]


def of_vllm(python: Path, folder: Path, name: str) -> list[str]:
    """vLLM's own server with this package as its plugin, its model compiled. python: of an environment that has both.

    For pictures alone. Without `--skip-mm-profiling` it encodes 32 pictures of the largest size at its start: on a
    CPU that takes minutes, and is only to measure memory.
    """
    options = ["--config-format", "demiglace", "--dtype", "float32", "--max-model-len", "2048", "--skip-mm-profiling"]
    options += ["--limit-mm-per-prompt", '{"image": 1, "video": 0}']
    memory = ["--kv-cache-memory-bytes", str(2**28)]  # as it would take 92 % of the machine's
    serve = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), "--served-model-name", name]
    return [str(python), *serve, *options, *memory]


@contextmanager
def running(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[RunningServer]:
    """Once it answers. folder: for its log and what it writes; it is made. RuntimeError where it does not come up.

    Where anything goes wrong meanwhile its whole log is kept, and stderr says where.
    SIGTERM ends this process by SystemExit meanwhile, so that the server ends, too.
    """
    folder.mkdir(parents=True)
    address, log = f"http://127.0.0.1:{(port := free_port())}", folder / "server.log"
    (folder / "temporary").mkdir()
    environment = {**os.environ, **environment, "TMPDIR": str(folder / "temporary")}
    ended_before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(address, process, log)
        yield RunningServer(address, process.pid, log)
    except Exception:
        print(f"the server's log is kept: {_kept(log)}", file=sys.stderr, flush=True)
        raise
    finally:
        _end(process)
        signal.signal(signal.SIGTERM, ended_before)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    began, told = time.monotonic(), 0.0
    with httpx.Client(timeout=5) as client:  # one: each takes 0.1 s of the processor to make
        while (waited := time.monotonic() - began) < READY_S:
            if process.poll() is not None:
                raise RuntimeError(
                    f"it ended with status {process.returncode} after {waited:.0f} s, before it answered"
                )
            if _is_healthy(client, address):
                return
            time.sleep(0.2)
            if waited > told + TELL_S:
                told, last = waited, (log.read_text(errors="replace").splitlines() or ["nothing yet"])[-1]
                print(f"waiting for a server for {waited:.0f} s, which said: {last:.120}", flush=True)
    raise RuntimeError(f"it did not answer within {READY_S} s")


def _is_healthy(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(f"{address}/health").status_code == 200
    except httpx.HTTPError:
        return False


def _kept(log: Path) -> Path:
    return Path(shutil.copy(log, tempfile.mkdtemp(prefix="server-log-")))


def _end(process: subprocess.Popen[bytes]) -> None:
    """By the signal that ends services; whatever is left of it then is killed."""
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
