"""A `transformers` model, one question at a time: any folder or id for AutoModelForImageTextToText, including ours."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from demiglace.conversation import Conversation, Document, Image, Part, Text, Video
from demiglace.engine.sampling import BEAMS, SamplingParams
from demiglace.evaluation.backends.backend import Asked, chosen_fields
from demiglace.evaluation.backends.engine import weights_hash
from demiglace.evaluation.prediction import Reply
from demiglace.evaluation.prompt_record import prompt_text, sent_parts
from demiglace.media.pictures import open_picture
from demiglace.media.video import read_packages
from demiglace.model.hub import SHIPPED, folder_of
from demiglace.model.placement import device_named, dtype_named
from demiglace.processing.chat_template import split_answer

_NAMES = ("max_new_tokens", "min_new_tokens", "repetition_penalty", *BEAMS)
_DRAWN = ("temperature", "top_p", "top_k", "min_p")


class TransformersBackend:
    """A model loaded at the first question. ValueError if transformers is not installed."""

    def __init__(self, model: str, device: str | None = None, dtype: str | None = None) -> None:
        self.folder = str(folder_of(model)) if model in SHIPPED else model
        self.device = device_named(device)
        self.dtype = dtype_named(dtype, self.device)
        folder = Path(self.folder)
        self.name = f"{model} (transformers{f', dtype {dtype}' if dtype else ''})"
        self.weights = weights_hash(folder) if folder.is_dir() else f"hub: {model}"

    def answers(self, asked: Iterable[Asked]) -> Iterator[tuple[int, Reply]]:
        for one in asked:
            assert self._loaded  # outside of `_reply`: a model that cannot be loaded is not the failure of one question
            yield one.place, self._reply(one.conversation, one.sampling, _generation(one.sampling))

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        try:
            from transformers import AutoModelForImageTextToText, AutoProcessor

            import demiglace.integrations.transformers  # noqa: F401  registers ours
        except ImportError as error:
            raise ValueError("--backend transformers takes the extra: pip install 'demiglace[transformers]'") from error
        model = AutoModelForImageTextToText.from_pretrained(self.folder, dtype=self.dtype).to(self.device).eval()
        return model, AutoProcessor.from_pretrained(self.folder)

    def _reply(self, conversation: Conversation, sampling: SamplingParams, options: dict[str, Any]) -> Reply:
        began = time.perf_counter()
        try:
            prompt_tokens, new = self._generated(conversation, sampling.seed, options)
            sent = sent_parts(conversation)
        except (ValueError, OSError) as error:
            return Reply(prompt_text(conversation), error=str(error))
        _, processor = self._loaded
        raw = processor.decode(new, skip_special_tokens=True)
        thoughts, answer = split_answer(raw, conversation.thinking)
        return Reply(
            prompt_text(conversation),
            sent,
            raw,
            thoughts,
            answer,
            prompt_tokens,
            new_tokens=len(new),
            seconds=round(time.perf_counter() - began, 4),
            stopped_by="length" if len(new) >= sampling.max_new_tokens else "end",
        )

    def _generated(
        self, conversation: Conversation, seed: int | None, generation: dict[str, Any]
    ) -> tuple[int, list[int]]:
        """Number of prompt tokens, and the tokens of the answer without the end token."""
        model, processor = self._loaded
        messages = [
            {"role": message.role, "content": [one for part in message.content for one in self._parts(part)]}
            for message in conversation.messages
        ]
        options = {"enable_thinking": conversation.thinking, **self._watching(conversation)}
        inputs = processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", **options
        ).to(self.device)
        length = inputs["input_ids"].shape[1]
        if seed is not None:
            torch.manual_seed(seed)
        with torch.inference_mode():
            tokens = model.generate(**inputs, **generation)[0, length:].tolist()
        ends = model.generation_config.eos_token_id
        ends = set(ends) if isinstance(ends, list) else {ends}
        return length, tokens[:-1] if tokens and tokens[-1] in ends else tokens

    @property
    def _is_ours(self) -> bool:
        return type(self._loaded[1]).__module__.startswith("demiglace.")

    def _watching(self, conversation: Conversation) -> dict[str, Any]:
        """Our processor takes the sampling of videos; all videos of a question have the same."""
        samplings = [
            part.sampling for message in conversation.messages for part in message.content if isinstance(part, Video)
        ]
        return {"video_sampling": samplings[0]} if samplings and self._is_ours else {}

    def _parts(self, part: Part) -> Iterator[dict[str, Any]]:
        """Content items; other models get the frames of a video as pictures."""
        if isinstance(part, Text):
            yield {"type": "text", "text": part.text}
        elif isinstance(part, Image):
            yield {"type": "image", "image": open_picture(part.source)}
        elif isinstance(part, Document):
            raise ValueError("a document cannot be given to transformers; its pages can")
        elif self._is_ours:
            yield {"type": "video", "video": part.source}
        else:
            for package in read_packages(part.source, part.sampling):
                yield from ({"type": "image", "image": frame} for frame in package.frames)


def _generation(sampling: SamplingParams) -> dict[str, Any]:
    """Arguments of `generate`; its repetition penalty includes the prompt. ValueError for unsupported options."""
    chosen_fields(sampling, (*_NAMES, "seed", *_DRAWN), "transformers")
    options = {name: getattr(sampling, name) for name in _NAMES}
    if sampling.temperature > 0:
        return options | {name: getattr(sampling, name) for name in _DRAWN} | {"do_sample": True}
    return options | {"do_sample": False}
