"""The released layout on disk <-> the model: `config.json` and safetensors, single or sharded.

Tensor names are the model's own (`llm.*`, `vpm.*`, `resampler.*`), so nothing is renamed. Files are not trusted: only
safetensors are read, from inside the folder, and every name, shape and size is checked before a tensor is loaded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from demiglace.model.config_file import RELEASED_FACTS, CheckpointFacts, config_fields, generation_fields, parse_config
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.placement import default_dtype
from demiglace.safe_files import atomic_paths, disk_errors, read_object, write_whole

CONFIG_FILE = "config.json"
GENERATION_FILE = "generation_config.json"
SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
MOST_JSON_BYTES = 64 * 2**20
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
FLOATS = ("F64", "F32", "F16", "BF16")


def read_config(folder: str | os.PathLike[str]) -> MiniCPMVConfig:
    """The model that `config.json` describes; ValueError where it is absent, malformed or of another kind."""
    return parse_config(read_object(Path(folder) / CONFIG_FILE, MOST_JSON_BYTES))


def write_config(
    config: MiniCPMVConfig,
    folder: str | os.PathLike[str],
    dtype: torch.dtype = torch.bfloat16,
    facts: CheckpointFacts = RELEASED_FACTS,
) -> None:
    """`config.json` with the released fields; `dtype` is that of the weights beside it.

    What the release has no field for is an added key, absent where the released rule holds.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / CONFIG_FILE, _as_json(config_fields(config, dtype, facts)))


def load(
    folder: str | os.PathLike[str], dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> MiniCPMV:
    """The model in `folder`, in `dtype` (by default `default_dtype`), read shard by shard straight to `device`.

    Raises ValueError where tensors or files are missing, unknown or of the wrong shape, and where a tensor has numbers
    that are NaN or infinite, or would be in `dtype`.
    """
    folder, dtype = Path(folder), dtype or default_dtype(device)
    config = read_config(folder)
    shards = {path: _shapes(path) for path in _tensor_files(folder)}
    found = {name: shape for shapes in shards.values() for name, shape in shapes.items()}
    _check_depths(found, config)
    with torch.device("meta"), _Undrawn():
        model = MiniCPMV(config)
    _check(found, model)
    for path, shapes in shards.items():
        with safe_open(path, framework="pt", device=str(device)) as file:
            tensors = {name: file.get_tensor(name).to(dtype) for name in shapes}
        check_finite(path, tensors)
        model.load_state_dict(tensors, strict=False, assign=True)
    return model


def save(
    model: MiniCPMV,
    folder: str | os.PathLike[str],
    facts: CheckpointFacts = RELEASED_FACTS,
    max_shard_bytes: int = 5 * 10**9,
) -> None:
    """Weights as they are, `config.json` and `generation_config.json`; several files above `max_shard_bytes`.

    All files are written under temporary names and renamed at the end; weights of an earlier save are removed. Raises
    OSError that names the file which cannot be written.
    """
    folder, tensors = Path(folder), model.state_dict()
    folder.mkdir(parents=True, exist_ok=True)
    shards = _shards(tensors, max_shard_bytes)
    documents = {
        CONFIG_FILE: config_fields(model.config, next(model.parameters()).dtype, facts),
        GENERATION_FILE: generation_fields(model.config, facts),
    }
    if len(shards) > 1:
        documents[INDEX_FILE] = _index(tensors, shards)
    with atomic_paths(folder, [*shards, *documents]) as asides:
        for name, fields in documents.items():
            with disk_errors(folder / name):
                asides[name].write_text(_as_json(fields), encoding="utf-8")
        for name, held in shards.items():
            with disk_errors(folder / name):
                save_file({one: tensors[one].contiguous() for one in held}, asides[name], metadata={"format": "pt"})
            asides[name].chmod(asides[CONFIG_FILE].stat().st_mode)  # safetensors lets nobody else read them
    for stale in (folder / INDEX_FILE, *folder.glob("model*.safetensors")):
        if stale.name not in shards and stale.name not in documents:
            stale.unlink(missing_ok=True)


class _Undrawn(TorchFunctionMode):
    """Draws no normal numbers: a meta tensor keeps none, and asking for them imports a compiler for seconds."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is nn.init.normal_:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _tensor_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint, all present."""
    if (folder / SINGLE_FILE).is_file():
        return [folder / SINGLE_FILE]
    if not (folder / INDEX_FILE).is_file():
        pickles = sorted(path.name for path in folder.glob("*") if path.suffix in PICKLES)
        refused = f"; {', '.join(pickles)} may run code when opened, so only safetensors are read" if pickles else ""
        raise ValueError(f"neither {SINGLE_FILE} nor {INDEX_FILE} in {folder}{refused}")
    places = read_object(folder / INDEX_FILE, MOST_JSON_BYTES).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise ValueError(f"{INDEX_FILE} has no weight_map of tensor names to file names")
    names = sorted(set(places.values()))
    if outside := [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]:
        raise ValueError(f"{INDEX_FILE} names what is no safetensors file inside the folder: {_some(outside)}")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ValueError(f"{len(missing)} of {len(names)} shards are missing in {folder}: {_some(missing)}")
    return [folder / name for name in names]


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Tensor names of a file and their shapes; ValueError where it is damaged or holds what is no float."""
    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            strange = [f"{name} {part.get_dtype()}" for name, part in slices.items() if part.get_dtype() not in FLOATS]
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if strange:
        raise ValueError(f"{len(strange)} tensors in {path.name} are no floats (quantised?): {_some(strange)}")
    return shapes


def check_finite(where: str | os.PathLike[str], tensors: Mapping[str, Tensor]) -> None:
    """ValueError that names the tensors with numbers that are NaN or infinite: a model of them says nothing true."""
    spoiled = [name for name, tensor in tensors.items() if not _is_finite(tensor)]
    if spoiled:
        dtypes = sorted({str(tensors[name].dtype).removeprefix("torch.") for name in spoiled})
        raise ValueError(
            f"{len(spoiled)} tensors in {where} are NaN or infinite in {', '.join(dtypes)}: {_some(spoiled)}"
        )


def _is_finite(tensor: Tensor) -> bool:
    """The least and the largest number tell, NaN being both: one look at each, and nothing is copied."""
    return not tensor.numel() or all(bool(edge.isfinite()) for edge in tensor.aminmax())


def _check_depths(found: Collection[str], config: MiniCPMVConfig) -> None:
    """ValueError where most layers that are told of are not there: making a thousand of them takes many seconds.

    Where few are missing, `_check` names their tensors.
    """
    for told, prefix in ((config.llm.num_layers, "llm.model.layers"), (config.vision.num_layers, "vpm.encoder.layers")):
        numbers = {name.removeprefix(f"{prefix}.").partition(".")[0] for name in found if name.startswith(f"{prefix}.")}
        if told > 2 * len(numbers):
            raise ValueError(f"config.json tells of {told} layers {prefix}, but the weights have {len(numbers)}")


def _check(found: Mapping[str, tuple[int, ...]], model: nn.Module) -> None:
    """Exactly the model's tensors, each of its shape."""
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    missing = [name for name in wanted if name not in found]
    unknown = [name for name in found if name not in wanted]
    wrong = [
        f"{name} {shape} (not {wanted[name]})"
        for name, shape in found.items()
        if name in wanted and shape != wanted[name]
    ]
    faults = [("missing", missing), ("unknown", unknown), ("of another shape", wrong)]
    if told := [f"{len(names)} {fault}: {_some(names)}" for fault, names in faults if names]:
        raise ValueError(f"the tensors are not the {len(wanted)} of config.json: {'; '.join(told)}")


def _shards(tensors: Mapping[str, Tensor], max_bytes: int) -> dict[str, list[str]]:
    """File name -> tensor names, in order; a file exceeds `max_bytes` only where one tensor does."""
    groups: list[list[str]] = [[]]
    room = max_bytes
    for name, tensor in tensors.items():
        if groups[-1] and tensor.nbytes > room:
            groups.append([])
            room = max_bytes
        groups[-1].append(name)
        room -= tensor.nbytes
    if len(groups) == 1:
        return {SINGLE_FILE: groups[0]}
    return {f"model-{i:05d}-of-{len(groups):05d}.safetensors": names for i, names in enumerate(groups, start=1)}


def _index(tensors: Mapping[str, Tensor], shards: Mapping[str, list[str]]) -> dict[str, Any]:
    return {
        "metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())},
        "weight_map": {name: file for file, names in shards.items() for name in names},
    }


def _as_json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, indent=2, sort_keys=True) + "\n"


def _some(names: Sequence[str]) -> str:
    """The first ten."""
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
