"""Options that the training commands share, and the parser of step numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demiglace.cli import inference_options

if TYPE_CHECKING:
    from demiglace.data.object_cache import ObjectCache
    from demiglace.jobs.machine import Machine
    from demiglace.planning.training_setup import Method

MOST_SEED = 2**64 - 1  # torch's limit
MixturePath = Annotated[Path, typer.Argument(help="TOML file of sources and their weights.")]
Start = Annotated[str, typer.Option(help="Folder or hub id of the model to start from, or nano or nano-reader.")]
Folder = Annotated[Path, typer.Option(help="Folder for checkpoints, metrics and the model.")]
Seed = Annotated[int, typer.Option(help="Seed of all random choices.", min=0, max=MOST_SEED)]
SaveEvery = Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)]
Keep = Annotated[int, typer.Option(help="Number of checkpoints of a stage to keep.", min=1)]
NumWorkers = Annotated[int, typer.Option(help="Processes that prepare samples; 0 is none.", min=0)]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave bad records out, listed and counted.")]
_RECOMPUTE = "Recompute activations: less memory, a third more time."
ActivationCheckpointing = Annotated[bool, typer.Option("--activation-checkpointing", help=_RECOMPUTE)]
PresetActivationCheckpointing = Annotated[
    bool, typer.Option("--activation-checkpointing", help=f"{_RECOMPUTE} The preset 8b always does.")
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Start over; the run in the folder is moved aside as earlier-1.")
]


@dataclass(frozen=True)
class Rows:
    """Sizes of packed rows, by their names in recipes; None keeps the preset's."""

    length: Annotated[int | None, typer.Option(help="Tokens of a row. [default: the preset's]")] = None
    batch_rows: Annotated[int | None, typer.Option(help="Packed rows per step. [default: the preset's]")] = None
    micro_batch_rows: Annotated[int | None, typer.Option(help="Rows per forward pass. [default: the preset's]")] = None


@dataclass(frozen=True)
class Computing:
    """Where a run is computed, and how its folder and curves are handled."""

    restart: Restart = False
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write the curves for TensorBoard.")] = False
    device: inference_options.Device = None
    dtype: Annotated[
        str | None, typer.Option(help="Dtype of matrix products: float32 or bfloat16. [default: what suits the device]")
    ] = None

    def machine(self, **options: Any) -> Machine:
        """`options` are further fields of `Machine`. ValueError for an unknown device or dtype."""
        from demiglace.jobs.machine import Machine
        from demiglace.model.placement import device_named, dtype_named
        from demiglace.training.distributed import own_device

        device = own_device(device_named(self.device))
        dtype = dtype_named(self.dtype, device)
        return Machine(device, dtype, tensorboard=self.tensorboard, restart=self.restart, **options)


@dataclass(frozen=True)
class Stores:
    """The cache for files of object stores that the command line names by their addresses."""

    cache: Annotated[
        Path | None, typer.Option(help="Cache folder for files at addresses. [default: a temporary one]")
    ] = None
    cache_gb: Annotated[float | None, typer.Option(help="Size limit of the cache in GB. [default: 50]")] = None

    def objects(self) -> ObjectCache:
        from demiglace.data.object_cache import ObjectCache
        from demiglace.data.sources.object_store import DEFAULT_CACHE

        if self.cache_gb is not None and not 0 < self.cache_gb < math.inf:
            raise ValueError(f"--cache-gb must be above 0, got {self.cache_gb}")
        most_bytes = DEFAULT_CACHE.most_bytes if self.cache_gb is None else int(self.cache_gb * 1e9)
        return ObjectCache(self.cache or DEFAULT_CACHE.folder, most_bytes)

    def refuse(self, mixture: str) -> None:
        """ValueError if one of the options is given with a mixture, which has a table for that."""
        if self.cache is not None or self.cache_gb is not None:
            raise ValueError(f"--cache and --cache-gb are only for addresses; {mixture} has them under [cache]")


_WORDS = {2: "two", 3: "three"}


def steps_like(example: str, text: str) -> tuple[int, ...]:
    """ "500,300" -> these numbers, as many as in `example`; ValueError for anything else."""
    parts, count = text.split(","), example.count(",") + 1
    if len(parts) != count or not all(part.strip().isdecimal() for part in parts):
        raise ValueError(f"--steps must be {_WORDS[count]} whole numbers such as {example}, got {text!r:.50}")
    return tuple(map(int, parts))


def finetuning_method(full: bool, lora: bool, qlora: bool) -> Method:
    """The chosen method, by default adapters; ValueError if two are chosen."""
    if full + lora + qlora > 1:
        raise ValueError("--full, --lora and --qlora cannot be combined")
    return "full" if full else "qlora" if qlora else "lora"
