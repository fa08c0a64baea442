"""What goes wrong in `demiglace finetune` is one line that says the way on, and nothing saved is lost."""

import errno
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from mixtures import small_config
from torch.optim import AdamW
from typer.testing import Result

from demiglace.model import adapters
from demiglace.model.minicpmv import MiniCPMV
from demiglace.training import checkpoint

Run = Callable[..., Result]

SMALL = ("--length", 256, "--batch-rows", 2, "--epochs", 3, "--held-out", 0, "--device", "cpu", "--dtype", "float32")
ANSWER = {"role": "assistant", "content": "A cat."}


def record(question: object = "<image>What?", answer: object = ANSWER, **beside: object) -> str:
    return json.dumps({"messages": [{"role": "user", "content": question}, answer], **beside})


@pytest.fixture
def finetune(run: Run, start: Path, data: Path, tmp_path: Path) -> Run:
    """Runs the command on `data`; later options win."""
    return lambda *options: run("finetune", start, data, "--out", tmp_path / "out", *SMALL, *options)


def saved(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out" / "finetune").glob("step-*"))


BAD = {
    record(images=["none.png"]): "none.png does not exist",
    record(images=["0.png"], answer={"role": "robot", "content": "Beep."}): "got str 'robot'",
    record(images=["0.png"], answer={"role": "user", "content": "Hm?"}): "got turns of: user, user",
    record("<image><image>Same?", images=["0.png"]): "2 marks <image>, but 1 files for them",
    record(images=["0.png", "1.png"]): "1 marks <image>, but 2 files for them",
    record("<video>What?", images=["0.png"]): "0 marks <image>, but 1 files for them",
    record(images=["clip.mp4"]): "clip.mp4 is a video, but stands among the images",
    record([{"type": "image", "image": "clip.mp4"}]): "clip.mp4 is a video, but stands among the images",
    record(images=["0.png"], answer=ANSWER | {"content": " \n"}): "an answer of the assistant is empty",
    '{"messages": [': "not valid JSON",
}


@pytest.fixture
def bad_data(data: Path, clip: Path) -> Path:
    """Twelve good records, and after them all of `BAD`."""
    shutil.copy(clip, data.with_name("clip.mp4"))
    data.write_text(data.read_text() + "\n".join(BAD) + "\n")
    return data


def test_every_bad_record_is_named_and_nothing_written(finetune: Run, bad_data: Path, tmp_path: Path) -> None:
    result = finetune("--full")
    assert result.exit_code == 2
    *lines, last = result.stderr.splitlines()
    for number, why in enumerate(BAD.values(), start=13):
        assert any(line.startswith(f"  {bad_data}:{number}: ") and why in line for line in lines), (number, lines)
    assert last.startswith(f"demiglace: {len(BAD)} bad records, the first: {bad_data}:")
    assert not (tmp_path / "out").exists()


def test_bad_records_are_left_out_by_choice_and_listed(finetune: Run, bad_data: Path, tmp_path: Path) -> None:
    result = finetune("--full", "--skip-bad")
    assert result.exit_code == 0, result.stderr
    listed = (tmp_path / "out" / "finetune" / "skipped.txt").read_text()
    assert all(f"{bad_data}:{number}: " in listed for number in range(13, 13 + len(BAD)))


def test_options_without_effect_are_refused(finetune: Run, tmp_path: Path) -> None:
    idle = {
        ("--full", "--rank", 4): "--rank 4 has no effect with --full",
        ("--held-out", 0, "--patience", 3): "patience 3 requires",
    }
    for options, told in idle.items():
        result = finetune(*options)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"demiglace: {told}")
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_patience_without_a_held_out_record_that_fits_is_refused(
    finetune: Run, data: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    data.write_text(f"{data.read_text().splitlines()[0]}\n")  # of one record none is held out
    result = finetune("--held-out", 0.5, "--patience", 3, *options)
    assert result.exit_code == 2
    told = "--patience 3 has no effect: 0 records are held out, and none of them can be used"
    assert result.stderr.splitlines()[-1] == f"demiglace: {told}"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_rows_longer_than_the_model_reaches_are_refused_before_the_data_is_looked_at(
    finetune: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    result = finetune("--length", 1025, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "demiglace: rows of 1025 tokens, more than 1024 positions of the model\n"
    assert not (tmp_path / "out").exists()


def test_bad_records_among_those_held_out_are_named_too(finetune: Run, data: Path, tmp_path: Path) -> None:
    data.write_text('{"messages": []}\n' * 4)
    result = finetune("--held-out", 0.25, "--dry-run")
    assert "records to learn from: 3, looked at: 3; held out: 1" in result.stderr
    assert "samples: 0; bad: 4" in result.stderr


def test_long_samples_are_left_out_or_refused_and_never_cut(finetune: Run, data: Path, tmp_path: Path) -> None:
    data.write_text(f"{data.read_text()}{record('Say it.', ANSWER | {'content': 'x' * 300})}\n")
    refused = finetune("--full", "--refuse-long")
    assert refused.exit_code == 2
    last = refused.stderr.splitlines()[-1]
    assert last.startswith(f"demiglace: 1 samples longer than 256 tokens, the first: {data}:13: ")
    assert not (tmp_path / "out").exists()
    dropped = finetune("--full")
    assert dropped.exit_code == 0
    assert "samples: 12; bad: 0; longer than 256 tokens: 1" in dropped.stderr
    assert f"{data}:13: " in (tmp_path / "out" / "finetune" / "skipped.txt").read_text()


def test_a_long_sample_that_nobody_had_looked_at_is_refused_as_it_comes(
    finetune: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.write_text(f"{data.read_text()}{record('Say it.', ANSWER | {'content': 'x' * 300})}\n")
    monkeypatch.setattr("demiglace.jobs.finetuning.MOST_RECORDS", 1)
    result = finetune("--full", "--refuse-long")
    assert result.exit_code == 2
    assert "without --refuse-long such samples are counted and left out" in result.stderr.splitlines()[-1]


def fail_once(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, at_call: int, error: Exception) -> None:
    """The `at_call`th call, counted from 1, raises instead."""
    real, calls = getattr(owner, name), iter(range(1, 10_000))

    def failing(*given: object, **named: object) -> object:
        if next(calls) == at_call:
            raise error
        return real(*given, **named)

    monkeypatch.setattr(owner, name, failing)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        MemoryError(),
    ],
)
def test_out_of_memory_says_what_to_lower_and_from_where_it_goes_on(
    finetune: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as patch:
        fail_once(patch, AdamW, "step", 3, error)
        result = finetune("--full", "--micro-batch-rows", 2)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "demiglace: out of memory: with --micro-batch-rows below 2 or --activation-checkpointing the same "
        "command goes on from step 2 of finetune; --length below 256 or --lora takes less too, in a folder of its own"
    )
    assert saved(tmp_path)[-1] == "step-00000002"
    again = finetune("--full", "--micro-batch-rows", 1, "--activation-checkpointing")
    assert again.exit_code == 0, again.stderr


def test_half_as_much_at_once_where_memory_runs_out_is_told(
    finetune: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fail_once(patch, torch.Tensor, "backward", 3, torch.OutOfMemoryError("CUDA out of memory."))
        result = finetune("--full", "--micro-batch-rows", 2)
    assert result.exit_code == 0, result.stderr
    assert "out of memory in step 3 of finetune: half as much goes through at once from here" in result.stderr


@contextmanager
def bounded(limit: int, most: int) -> Iterator[None]:
    """The system refuses this process more than so many bytes."""
    before = resource.getrlimit(limit)
    resource.setrlimit(limit, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(limit, before)


BOUNDED = """
import resource, sys
from pathlib import Path
import torch
from demiglace.cli.main import app
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2 * 2**30,) * 2)
app()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="bounds memory as Linux does")
def test_rows_that_no_memory_holds(start: Path, data: Path, tmp_path: Path) -> None:
    """The allocator itself refuses: what layers keep of a row of 400,000 tokens takes more than 2 GiB.

    In a process of its own, as here there may be memory that was given back and is still there.
    """
    far = tmp_path / "far"
    shutil.copytree(start, far)
    config = json.loads((far / "config.json").read_text())
    (far / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 400_000}))
    data.write_text("".join(record("Say it.", ANSWER | {"content": f"{n:04}" * 250}) + "\n" for n in range(400)))
    row = ("--length", 400_000, "--batch-rows", 1, "--epochs", 1, "--full")
    words = ("finetune", far, data, "--out", tmp_path / "out", *SMALL, *row)
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, *map(str, words)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == (
        "demiglace: out of memory: with --activation-checkpointing the same command goes on from the beginning; "
        "--length below 400000 or --lora takes less too, in a folder of its own"
    )


def test_a_full_disk_keeps_the_checkpoint_before_it(
    finetune: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        full = OSError(errno.ENOSPC, "No space left on device")
        fail_once(patch, checkpoint, "save_file", 5, full)  # of two for each checkpoint
        result = finetune("--full")
    assert result.exit_code == 2
    last = result.stderr.splitlines()[-1]
    assert last == (
        f"demiglace: {tmp_path / 'out' / 'finetune' / 'step-00000003'}: cannot be saved: No space left on device; "
        "the last good checkpoint is step-00000002"
    )
    assert saved(tmp_path) == ["step-00000001", "step-00000002"]
    again = finetune("--full")
    assert again.exit_code == 0, again.stderr
    assert saved(tmp_path)[-1] > "step-00000003"


def test_files_that_cannot_grow_leave_nothing_half_written(
    finetune: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system itself refuses to write the adapter."""
    pytest.importorskip("peft")
    real = adapters.save_adapter

    def save(*given: Any) -> None:
        with bounded(resource.RLIMIT_FSIZE, 2**12):
            real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(adapters, "save_adapter", save)
        result = finetune("--epochs", 1)
    assert result.exit_code == 2
    assert "File too large" in result.stderr.splitlines()[-1]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["finetune", "run.json"]
    assert finetune("--epochs", 1).exit_code == 0


def test_an_adapter_for_another_base_is_refused(run: Run, start: Path, page: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    config = small_config()
    for change in ({"intermediate_size": 96}, {"num_layers": 1}, {"num_layers": 3}):
        other = MiniCPMV(replace(config, llm=replace(config.llm, **change)))
        adapters.save_adapter(adapters.add_adapters(other, ("decoder",), adapters.Lora(rank=2)), tmp_path / "adapter")
        result = run("ask", page, "What?", "--model", start, "--adapter", tmp_path / "adapter", "--device", "cpu")
        assert result.exit_code == 2
        assert result.stderr.startswith(f"demiglace: the adapter in {tmp_path / 'adapter'} does not fit this model: ")
        assert result.stderr.count("\n") == 1
    result = run("ask", page, "What?", "--model", start, "--adapter", tmp_path, "--device", "cpu")
    assert result.exit_code == 2
    assert "holds no adapter: adapter_config.json is missing" in result.stderr
