"""Training checkpoints: everything a run needs to resume bit for bit, written atomically.

A checkpoint is a folder `step-00000100` with `learner.safetensors`, `optimizer.safetensors` and `state.json`. It is
written under a temporary name, flushed to the disk and renamed, so a half-written one is never picked. Its tensors are
whole, however many processes held parts of them: another number of processes may go on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from demiglace.fields import Anything, Field, TableOf, Whole, take
from demiglace.safe_files import atomic_path, read_object
from demiglace.training.distributed import ALONE, ProcessGroup, full_tensor, shard_like

LEARNER_FILE, OPTIMIZER_FILE, STATE_FILE = "learner.safetensors", "optimizer.safetensors", "state.json"
MOST_STATE_BYTES = 2**28
STATE: Mapping[str, Field] = {"step": Whole(0, 2**53), "objective": TableOf(Anything())}


@dataclass(frozen=True)
class Progress:
    """How far a run has come: steps taken, and where its objective stands."""

    step: int
    objective: Mapping[str, Any] = field(default_factory=dict)


class NotWritten(OSError):
    """Says what could not be written, why, and what is left: the last good checkpoint."""


@contextmanager
def what_is_left(folder: Path, target: Path | None = None) -> Iterator[None]:
    """What the disk refuses to a stage in `folder`, or to its checkpoint `target`, as NotWritten."""
    try:
        yield
    except (NotWritten, BrokenPipeError):
        raise
    except OSError as error:
        if error.errno is None:
            raise
        told = f"{'cannot be saved: ' if target else ''}{error.strerror}; {_left(folder)}"
        raise NotWritten(error.errno, told, str(target or error.filename or folder)) from error


def save(
    folder: Path,
    progress: Progress,
    learner: nn.Module,
    optimizers: Sequence[Optimizer],
    keep: int = 2,
    ranks: ProcessGroup = ALONE,
    with_frozen: bool = True,
) -> Path:
    """Write the checkpoint of a step and drop all but the last `keep`; every process calls it, the first one writes
    and the others wait for that. Without `with_frozen`, parameters that do not learn are left out.

    Raises NotWritten that names the last whole checkpoint where the new one cannot be written, the disk being full.
    """
    target = folder / name_of(progress.step)
    tensors = {LEARNER_FILE: _gathered(_held(learner, with_frozen).items(), ranks)}
    tensors[OPTIMIZER_FILE] = _gathered(_flatten(optimizers), ranks)

    def write() -> None:
        with what_is_left(folder, target):
            _write(target, tensors, progress)
        for old in finished_checkpoints(folder)[:-keep]:
            shutil.rmtree(old)

    ranks.first(write)
    return target


def finished_checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints, fewest steps first."""
    return sorted(path for path in folder.glob("step-*") if path.suffix != ".part" and (path / STATE_FILE).is_file())


def latest(folder: Path) -> Path | None:
    """The whole checkpoint with the most steps, or None."""
    return next(reversed(finished_checkpoints(folder)), None)


def name_of(step: int) -> str:
    return f"step-{step:08d}"


def num_steps(path: Path) -> int:
    """Steps that a checkpoint has seen, by its name."""
    return int(path.name.removeprefix("step-"))


def progress_of(path: Path) -> Progress:
    """How far a checkpoint has come; ValueError where its file is damaged."""
    state = path / STATE_FILE
    return Progress(**take(str(state), read_object(state, MOST_STATE_BYTES), STATE, ["step"]))


def restore(path: Path, learner: nn.Module, optimizers: Sequence[Optimizer], with_frozen: bool = True) -> Progress:
    """Load a checkpoint into `learner` and `optimizers`; ValueError where it is of another learner, or damaged."""
    restore_learner(path, learner, with_frozen)
    tensors = _read(path / OPTIMIZER_FILE)
    for number, optimizer in enumerate(optimizers):
        described = optimizer.state_dict()
        described["state"] = _unflatten(tensors, number, optimizer)
        optimizer.load_state_dict(described)
    return progress_of(path)


def restore_learner(path: Path, learner: nn.Module, with_frozen: bool = True) -> None:
    """The weights alone, for a stage that begins where another has ended; errors as `restore`."""
    tensors, own = _read(path / LEARNER_FILE), _held(learner, with_frozen)
    strange = [name for name in tensors.keys() | own.keys() if _shape(tensors, name) != _shape(own, name)]
    if strange:
        names = ", ".join(sorted(strange)[:3])
        raise ValueError(f"{path} is of another learner: {len(strange)} tensors differ, such as {names}")
    held = {name: shard_like(tensor, own[name]) for name, tensor in tensors.items()}
    learner.load_state_dict(held, strict=with_frozen)


def _read(path: Path) -> dict[str, Tensor]:
    """ValueError where the file is damaged: it was whole when it was renamed, but has been copied or lost since."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"{path} is damaged ({error}); without its folder the run goes on from an earlier one"
        ) from error


def _write(target: Path, files: Mapping[str, Mapping[str, Tensor]], progress: Progress) -> None:
    for stale in [*target.parent.glob(".part-*-step-*"), *target.parent.glob("step-*.part")]:
        shutil.rmtree(stale)
    state = {"step": progress.step, "objective": progress.objective}
    with atomic_path(target) as aside:
        aside.mkdir(parents=True)
        for name, tensors in files.items():
            save_file(dict(tensors), aside / name)
        (aside / STATE_FILE).write_text(json.dumps(state))


def _left(folder: Path) -> str:
    """In words, with the stage where it is an earlier one."""
    if (own := latest(folder)) is not None:
        return f"the last good checkpoint is {own.name}"
    earlier = [found for stage in folder.parent.glob("*/") if (found := latest(stage)) is not None]
    if not earlier:
        return "there is no checkpoint before it"
    newest = max(earlier, key=lambda path: path.stat().st_mtime_ns)
    return f"the last good checkpoint is {newest.name} of {newest.parent.name}"


def _held(learner: nn.Module, with_frozen: bool) -> dict[str, Tensor]:
    frozen = set() if with_frozen else {name for name, value in learner.named_parameters() if not value.requires_grad}
    return {name: tensor for name, tensor in learner.state_dict().items() if name not in frozen}


def _gathered(named: Iterable[tuple[str, Tensor]], ranks: ProcessGroup) -> dict[str, Tensor]:
    """Whole tensors on the host, gathered one by one; the first process alone keeps them."""
    kept = {}
    for name, tensor in named:
        gathered = full_tensor(tensor)
        if ranks.is_first:
            kept[name] = gathered.detach().cpu().contiguous()
    return kept


def _flatten(optimizers: Sequence[Optimizer]) -> Iterable[tuple[str, Tensor]]:
    """Optimizer states as tensors named `optimizer/parameter/value`."""
    for number, optimizer in enumerate(optimizers):
        for parameter, values in optimizer.state_dict()["state"].items():
            for key, value in values.items():
                yield f"{number}/{parameter}/{key}", torch.as_tensor(value)


def _unflatten(tensors: dict[str, Tensor], number: int, optimizer: Optimizer) -> dict[int, dict[str, Tensor]]:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        owner, index, key = name.split("/")
        if int(owner) == number:
            parameter = parameters[int(index)]
            is_like_it = tensor.shape == parameter.shape
            state.setdefault(int(index), {})[key] = shard_like(tensor, parameter) if is_like_it else tensor
    return state


def _shape(tensors: Mapping[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(tensors[name].shape) if name in tensors else None
