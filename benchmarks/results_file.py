"""Result files: figures, and what they were made with: command, day, machine, versions and weights."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

import demiglace
from demiglace import Demiglace
from demiglace.model.hub import folder_of
from demiglace.safe_files import write_whole

ROOT = Path(__file__).parents[1]
RANDOM = "random weights: time and memory depend on shapes alone"


@dataclass(frozen=True)
class Weights:
    """sha256: of the model's safetensors files, one after the other by name. parameters: numbers in them."""

    name: str
    sha256: str
    parameters: int


def weights_of(model: str | Path | None) -> Weights:
    """Of a checkpoint by folder or hub id; None is the nano model of the package."""
    folder = folder_of(model)
    files = sorted(folder.glob("*model*.safetensors"))
    if not files:
        raise ValueError(f"{folder} holds no weights")
    digest, parameters = hashlib.sha256(), 0
    for file in files:
        with file.open("rb") as content:
            while block := content.read(2**24):
                digest.update(block)
        with safe_open(file, "numpy") as tensors:
            parameters += sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    name = "nano" if model is None else folder.name if Path(model).is_dir() else str(model)
    return Weights(name, digest.hexdigest(), parameters)


def write_result(
    path: Path,
    figures: Mapping[str, Any],
    weights: Weights | str,
    machine: Mapping[str, Any],
    versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Figures as JSON behind what they were made with; all of it is returned.

    weights: where none take part, a sentence that says why.
    """
    report = {
        "command": command_here(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": dict(machine),
        "versions": dict(versions or versions_here()),
        "weights": asdict(weights) if isinstance(weights, Weights) else None,
        **({} if isinstance(weights, Weights) else {"why_no_weights": weights}),
        **figures,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return report


def command_here() -> str:
    """This process's command line; of paths outside the project the last name alone."""
    words = [word if not os.path.isabs(word) else _inside(Path(word)) for word in sys.argv[1:]]
    return shlex.join(["python", _inside(Path(sys.argv[0]).resolve()), *words])


def _inside(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def machine_of(assistant: Demiglace) -> dict[str, str | int | None]:
    weight = assistant.model.llm.model.embed_tokens.weight
    return machine_here(weight.device.type, str(weight.dtype).removeprefix("torch."))


def machine_here(device: str = "cpu", dtype: str = "float32") -> dict[str, str | int | None]:
    """What figures depend on besides versions; dtype: of the weights."""
    cpu = Path("/proc/cpuinfo")
    names = [line for line in cpu.read_text().splitlines() if line.startswith("model name")] if cpu.is_file() else []
    return {
        "processor": names[0].partition(":")[2].strip() if names else platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "dtype": dtype,
    }


def versions_here(*packages: str) -> dict[str, str]:
    """Of Python, of what every result rests on, and of other installed packages."""
    names = ("torch", "numpy", "pillow", *packages)
    own = {"python": platform.python_version(), "demiglace": demiglace.__version__}  # which need not be installed
    return own | {name: metadata.version(name) for name in names}


def tesseract_version() -> str:
    output = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    return output.stdout.split()[1]
