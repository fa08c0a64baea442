"""Training checkpoints: everything a run needs to go on bit for bit, written whole or not at all.

A checkpoint is a folder `step-00000100` with `learner.safetensors`, `optimizer.safetensors` and
`state.json`. It is written under a temporary name and renamed, so a half-written one is never picked.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer


def save(folder: Path, step: int, learner: nn.Module, optimizers: Sequence[Optimizer], keep: int = 2) -> Path:
    """Write the checkpoint of `step` and drop all but the last `keep`."""
    target = folder / f"step-{step:08d}"
    unfinished = folder / f"{target.name}.part"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in learner.state_dict().items()}, unfinished / "learner.safetensors"
    )
    save_file(_flatten(optimizers), unfinished / "optimizer.safetensors")
    (unfinished / "state.json").write_text(json.dumps({"step": step}))
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)
    for old in _finished(folder)[:-keep]:
        shutil.rmtree(old)
    return target


def latest(folder: Path) -> Path | None:
    """The finished checkpoint with the most steps, or None."""
    return next(reversed(_finished(folder)), None)


def restore(path: Path, learner: nn.Module, optimizers: Sequence[Optimizer]) -> int:
    """Load a checkpoint into `learner` and `optimizers`; the number of steps it has seen."""
    learner.load_state_dict(load_file(path / "learner.safetensors"))
    tensors = load_file(path / "optimizer.safetensors")
    for number, optimizer in enumerate(optimizers):
        described = optimizer.state_dict()
        described["state"] = _unflatten(tensors, number)
        optimizer.load_state_dict(described)
    return int(json.loads((path / "state.json").read_text())["step"])


def _finished(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if path.is_dir() and path.suffix != ".part")


def _flatten(optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """Optimizer states as tensors named `optimizer/parameter/value`."""
    return {
        f"{number}/{parameter}/{key}": torch.as_tensor(value).contiguous()
        for number, optimizer in enumerate(optimizers)
        for parameter, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
    }


def _unflatten(tensors: dict[str, Tensor], number: int) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        optimizer, parameter, key = name.split("/")
        if int(optimizer) == number:
            state.setdefault(int(parameter), {})[key] = tensor
    return state
