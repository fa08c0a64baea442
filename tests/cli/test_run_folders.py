"""A run's folder as a user meets it: what has changed is named, two runs do not meet, and a full disk is a line."""

import errno
import resource
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mixtures import SFT_MIXTURE, write_mixture, write_start
from typer.testing import Result

from demiglace.cli.terminal import this_command
from demiglace.folder_lock import locked
from demiglace.model import adapters, weights
from demiglace.training import checkpoint
from demiglace.training.metrics import Metrics

Run = Callable[..., Result]
Command = Callable[..., Result]

WHERE = ("--length", 256, "--batch-rows", 2, "--workers", 0, "--device", "cpu", "--dtype", "float32")
KINDS = ["finetune", "pretrain", "sft"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A mixture and a model beside it."""
    mixture = write_mixture(tmp_path / "data")
    (tmp_path / "data" / "sft.toml").write_text(SFT_MIXTURE.partition("\n\n")[0])
    write_start(mixture.with_name("start"))
    return mixture.parent


@pytest.fixture
def command(request: pytest.FixtureRequest, run: Run, data: Path, tmp_path: Path) -> Command:
    """The command of a name, on `data` and in the folder `out`."""
    out, start = tmp_path / "out", data / "start"
    arguments: dict[str, tuple[object, ...]] = {
        "finetune": (start, data / "pictures.jsonl", "--out", out, "--epochs", 1, "--held-out", 0, "--full"),
        "pretrain": (data / "mixture.toml", "--preset", "nano", "--start", start, "--folder", out, "--steps", "1,0,1"),
        "sft": (data / "sft.toml", "--preset", "nano", "--start", start, "--folder", out, "--steps", "1,1"),
    }
    return lambda *options: run(request.param, *arguments[request.param], *WHERE, *options)


def refused(result: Result) -> str:
    """The one line of an error, after what was told before."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", KINDS, indirect=True)
@pytest.mark.parametrize("name", ["pictures.jsonl", "3.png", "start/model.safetensors"])
def test_what_has_changed_since_a_run_began_is_named_and_it_can_begin_anew(
    command: Command, data: Path, tmp_path: Path, name: str
) -> None:
    assert command().exit_code == 0
    before = (tmp_path / "out" / "model" / "model.safetensors").read_bytes()
    assert command().exit_code == 0
    content = (data / name).read_bytes()
    changed = content.replace(b"It is", b"It be") if name.endswith("l") else content[:-1] + b"\0"
    (data / name).write_bytes(changed if changed != content else content[:-1] + b"\1")
    assert f"changed since it began: {data / name} has changed; --restart sets that run aside" in refused(command())
    if name == "pictures.jsonl":
        anew = command("--restart")
        assert anew.exit_code == 0, anew.stderr
        assert f"the earlier run is now in {tmp_path / 'out' / 'earlier-1'}" in anew.stderr
        assert (tmp_path / "out" / "earlier-1" / "model" / "model.safetensors").read_bytes() == before
        assert (tmp_path / "out" / "model" / "model.safetensors").read_bytes() != before
        assert command().exit_code == 0


@pytest.mark.parametrize("command", KINDS, indirect=True)
def test_another_run_in_the_folder_is_left_alone(command: Command, tmp_path: Path) -> None:
    with locked(tmp_path / "out"):
        last = refused(command("--restart"))
    assert last.startswith(f"demiglace: {tmp_path / 'out'} is in use by process ")
    assert f" on {socket.gethostname()}" in last
    assert not (tmp_path / "out").exists()


@contextmanager
def bounded(most: int) -> Iterator[None]:
    """No file may have more bytes than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("command", KINDS, indirect=True)
def test_a_model_that_cannot_be_written_is_a_line_and_is_written_the_next_time(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = weights.save

    def save(*given: Any, **named: Any) -> None:
        with bounded(2**12):
            real(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(weights, "save", save)
        last = refused(command())
    assert last.startswith(f"demiglace: {tmp_path / 'out' / 'model' / 'model.safetensors'}: File too large; ")
    assert "the last good checkpoint is step-0000000" in last
    assert list((tmp_path / "out" / "model").iterdir()) == []
    assert command().exit_code == 0


@pytest.mark.parametrize("command", ["pretrain"], indirect=True)
def test_metrics_that_cannot_be_written_are_named_with_what_is_left(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Metrics.add

    def add(metrics: Metrics, *given: Any) -> str:
        with bounded(16 if metrics.stage == "full" else 2**20):
            return real(metrics, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Metrics, "add", add)
        last = refused(command())
    path = tmp_path / "out" / "full" / "metrics.jsonl"
    assert last == f"demiglace: {path}: File too large; the last good checkpoint is step-00000001 of resampler"
    assert command().exit_code == 0


@pytest.mark.parametrize("command", ["finetune"], indirect=True)
def test_a_full_disk_at_the_very_beginning_names_the_file(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most, name in ((1, ".demiglace.lock"), (2**7, "run.json")):
        with bounded(most):
            last = refused(command())
        assert last == f"demiglace: {tmp_path / 'out' / name}: File too large"
    assert not (tmp_path / "out").exists()

    def fail(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", fail)
    path = tmp_path / "out" / "finetune" / "step-00000001"
    told = "cannot be saved: No space left on device; there is no checkpoint before it"
    assert refused(command()) == f"demiglace: {path}: {told}"


def test_a_merged_model_that_cannot_be_written_leaves_nothing(run: Run, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    adapted = adapters.add_adapters(weights.load(data / "start"), ("decoder",), adapters.Lora(rank=2))
    adapters.save_adapter(adapted, tmp_path / "adapter")
    arguments = ("merge", data / "start", tmp_path / "adapter", "--out", tmp_path / "merged")
    with bounded(2**12):
        last = refused(run(*arguments))
    assert last == f"demiglace: {tmp_path / 'merged' / 'model.safetensors'}: File too large"
    assert not (tmp_path / "merged").exists()
    assert run(*arguments).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "data", "merged"]
    assert "already exists" in refused(run(*arguments))


def test_the_command_that_goes_on_does_not_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["demiglace", "finetune", "nano", "my data.jsonl", "--restart", "--out", "out"])
    assert this_command() == "demiglace finetune nano 'my data.jsonl' --out out"
