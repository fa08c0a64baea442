"""LoRA with peft: low-rank matrices beside frozen ones, saved in PEFT's format.

peft is an extra (`pip install 'demiglace[finetune]'`). The parts that get adapters, their rank and scale are ours.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import safe_open
from torch import nn

from demiglace.fields import check_attributes
from demiglace.model.adapter_file import RANK, SCALE, TENSOR_FILE, check_adapter
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.quantisation import DECODER_LINEARS, ENCODER_LINEARS
from demiglace.model.tensor_files import check_finite
from demiglace.safe_files import atomic_path

if TYPE_CHECKING:
    from peft import PeftModel

TARGETS = {"decoder": DECODER_LINEARS, "encoder": ENCODER_LINEARS}


@dataclass(frozen=True)
class Lora:
    """Rank and scale of the adapters; each adds `scale / rank` times the product of its matrices."""

    rank: int = 16
    scale: float = 32.0

    def __post_init__(self) -> None:
        """Raises ValueError on numbers out of bounds."""
        check_attributes(self, {"rank": RANK, "scale": SCALE})


def targets_of(parts: tuple[str, ...]) -> list[str]:
    """Patterns of the layers that get adapters in `parts`; ValueError if none of the parts takes adapters."""
    patterns = [TARGETS[part] for part in parts if part in TARGETS]
    if not patterns:
        raise ValueError(
            f"adapters are for encoder and decoder, but the parts to train are {', '.join(parts) or 'none'}"
        )
    return patterns


def add_adapters(model: MiniCPMV, parts: tuple[str, ...], lora: Lora) -> PeftModel:
    """Freeze `model` and add adapters to its `parts`, in place; the resampler, if named, is trained in full instead.
    What is trained is float32, whatever the dtype of the model.

    parts: of "encoder", "resampler" and "decoder". Raises ValueError if peft is missing or no part takes adapters.
    """
    peft = _peft()
    patterns = targets_of(parts)
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.scale,
        target_modules="|".join(f"(?:{pattern})" for pattern in patterns),
        modules_to_save=["resampler"] if "resampler" in parts else None,
    )
    adapted = peft.get_peft_model(model, config)
    # peft makes its own matrices float32, but leaves the resampler's copy in the dtype of the model: in bfloat16, steps
    # below half a unit in the last place would be rounded away.
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def learned_names(learner: nn.Module) -> tuple[str, ...]:
    """Full names of the parameters that peft left trainable."""
    return tuple(name for name, value in learner.named_parameters() if value.requires_grad)


def save_adapter(adapted: PeftModel, folder: Path) -> None:
    """Write the adapter in PEFT's format, atomically; an earlier one is replaced. OSError if it cannot be written."""
    with atomic_path(folder) as aside:
        adapted.save_pretrained(str(aside))


def merge_adapter(model: MiniCPMV, folder: str | PathLike[str]) -> MiniCPMV:
    """The model with an adapter in PEFT's format added to its weights.

    Raises ValueError if peft is missing, if `folder` has no adapter or one of another base model, and if a number in
    the adapter or in the merged weights is NaN or infinite.
    """
    peft, path = _peft(), Path(folder)
    check_adapter(path)
    try:
        config = peft.PeftConfig.from_pretrained(str(path))
        config.task_type = None  # only for transformers models; ours is a plain module
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about missing names, which `_check_names` makes an error
            adapted = peft.PeftModel.from_pretrained(model, str(path), config=config)
        _check_names(path, set(peft.get_peft_model_state_dict(adapted, save_embedding_layers=False)))
        merged: MiniCPMV = adapted.merge_and_unload()
    except MemoryError:
        raise
    except Exception as error:  # peft has many more fields than are checked here, and raises nearly anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"the adapter in {path} does not fit this model: {reason}") from error
    check_finite(path, merged.state_dict())
    return merged


def _check_names(path: Path, own: set[str]) -> None:
    """ValueError if adapter and model differ in their layers, which peft ignores.

    Beside the matrices of an embedding or the output layer peft stores the weight that they are added to.
    """
    below = {f"{layer}.base_layer.weight" for layer, found, _ in (name.partition(".lora_") for name in own) if found}
    with safe_open(path / TENSOR_FILE, "pt") as file:
        strange = sorted(own ^ (set(file.keys()) - below))
    if strange:
        raise ValueError(f"{len(strange)} tensors are in one of the two alone, such as {strange[0]}")


def _peft():  # type: ignore[no-untyped-def]  # an optional module
    try:
        import peft
    except ImportError as error:
        raise ValueError("adapters need peft: pip install 'demiglace[finetune]'") from error
    return peft
