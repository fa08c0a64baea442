"""Turns a conversation into token ids and patches, and samples into a batch.

User text and structure stay apart until they are ids (see `tokenizer`). The number of placeholders is checked against
the images before a sample is returned.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from demiglace.batch import IGNORE, PADDING, Batch
from demiglace.conversation import Conversation, Message, Part, Text
from demiglace.processing.chat_template import CHAT_TEMPLATE, Turn, render_pieces, render_stretches
from demiglace.processing.processor_config import CONFIG_FILE, MOST_CONFIG_BYTES, ProcessorConfig
from demiglace.processing.prompt_layout import Layout, Outline, check_room
from demiglace.processing.recent_clips import RecentClips
from demiglace.processing.sample import Sample, joined
from demiglace.processing.static_patches import without_static_patches
from demiglace.processing.tokenizer import TextPiece, Tokenizer
from demiglace.safe_files import read_object, write_whole

TEMPLATE_FILE = "chat_template.jinja"


class Count(NamedTuple):
    """Tokens of a conversation, and how many of them are visual."""

    tokens: int
    visual: int


class Processor:
    """Conversation -> Sample -> Batch."""

    def __init__(self, tokenizer: Tokenizer, config: ProcessorConfig) -> None:
        self.tokenizer, self.config = tokenizer, config

    @classmethod
    def load(cls, folder: str | os.PathLike[str], adapter: str | os.PathLike[str] | None = None) -> Processor:
        """From a checkpoint's folder; ValueError if a file is absent or malformed.

        An `adapter` that was trained with other slicing has its own `preprocessor_config.json` in its folder.
        """
        held = [Path(place) / CONFIG_FILE for place in (adapter, folder) if place is not None]
        fields = read_object(next((path for path in held if path.is_file()), held[-1]), MOST_CONFIG_BYTES)
        return cls(Tokenizer.load(folder), ProcessorConfig.from_fields(fields))

    def sliced(self, **changes: Any) -> Processor:
        """The same processor with other slicing: `changes` are fields of `SlicingConfig`."""
        config = replace(self.config, slicing=replace(self.config.slicing, **changes))
        return Processor(self.tokenizer, config)

    def with_static_patches(self, threshold: float | None) -> Processor:
        """The same processor, dropping static patches of videos (`static_patches.without_static_patches`); None keeps
        the checkpoint's setting. ValueError if the threshold is invalid."""
        return self if threshold is None else Processor(self.tokenizer, replace(self.config, static_patches=threshold))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write tokenizer, chat template and `preprocessor_config.json`: all of a checkpoint that `model` does not."""
        self.tokenizer.save(folder)
        write_whole(Path(folder) / TEMPLATE_FILE, CHAT_TEMPLATE)
        self.save_config(folder)

    def save_config(self, folder: str | os.PathLike[str]) -> None:
        """Write only `preprocessor_config.json`, for the folder of an adapter."""
        write_whole(Path(folder) / CONFIG_FILE, json.dumps(self.config.fields(), indent=2, sort_keys=True) + "\n")

    def checkpoint_facts(self) -> dict[str, Any]:
        """What `model.config_file.CheckpointFacts` needs to know about the processor."""
        return {
            "im_end": self.tokenizer.special["im_end"],
            "end_of_text": self.tokenizer.special["end_of_text"],
            "scale_resolution": self.config.slicing.scale_resolution,
            "max_slices": self.config.slicing.max_slices,
            "use_image_id": self.config.use_image_id,
        }

    def prepare(
        self,
        conversation: Conversation,
        add_generation_prompt: bool = True,
        max_tokens: int | None = None,
        clips: RecentClips | None = None,
    ) -> Sample:
        """The prompt; `add_generation_prompt` opens the assistant's next turn as `conversation.thinking` says.

        clips: a cache of clips that this processor has prepared; the sample is the same with and without it.
        Raises ValueError if the sample would exceed `max_tokens`, and whatever opening its files raises.
        """
        layout = self._layout(Layout, max_tokens, clips)
        turns = _turns(conversation, layout)
        return self._sample(self._prompt(turns, conversation.thinking, add_generation_prompt), layout, None)

    def training_sample(self, conversation: Conversation, max_tokens: int | None = None) -> Sample:
        """A conversation that ends with the assistant, with labels on the answers and the `<|im_end|>` of each.

        The last answer follows exactly the ids that `prepare` gives for the conversation without it, so the empty
        reasoning of short mode is part of the prompt and not learned. Errors as in `prepare` and `render_stretches`.
        """
        layout = self._layout(Layout, max_tokens)
        tokens, labels = self._learned(_turns(conversation, layout), conversation.thinking)
        return self._sample(tokens, layout, labels)

    def count(self, conversation: Conversation, max_tokens: int | None = None) -> Count:
        """Tokens that `prepare` returns, or `training_sample` if the conversation ends with the assistant.

        Videos are not decoded; a video without sampling settings counts as one package. Errors as in those methods.
        """
        outline = self._layout(Outline, max_tokens)
        turns, thinking = _turns(conversation, outline), conversation.thinking
        is_answered = turns[-1].role == "assistant"
        tokens = self._learned(turns, thinking)[0] if is_answered else self._prompt(turns, thinking)
        check_room(len(tokens), outline.num_visual_tokens, max_tokens)
        return Count(len(tokens), outline.num_visual_tokens)

    def batch(self, samples: Sequence[Sample]) -> Batch:
        """One row for each sample, padded on the right."""
        if len({sample.labels is None for sample in samples}) != 1:
            labelled = sum(sample.labels is not None for sample in samples)
            raise ValueError(f"a batch needs samples all with or all without labels, got {labelled} of {len(samples)}")
        length = max(len(sample.tokens) for sample in samples)
        tokens = _padded([sample.tokens for sample in samples], length, self.tokenizer.special["end_of_text"])
        segments = _padded([torch.ones_like(sample.tokens) for sample in samples], length, PADDING)
        labels = [sample.labels for sample in samples if sample.labels is not None]
        return Batch(
            tokens=tokens,
            positions=torch.arange(length).expand(len(samples), length),
            segments=segments,
            visual_places=torch.cat([sample.visual_places + row * length for row, sample in enumerate(samples)]),
            visual=joined([sample.visual for sample in samples if sample.visual is not None]),
            labels=_padded(labels, length, IGNORE) if labels else None,
        )

    def _layout(self, kind: type[Layout], max_tokens: int | None, clips: RecentClips | None = None) -> Layout:
        config = self.config
        return kind(config.slicing, config.num_queries, config.use_image_id, max_tokens, clips)

    def _prompt(self, turns: Sequence[Turn], thinking: bool | None, generate: bool = True) -> list[int]:
        return self.tokenizer.encode_pieces(render_pieces(turns, thinking, generate))

    def _learned(self, turns: Sequence[Turn], thinking: bool | None) -> tuple[list[int], list[int]]:
        """Ids and labels."""
        tokens: list[int] = []
        labels: list[int] = []
        for stretch in render_stretches(turns, thinking):
            ids = self.tokenizer.encode_pieces(stretch.pieces)
            tokens += ids
            labels += ids if stretch.is_learned else [IGNORE] * len(ids)
        return tokens, labels

    def _sample(self, ids: list[int], layout: Layout, labels: list[int] | None) -> Sample:
        check_room(len(ids), layout.num_visual_tokens, layout.max_tokens)
        tokens = torch.tensor(ids)
        places = (tokens == self.tokenizer.special["unk"]).nonzero().squeeze(1)
        if len(places) != layout.num_visual_tokens:
            raise ValueError(
                f"{len(places)} placeholders, but {len(layout.package_sizes)} packages of {layout.num_queries} "
                f"visual tokens make {layout.num_visual_tokens}"
            )
        visual = layout.visual()
        if visual is not None:
            visual = without_static_patches(visual, self.config.static_patches)
        learned = None if labels is None else torch.tensor(labels)
        return Sample(tokens, places, visual, learned, tuple(layout.sizes))


def _turns(conversation: Conversation, layout: Layout) -> list[Turn]:
    if not conversation.messages:
        raise ValueError("a conversation needs at least one message, got none")
    return [_turn(message, layout) for message in conversation.messages]


def _turn(message: Message, layout: Layout) -> Turn:
    """The parts in order, joined by line breaks (released code)."""
    shown = [type(part).__name__ for part in message.content if not isinstance(part, Text)]
    if shown and message.role != "user":
        raise ValueError(f"only the user shows files, but a message of the {message.role} has {', '.join(shown)}")
    pieces: list[TextPiece] = []
    for part in message.content:
        pieces += [TextPiece("\n"), _piece(part, layout)] if pieces else [_piece(part, layout)]
    return Turn(message.role, tuple(pieces))


def _piece(part: Part, layout: Layout) -> TextPiece:
    if isinstance(part, Text):
        return TextPiece(part.text)
    return TextPiece(layout.shown(part), is_structure=True)


def _padded(rows: Sequence[Tensor], length: int, padding: int) -> Tensor:
    """(length of each,) -> (rows, length)."""
    padded = torch.full((len(rows), length), padding)
    for place, row in zip(padded, rows, strict=True):
        place[: len(row)] = row
    return padded
