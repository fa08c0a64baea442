"""Weights that are fetched: a connection that is cut is one line, what came whole is kept, and the rest comes later."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from demiglace.model.hub import resolve

COMMIT = "a" * 40
WEIGHTS = "model.safetensors"
FILES = {"config.json": b"{}", "tokenizer.json": b"[]", WEIGHTS: bytes(100_000)}

# Fetches twice, without the pauses that the hub's client makes between its tries.
TWICE = """
import sys, time
time.sleep = lambda seconds: None
from demiglace.model.hub import resolve
for _ in range(2):
    try:
        folder = resolve("owner/name")
        print(sorted((path.name, path.stat().st_size) for path in folder.iterdir()))
    except ValueError as error:
        print(error)
"""


class Hub(BaseHTTPRequestHandler):
    """So much of a hub as a snapshot takes; it hangs up inside the weights until they are asked for once more."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[Counter[tuple[str, str]]] = Counter()

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path, _, _ = self.path.partition("?")
        name = path.rpartition("/")[2]
        self.asked[self.command, name] += 1
        if "/resolve/" in path:
            is_cut = name == WEIGHTS and self.asked["HEAD", WEIGHTS] < 2
            self.send(
                FILES[name], {"ETag": f'"{hashlib.sha1(FILES[name]).hexdigest()}"', "X-Repo-Commit": COMMIT}, is_cut
            )
        elif "/tree/" in path:
            entries = [{"type": "file", "path": name, "size": len(data), "oid": "0"} for name, data in FILES.items()]
            self.send(json.dumps(entries).encode(), {})
        else:
            siblings = [{"rfilename": name} for name in FILES]
            self.send(json.dumps({"id": "owner/name", "sha": COMMIT, "siblings": siblings}).encode(), {})

    def send(self, data: bytes, headers: dict[str, str], is_cut: bool = False) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[: len(data) // 2] if is_cut else data)
        self.close_connection = is_cut

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_connection_that_is_cut_is_one_line_and_the_rest_comes_later(address: str, tmp_path: Path) -> None:
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING", "TRANSFORMERS"))
    }
    ours = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", TWICE], env=inherited | ours, capture_output=True, text=True, timeout=120, check=True
    )
    cut, whole = done.stdout.splitlines()
    assert cut.startswith("owner/name was not downloaded completely: ")
    assert cut.endswith("; complete files are kept, and the same command downloads the rest")
    assert whole == str(sorted((name, len(data)) for name, data in FILES.items()))
    assert {name: Hub.asked["GET", name] for name in FILES if name != WEIGHTS} == {
        "config.json": 1,
        "tokenizer.json": 1,
    }
    assert "Error while downloading" not in done.stderr


def test_a_folder_resolves_to_itself(tmp_path: Path) -> None:
    assert resolve(tmp_path) == tmp_path
    assert resolve(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("name", ["nothing", "./no/where", "/no/where", "a/b/c", "a b/c"])
def test_what_resolves_to_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is n[^\n]*$"):
        resolve(name)


def test_the_hub_out_of_reach_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked = []

    def no_network(hub_id: str, repo_type: str, allow_patterns: list[str]) -> str:
        assert repo_type == "model"
        asked.append((hub_id, allow_patterns))
        raise LocalEntryNotFoundError("Cannot find it.\nCheck your connection.")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", no_network)
    with pytest.raises(ValueError, match=r"^owner/name is not a local folder[^\n]*: Cannot find it\.$"):
        resolve("owner/name")
    [(hub_id, patterns)] = asked
    assert hub_id == "owner/name"
    assert not any(Path(file).match(pattern) for pattern in patterns for file in ("a.bin", "a.pt", "a.py", "a.pkl"))


def test_what_else_training_leaves_is_told_from_a_model(tmp_path: Path) -> None:
    for folder, name in (("adapter", "adapter_config.json"), ("model", "config.json")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("{}")
    assert resolve(tmp_path / "model") == tmp_path / "model"
    with pytest.raises(ValueError, match=f"{tmp_path} holds no model, but {tmp_path / 'model'} does"):
        resolve(tmp_path)
    with pytest.raises(ValueError, match="adapter holds an adapter, not a model: --adapter adds it to its model"):
        resolve(tmp_path / "adapter")
