"""Checks that a record wants all its answers learned, with equal weight and in their modes: there is nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demiglace.records.media_keys import is_empty
from demiglace.records.media_settings import typed_repr

# Weight of an answer in the loss: OpenAI, ms-swift, axolotl, LLaMA-Factory.
_WEIGHTS = ("weight", "loss", "loss_scale", "loss_weight", "train", "train_on_turn", "training", "trainable")
_MASKS = ("loss_mask", "step_loss_mask")  # as 0 or 1; verl, slime
_RECORD_WEIGHTS = ("weight", "sample_weight", "loss_weight", "loss_scale")  # as numbers; Fireworks has the first
_LEFT_OUT = ("mask", "masked")  # whether an answer is left out of the loss; torchtune
_VERDICTS = ("label", "kto_tag")  # of a record: whether its answer is a good one; TRL and ms-swift, LLaMA-Factory
_SPANS = ("train_detail", "training_detail")  # axolotl: which letters of an answer count
_TEMPLATE = "chat_template_kwargs"  # of a record: arguments of the chat template; TRL
_MODES = ("enable_thinking", "thinking")  # of the template; Qwen3 and this one have the first, DeepSeek the second
_CALLS = ("tool_calls", "function_call")


def check_answer_is_learned(fields: Mapping[str, Any]) -> None:
    """ValueError if an answer has more than text, or its own weight in the loss: neither is supported."""
    for key in (*_CALLS, *_SPANS):
        if not is_empty(fields.get(key)):
            raise ValueError(f"`{key}` of an answer is not learned, got {typed_repr(fields[key])}")
    for key in (*_WEIGHTS, *_MASKS, *_LEFT_OUT):
        if fields.get(key) not in (None, key not in _LEFT_OUT):
            raise ValueError(
                f"`{key}` of an answer is not supported, got {typed_repr(fields[key])}: all answers are learned"
            )


def check_record_is_learned(fields: Mapping[str, Any]) -> None:
    """ValueError where a record says that its answers, or all but the last, are not to be learned, or with a weight.

    A label that is no bool is a class or a name, and a weight that is no number a text: they say nothing of the kind.
    """
    if bad := [key for key in _VERDICTS if fields.get(key) is False]:
        raise ValueError(f"`{bad[0]}` of a record says that its answer is bad, got False: all answers are learned")
    for key in _RECORD_WEIGHTS:
        if isinstance(weight := fields.get(key), int | float) and weight != 1:
            raise ValueError(
                f"`{key}` of a record is not supported, got {typed_repr(weight)}: all records weigh the same"
            )
    if fields.get("mask_history") not in (None, False):
        found = typed_repr(fields["mask_history"])
        raise ValueError(f"`mask_history` of a record is not supported, got {found}: all answers are learned")


def check_mode(fields: Mapping[str, Any], thinking: bool) -> None:
    """ValueError where a record asks for another mode than that of its last answer, or for what the template lacks.

    thinking: whether the last answer has reasoning, which determines the mode that it trains.
    """
    arguments = fields.get(_TEMPLATE) or {}
    if not isinstance(arguments, dict):
        raise ValueError(f"`{_TEMPLATE}` must be an object, got {typed_repr(arguments)}")
    given = {key: value for key, value in arguments.items() if not is_empty(value)}
    if others := sorted(given.keys() - set(_MODES)):
        raise ValueError(f"`{_TEMPLATE}.{others[0]}` is not in the template, got {typed_repr(given[others[0]])}")
    asked = {_MODES[0]: fields.get(_MODES[0])} | {f"{_TEMPLATE}.{key}": value for key, value in given.items()}
    for key, value in asked.items():
        if value not in (None, thinking):
            mode = "reasoning, which trains the long mode" if thinking else "no reasoning, which trains the short mode"
            raise ValueError(f"`{key}` is {value!r:.80}, but the last answer has {mode}")
