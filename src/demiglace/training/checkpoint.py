"""Training checkpoints: everything a run needs to resume bit for bit, written atomically.

A checkpoint is a folder `step-00000100` with `state.json` and tensors. A single process writes `learner.safetensors`
and `optimizer.safetensors`; several processes write a file each (`sharded_files`), in a folder that all of them see.
A checkpoint is written under a temporary name, flushed to the disk and renamed, so an incomplete one is never loaded.
Any number of processes can resume from either form.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from demiglace.fields import Anything, Field, TableOf, Whole, take
from demiglace.safe_files import atomic_path, read_object, remove
from demiglace.training import sharded_files
from demiglace.training.distributed import ALONE, ProcessGroup, is_sharded, shard_like

LEARNER_FILE, OPTIMIZER_FILE, STATE_FILE = "learner.safetensors", "optimizer.safetensors", "state.json"
OF_OPTIMIZER = "optimizer/"  # prefix of optimizer tensors in files that hold both
MOST_STATE_BYTES = 2**28
STATE: Mapping[str, Field] = {"step": Whole(0, 2**53), "objective": TableOf(Anything()), "processes": Whole(1, 2**31)}


@dataclass(frozen=True)
class Progress:
    """Progress of a run: steps taken, the state of its objective, and the number of processes that saved it."""

    step: int
    objective: Mapping[str, Any] = field(default_factory=dict)
    processes: int = 1


class WriteError(OSError):
    """Says what could not be written, why, and which is the last good checkpoint."""


@contextmanager
def write_errors(folder: Path, target: Path | None = None) -> Iterator[None]:
    """Turns disk errors of a stage in `folder`, or of its checkpoint `target`, into WriteError."""
    try:
        yield
    except (WriteError, BrokenPipeError):
        raise
    except OSError as error:
        if error.errno is None:
            raise
        message = f"{'cannot be saved: ' if target else ''}{error.strerror}; {_last_checkpoint(folder)}"
        raise WriteError(error.errno, message, str(target or error.filename or folder)) from error


def save(
    folder: Path,
    progress: Progress,
    learner: nn.Module,
    optimizers: Sequence[Optimizer],
    keep: int = 2,
    ranks: ProcessGroup = ALONE,
    with_frozen: bool = True,
) -> Path:
    """Write the checkpoint of a step and delete all but the last `keep`; every process calls it and writes its shards,
    and the first one renames the folder. Without `with_frozen`, frozen parameters are left out.

    Raises WriteError, naming the last complete checkpoint, if the new one cannot be written, as on a full disk.
    """
    target = folder / name_of(progress.step)
    progress = replace(progress, processes=ranks.count)
    tensors, states = _tensors(learner, with_frozen), dict(_flatten(optimizers))
    with write_errors(folder, target):
        if ranks.count == 1:
            _clear(folder)
            _write(target, progress, partial(_save_whole, tensors, states))
        else:
            _write_together(target, progress, tensors | {OF_OPTIMIZER + name: states[name] for name in states}, ranks)
    if ranks.is_first:
        for old in finished_checkpoints(folder)[:-keep]:
            shutil.rmtree(old)
    return target


def finished_checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints, fewest steps first."""
    return sorted(path for path in folder.glob("step-*") if path.suffix != ".part" and (path / STATE_FILE).is_file())


def latest(folder: Path) -> Path | None:
    """The complete checkpoint with the most steps, or None."""
    return next(reversed(finished_checkpoints(folder)), None)


def name_of(step: int) -> str:
    return f"step-{step:08d}"


def num_steps(path: Path) -> int:
    """Number of steps of a checkpoint, by its name."""
    return int(path.name.removeprefix("step-"))


def progress_of(path: Path) -> Progress:
    """The progress stored in a checkpoint; ValueError if the file is damaged."""
    state = path / STATE_FILE
    return Progress(**take(str(state), read_object(state, MOST_STATE_BYTES), STATE, ["step"]))


def restore(path: Path, learner: nn.Module, optimizers: Sequence[Optimizer], with_frozen: bool = True) -> Progress:
    """Load a checkpoint into `learner` and `optimizers`; ValueError if it is of another learner, or damaged."""
    restore_learner(path, learner, with_frozen)
    progress = progress_of(path)
    tensors = _read(path / OPTIMIZER_FILE) if progress.processes == 1 else _optimizer_parts(path, optimizers)
    for number, optimizer in enumerate(optimizers):
        described = optimizer.state_dict()
        described["state"] = _unflatten(tensors, number, optimizer)
        optimizer.load_state_dict(described)
    return progress


def restore_learner(path: Path, learner: nn.Module, with_frozen: bool = True) -> None:
    """Load only the weights, for a stage that begins where another has ended; errors as in `restore`."""
    own = _tensors(learner, with_frozen)
    if (count := progress_of(path).processes) == 1:
        tensors = _read(path / LEARNER_FILE)
        _check_names(path, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, own)
        shards = {name: shard_like(tensor, own[name]) for name, tensor in tensors.items()}
        learner.load_state_dict(shards, strict=with_frozen)
    else:
        saved = _complete_contents(path, count)
        shapes = {name: content.shape for name, content in saved.items() if not name.startswith(OF_OPTIMIZER)}
        _check_names(path, shapes, own)
        sharded_files.read_parts(path, own)


def _check_names(path: Path, saved: Mapping[str, tuple[int, ...]], own: Mapping[str, Tensor]) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    different = [name for name in saved.keys() | shapes.keys() if saved.get(name) != shapes.get(name)]
    if different:
        names = ", ".join(sorted(different)[:3])
        raise ValueError(f"{path} belongs to another learner: {len(different)} tensors differ, such as {names}")


def _complete_contents(path: Path, processes: int) -> dict[str, sharded_files.SavedTensor]:
    """Contents of the files of all processes; ValueError if one is missing or damaged, where DCP would leave a gap."""
    files = len(list(path.glob(sharded_files.PATTERN)))
    saved = sharded_files.contents(path)
    incomplete = sorted(name for name, content in saved.items() if not content.is_complete)
    if files != processes or incomplete:
        why = f"{files} of {processes} files are there" if files != processes else f"{incomplete[0]} has a gap"
        raise ValueError(f"{path} is damaged ({why}); remove its folder to resume from an earlier one")
    return saved


def _optimizer_parts(path: Path, optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """The states of all optimizers, sharded like their parameters."""
    parameters = [[value for group in optimizer.param_groups for value in group["params"]] for optimizer in optimizers]
    tensors: dict[str, Tensor] = {}
    for name, saved in sharded_files.contents(path).items():
        if name.startswith(OF_OPTIMIZER):
            owner, index, _ = name.removeprefix(OF_OPTIMIZER).split("/")
            parameter = parameters[int(owner)][int(index)]
            has_its_shape = saved.shape == parameter.shape
            tensors[name] = (
                torch.empty_like(parameter, dtype=saved.dtype)
                if has_its_shape
                else torch.empty(saved.shape, dtype=saved.dtype)
            )
    sharded_files.read_parts(path, tensors)
    return {name.removeprefix(OF_OPTIMIZER): tensor for name, tensor in tensors.items()}


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file; ValueError if it is damaged: it was complete when renamed, but may have changed since."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); remove its folder to resume from an earlier one") from error


def _clear(folder: Path) -> None:
    """Remove leftovers of killed runs."""
    for stale in [*folder.glob(".part-*-step-*"), *folder.glob("step-*.part")]:
        shutil.rmtree(stale)


def _write(target: Path, progress: Progress, fill: Callable[[Path], object]) -> None:
    """Write a checkpoint atomically; `fill` creates the given folder and writes the tensors into it."""
    with atomic_path(target) as aside:
        fill(aside)
        (aside / STATE_FILE).write_text(json.dumps(asdict(progress)))


def _save_whole(tensors: Mapping[str, Tensor], states: Mapping[str, Tensor], aside: Path) -> None:
    aside.mkdir(parents=True)
    for file, values in ((LEARNER_FILE, tensors), (OPTIMIZER_FILE, states)):
        save_file({name: value.detach().cpu().contiguous() for name, value in values.items()}, aside / file)


def _write_together(target: Path, progress: Progress, tensors: Mapping[str, Tensor], ranks: ProcessGroup) -> None:
    """All processes write into one folder, which is renamed to `target` when all of them are done."""
    parts = target.with_name(f"{target.name}.part")

    def begin() -> None:
        _clear(target.parent)
        parts.mkdir(parents=True)

    ranks.first(begin)
    try:
        sharded_files.write_parts(parts, tensors)
        ranks.first(lambda: _write(target, progress, parts.rename))
    finally:
        if ranks.is_first:
            remove(parts)


def _last_checkpoint(folder: Path) -> str:
    """The last good checkpoint in words, with the stage if it is an earlier one."""
    if (own := latest(folder)) is not None:
        return f"the last good checkpoint is {own.name}"
    earlier = [found for stage in folder.parent.glob("*/") if (found := latest(stage)) is not None]
    if not earlier:
        return "there is no checkpoint before it"
    newest = max(earlier, key=lambda path: path.stat().st_mtime_ns)
    return f"the last good checkpoint is {newest.name} of {newest.parent.name}"


def _tensors(learner: nn.Module, with_frozen: bool) -> dict[str, Tensor]:
    frozen = set() if with_frozen else {name for name, value in learner.named_parameters() if not value.requires_grad}
    return {name: tensor for name, tensor in learner.state_dict().items() if name not in frozen}


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
            needs_sharding = tensor.shape == parameter.shape and not is_sharded(tensor)
            state.setdefault(int(index), {})[key] = shard_like(tensor, parameter) if needs_sharding else tensor
    return state
