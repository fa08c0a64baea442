"""Samples -> rows of one length, padded and truncated by the options of transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import BatchFeature

from demiglace.integrations.transformers.inputs import visual_inputs
from demiglace.processing.chat_template import CHAT_TEMPLATE
from demiglace.processing.sample import Sample, joined

# Options that callers of transformers often pass, with the values that are the behaviour here anyway.
GRANTED: dict[str, tuple[Any, ...]] = {
    "return_tensors": (None, "auto", "pt"),
    "add_special_tokens": (None, False),
    "clean_up_tokenization_spaces": (None, False),
    "chat_template": (None, CHAT_TEMPLATE),
    "tools": (None,),
    "documents": (None,),
    "return_assistant_tokens_mask": (None, False),
    "push_to_hub": (None, False),
    "load_audio_from_video": (None, False),  # `transformers serve` passes it in every request
}
# Options of rows with their allowed values; numbers are checked separately.
CHOICES: dict[str, tuple[Any, ...]] = {
    "padding": (None, False, True, "longest", "max_length"),
    "padding_side": (None, "left", "right"),
    "truncation": (None, False, True, "longest_first"),
}
NUMBERS = ("max_length", "pad_to_multiple_of")


@dataclass(frozen=True)
class RowOptions:
    """How rows are brought to one length.

    max_length: maximum tokens of a row, which is truncated at the end; None truncates nothing.
    min_length: minimum tokens of a row. multiple_of: the length of the rows is a multiple of it.
    """

    is_left: bool = True
    max_length: int | None = None
    min_length: int = 0
    multiple_of: int = 1

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> RowOptions:
        """Reads options by their names in transformers. ValueError names each one that is not supported here."""
        _check_held(options)
        max_length, is_cut = options.get("max_length"), bool(options.get("truncation"))
        is_filled = options.get("padding") == "max_length"
        if (max_length is None) == (is_cut or is_filled):
            raise ValueError(
                "max_length goes with truncation=True or padding='max_length', and they with it: got "
                f"max_length={max_length}, truncation={options.get('truncation')}, padding={options.get('padding')!r}"
            )
        return cls(
            is_left=options.get("padding_side") != "right",
            max_length=max_length if is_cut else None,
            min_length=max_length if is_filled and max_length is not None else 0,
            multiple_of=options.get("pad_to_multiple_of") or 1,
        )


def check_granted(options: Mapping[str, Any]) -> None:
    """Raises ValueError for options that are not supported here, or not with this value."""
    _refuse([name for name, value in options.items() if value not in GRANTED.get(name, ())], options)


def rows_of(samples: Sequence[Sample], options: RowOptions, padding_token: int) -> BatchFeature:
    """The model's inputs; see `inputs`. Raises ValueError if truncation would cut off pictures."""
    samples = [_cut(sample, options.max_length) for sample in samples]
    longest = max(options.min_length, *(len(sample.tokens) for sample in samples))
    length = -(-longest // options.multiple_of) * options.multiple_of
    ids = torch.full((len(samples), length), padding_token)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, sample in enumerate(samples):
        start = length - len(sample.tokens) if options.is_left else 0
        end = start + len(sample.tokens)
        ids[row, start:end] = sample.tokens
        mask[row, start:end] = 1
        types[row, start + sample.visual_places] = 1
    rows = {"input_ids": ids, "attention_mask": mask, "mm_token_type_ids": types}
    visual = joined([sample.visual for sample in samples if sample.visual is not None])
    return BatchFeature(rows | visual_inputs(visual))


def _cut(sample: Sample, max_length: int | None) -> Sample:
    if max_length is None or len(sample.tokens) <= max_length:
        return sample
    if len(sample.visual_places) and (needed := int(sample.visual_places[-1]) + 1) > max_length:
        raise ValueError(f"pictures reach to token {needed} of a row that is to be cut off at max_length {max_length}")
    return replace(sample, tokens=sample.tokens[:max_length])


def _check_held(options: Mapping[str, Any]) -> None:
    strange = []
    for name, value in options.items():
        if name in NUMBERS:
            is_held = value is None or (type(value) is int and value >= 1)
        else:
            is_held = value in CHOICES.get(name, GRANTED.get(name, ()))
        if not is_held:
            strange.append(name)
    _refuse(strange, options)


def _refuse(names: Sequence[str], options: Mapping[str, Any]) -> None:
    if names:
        raise ValueError(f"not held here: {', '.join(f'{name}={options[name]!r:.50}' for name in names)}")
