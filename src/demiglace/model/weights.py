"""The released layout on disk <-> the model: `config.json` and safetensors, single or sharded.

Tensor names are the model's own (`llm.*`, `vpm.*`, `resampler.*`), so nothing is renamed. Files are not trusted: every
name, shape and size is checked before a tensor is loaded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from demiglace.model.config_file import RELEASED_FACTS, CheckpointFacts, config_fields, generation_fields, parse_config
from demiglace.model.hub import CONFIG_FILE
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.placement import default_dtype
from demiglace.model.quantisation import Quantisation, linear_names, quantised
from demiglace.model.quantised_layouts import StoredLayer, stored_layers, stored_layout
from demiglace.model.tensor_files import (
    INDEX_FILE,
    MOST_JSON_BYTES,
    SINGLE_FILE,
    StoredTensor,
    TensorFiles,
    open_tensors,
    some_of,
)
from demiglace.safe_files import atomic_paths, disk_errors, read_object, write_whole

GENERATION_FILE = "generation_config.json"


def read_config(folder: str | os.PathLike[str]) -> MiniCPMVConfig:
    """The model that `config.json` describes; ValueError if the file is missing, malformed or of another kind."""
    return parse_config(read_object(Path(folder) / CONFIG_FILE, MOST_JSON_BYTES))


def write_config(
    config: MiniCPMVConfig,
    folder: str | os.PathLike[str],
    dtype: torch.dtype = torch.bfloat16,
    facts: CheckpointFacts = RELEASED_FACTS,
) -> None:
    """`config.json` with the released fields; `dtype` is that of the weights beside it.

    Settings without a released field get an added key, which is absent if the released rule holds.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / CONFIG_FILE, _as_json(config_fields(config, dtype, facts)))


def load(
    folder: str | os.PathLike[str],
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    quantisation: Quantisation | None = None,
    may_be_quantised: bool = False,
) -> MiniCPMV:
    """The model in `folder`, in `dtype` (by default `default_dtype`), read tensor by tensor straight to `device`.

    With `quantisation`, weights of the decoder's linear layers are quantised as they are read, so there is never more
    than one of them in floats. With `may_be_quantised`, layers that are stored quantised are read as they are; such a
    model is for inference and can be neither trained nor saved.

    Raises ValueError if tensors or files are missing, unknown or of the wrong shape or type, if a tensor has NaN or
    infinite numbers as stored or in `dtype`, and as in `quantised` and `stored_layout`.
    """
    folder, dtype = Path(folder), dtype or default_dtype(device)
    with _opened(folder, device) as (model, stored, files):
        if stored and (quantisation or not may_be_quantised):
            raise ValueError(f"the weights in {folder} are quantised already, but floats are needed")
        for name, layer in stored.items():
            model.set_submodule(name, layer.read(model.get_submodule(name), files, dtype))
        if quantisation:
            for name in list(linear_names(model)):
                model.set_submodule(name, quantised(name, files.read(f"{name}.weight", dtype), quantisation))
        rest = [name for name, tensor in model.state_dict().items() if tensor.is_meta]
        model.load_state_dict({name: files.read(name, dtype) for name in rest}, strict=False, assign=True)
    return model


@contextmanager
def open_floats(folder: str | os.PathLike[str]) -> Iterator[tuple[MiniCPMVConfig, TensorFiles]]:
    """The config of the model in `folder`, and its tensors, to be read one by one. ValueError as in `load`."""
    with _opened(Path(folder), "cpu") as (model, stored, files):
        if stored:
            raise ValueError(f"the weights in {folder} are quantised already, but floats are needed")
        yield model.config, files


def save(
    model: MiniCPMV,
    folder: str | os.PathLike[str],
    facts: CheckpointFacts = RELEASED_FACTS,
    max_shard_bytes: int = 5 * 10**9,
) -> None:
    """Write the weights unchanged, `config.json` and `generation_config.json`; shards above `max_shard_bytes`.

    All files are written under temporary names and renamed at the end; weights of an earlier save are removed. Raises
    an OSError that names the file which cannot be written.
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
            asides[name].chmod(asides[CONFIG_FILE].stat().st_mode)  # safetensors writes with mode 0600
    for stale in (folder / INDEX_FILE, *folder.glob("model*.safetensors")):
        if stale.name not in shards and stale.name not in documents:
            stale.unlink(missing_ok=True)


class _SkipInitialisation(TorchFunctionMode):
    """Skips normal initialisation: a meta tensor has no values, and the call would import a compiler for seconds."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is nn.init.normal_:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


@contextmanager
def _opened(folder: Path, device: torch.device | str) -> Iterator[tuple[MiniCPMV, dict[str, StoredLayer], TensorFiles]]:
    """The model without weights, its layers that are stored quantised, and the files; all tensors are checked."""
    fields = read_object(folder / CONFIG_FILE, MOST_JSON_BYTES)
    config, layout = parse_config(fields), stored_layout(fields)
    with open_tensors(folder, device) as files:
        _check_depths(files.found, config)
        with torch.device("meta"), _SkipInitialisation():
            model = MiniCPMV(config)
        stored = stored_layers(model, layout, files.found) if layout else {}
        _check(files.found, _wanted(model, stored))
        yield model, stored, files


def _check_depths(found: Collection[str], config: MiniCPMVConfig) -> None:
    """ValueError if most layers of `config.json` are missing: building a thousand layers would take many seconds.

    If few are missing, `_check` names their tensors.
    """
    depths = {"llm.model.layers": config.llm.num_layers, "vpm.encoder.layers": config.vision.num_layers}
    for prefix, depth in depths.items():
        numbers = {name.removeprefix(f"{prefix}.").partition(".")[0] for name in found if name.startswith(f"{prefix}.")}
        if depth > 2 * len(numbers):
            raise ValueError(f"config.json has {depth} layers {prefix}, but the weights have {len(numbers)}")


def _wanted(model: nn.Module, stored: Mapping[str, StoredLayer]) -> dict[str, StoredTensor]:
    """The tensors that the files must have if the layers in `stored` are stored quantised."""
    weights = {f"{name}.weight" for name in stored}
    wanted = {name: StoredTensor(tuple(tensor.shape)) for name, tensor in model.state_dict().items()}
    parts = {f"{name}.{part}": tensor for name, layer in stored.items() for part, tensor in layer.parts.items()}
    return {name: tensor for name, tensor in wanted.items() if name not in weights} | parts


def _check(found: Mapping[str, StoredTensor], wanted: Mapping[str, StoredTensor]) -> None:
    """ValueError unless the files have exactly the wanted tensors, each of its shape and type."""
    known = {name: (tensor, wanted[name]) for name, tensor in found.items() if name in wanted}
    faults = {
        "missing": [name for name in wanted if name not in found],
        "unknown": [name for name in found if name not in wanted],
        "of another shape": [
            f"{name} {actual.shape} (not {expected.shape})"
            for name, (actual, expected) in known.items()
            if expected.shape not in (None, actual.shape)
        ],
        "of another type (quantised?)": [
            f"{name} {actual.dtypes[0]} (not {' or '.join(expected.dtypes)})"
            for name, (actual, expected) in known.items()
            if actual.dtypes[0] not in expected.dtypes
        ],
    }
    if differences := [f"{len(names)} {fault}: {some_of(names)}" for fault, names in faults.items() if names]:
        raise ValueError(f"the tensors are not the {len(wanted)} of config.json: {'; '.join(differences)}")


def _shards(tensors: Mapping[str, Tensor], max_bytes: int) -> dict[str, list[str]]:
    """File name -> tensor names, in order; a file exceeds `max_bytes` only if a single tensor does."""
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
