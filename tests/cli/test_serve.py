"""`demiglace serve`: mistakes are one line, before a model is loaded."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from demiglace.cli.main import app
from demiglace.cli.serve import model_name


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--max-batch", "0"], "max_batch must be a whole number from 1"),
        (["--decode-seconds", "0"], "decode_seconds must be a number in (0"),
        (["--api-key-file", "absent"], "absent is not a file of API keys"),
        (["--media-root", "absent"], "absent is not a folder"),
        (["absent/folder/here"], "neither a checkpoint's folder nor a hub id"),
        (["--kv-memory", "0"], "keys and values of 16 tokens take"),
        (["--port", "70000"], "65535"),
    ],
)
def test_a_mistake_is_one_line(
    options: list[str], fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["demiglace", "serve", *options])
    with pytest.raises(SystemExit) as caught:
        app()
    assert caught.value.code == 2
    assert fault in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("sys.argv", ["demiglace", "serve", "--port", str(port)])
        with pytest.raises(SystemExit) as caught:
            app()
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"demiglace: cannot listen at 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize(
    ("model", "name"), [(None, "nano"), ("nano", "nano"), ("link/", "link"), (".", "tiny"), ("owner/some", "some")]
)
def test_a_model_is_called_by_its_folder_or_id(
    model: str | None, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder if model == "." else tmp_path)
    assert model_name(model) == name
