"""Our processor for transformers: chat messages, or prompts with files, to the model's inputs, and back.

Prefer messages: in them users' text is never parsed as special tokens. A prompt is plain text, in which special tokens
are parsed wherever they occur.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import BatchFeature, PreTrainedTokenizerFast, ProcessorMixin
from transformers.utils import cached_file

from demiglace.conversation import VideoSampling
from demiglace.integrations.transformers.inputs import FIELDS
from demiglace.integrations.transformers.media import is_frames, picture_of, video_of
from demiglace.integrations.transformers.messages import (
    TAGS,
    TURN_END,
    Messages,
    conversation_of,
    prompt_of,
)
from demiglace.integrations.transformers.rows import RowOptions, check_granted, rows_of
from demiglace.media.pictures import open_picture
from demiglace.media.video import read_packages
from demiglace.processing.chat_template import CHAT_TEMPLATE
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import CONFIG_FILE
from demiglace.processing.prompt_layout import Layout
from demiglace.processing.sample import Sample
from demiglace.processing.static_patches import without_static_patches
from demiglace.processing.tokenizer import SETTINGS_FILE, TOKENIZER_FILE, TextPiece

HUB_OPTIONS = ("cache_dir", "force_download", "local_files_only", "token", "revision", "subfolder")
_TAGS = re.compile("|".join(f"({re.escape(tag)})" for tag in TAGS.values()))


class MiniCPMVProcessor(ProcessorMixin):
    """`tokenizer` is for programs that need one and may have tokens added; ids and patches come from `processor`."""

    def __init__(self, processor: Processor, tokenizer: PreTrainedTokenizerFast) -> None:
        super().__init__(tokenizer, chat_template=CHAT_TEMPLATE)
        self._processor, self._added = processor, repr(tokenizer.added_tokens_decoder)

    @property
    def processor(self) -> Processor:
        """Our processor, with the tokens that have been added to `tokenizer`."""
        added = self.tokenizer.added_tokens_decoder
        if (representation := repr(added)) != self._added:
            known = self._processor
            self._processor, self._added = Processor(known.tokenizer.with_added(added), known.config), representation
        return self._processor

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | PathLike[str], **kwargs: Any) -> MiniCPMVProcessor:
        """From a checkpoint's folder or the hub; ValueError if a file is malformed."""
        where = {name: kwargs[name] for name in HUB_OPTIONS if kwargs.get(name) is not None}
        files = [cached_file(pretrained_model_name_or_path, name, **where) for name in (TOKENIZER_FILE, CONFIG_FILE)]
        cached_file(pretrained_model_name_or_path, SETTINGS_FILE, **where)
        folder = Path(files[0]).parent
        return cls(Processor.load(folder), PreTrainedTokenizerFast.from_pretrained(folder, padding_side="left"))

    def save_pretrained(self, save_directory: str | PathLike[str], **kwargs: Any) -> None:
        """Writes all of a checkpoint's files except those of the model."""
        check_granted(kwargs)
        self.processor.save(save_directory)

    def to_dict(self) -> dict[str, Any]:
        return self.processor.config.fields()

    @property
    def model_input_names(self) -> list[str]:
        return ["input_ids", "attention_mask", "mm_token_type_ids", *FIELDS]

    def __call__(
        self,
        images: Any = None,
        text: str | Sequence[str] | None = None,
        videos: Any = None,
        video_sampling: VideoSampling | None = None,
        **options: Any,
    ) -> BatchFeature:
        """The model's inputs for one prompt or several, by default padded on the left; see `inputs`.

        images, videos: one for each tag of `TAGS` in the prompts, in a form that `media` takes, as one list or a list
        for each prompt; a list of PIL images or arrays among the videos is one video.
        Raises ValueError if the numbers of files and tags differ, or an option is not supported.
        """
        held = RowOptions.read(options)
        if text is None:
            raise ValueError("there is nothing to prepare without text")
        prompts = [text] if isinstance(text, str) else list(text)
        shown, watched = (
            _dealt(given, [prompt.count(TAGS[kind]) for prompt in prompts], kind)
            for kind, given in (("image", images), ("video", videos))
        )
        rows = zip(prompts, shown, watched, strict=True)
        return self._rows([self._sample(prompt, seen, clips, video_sampling) for prompt, seen, clips in rows], held)

    def apply_chat_template(
        self,
        conversation: Messages | Sequence[Messages],
        *,
        add_generation_prompt: bool = False,
        continue_final_message: bool = False,
        tokenize: bool = False,
        return_dict: bool = False,
        enable_thinking: bool | None = False,
        video_sampling: VideoSampling | None = None,
        processor_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """One conversation or several as the model's inputs (`tokenize` and `return_dict`), ids or prompts.

        enable_thinking: True for a long answer, False for a short one, None leaves it to the model.
        continue_final_message: the prompt ends inside the last message, which must be the assistant's.
        Raises ValueError if this is combined with a new turn, an option is not supported, or a file cannot be read.
        """
        held = RowOptions.read({**options, **(processor_kwargs or {})})
        is_one = len(conversation) > 0 and isinstance(conversation[0], Mapping)
        each: Any = [conversation] if is_one else conversation
        if continue_final_message:
            _check_continuable(each, add_generation_prompt)
        if not tokenize:
            prompts = [prompt_of(messages, enable_thinking, add_generation_prompt) for messages in each]
            prompts = [prompt.removesuffix(TURN_END) for prompt in prompts] if continue_final_message else prompts
            return prompts[0] if is_one else prompts
        asked = [conversation_of(messages, enable_thinking, video_sampling) for messages in each]
        samples = [self.processor.prepare(prompt, add_generation_prompt) for prompt in asked]
        inputs = self._rows([self._open(sample) for sample in samples] if continue_final_message else samples, held)
        return inputs if return_dict else inputs["input_ids"]

    def decode(self, token_ids: Any, skip_special_tokens: bool = False, **options: Any) -> Any:
        """Text of one row of ids, or of each of several; `skip_special_tokens` drops special tokens, not reasoning."""
        check_granted(options)
        ids = token_ids.tolist() if isinstance(token_ids, Tensor) else list(token_ids)
        if ids and isinstance(ids[0], int):
            return self.processor.tokenizer.decode(ids, skip_special=skip_special_tokens)
        return [self.decode(row, skip_special_tokens) for row in ids]

    def batch_decode(self, sequences: Any, skip_special_tokens: bool = False, **options: Any) -> list[str]:
        """As `decode`, for several rows."""
        return [self.decode(row, skip_special_tokens, **options) for row in sequences]

    def post_process_image_text_to_text(
        self, generated_outputs: Any, skip_special_tokens: bool = True, **options: Any
    ) -> list[str]:
        """Decodes whole rows; called by pipelines."""
        return self.batch_decode(generated_outputs, skip_special_tokens, **options)

    def _rows(self, samples: Sequence[Sample], options: RowOptions) -> BatchFeature:
        return rows_of(samples, options, self.processor.tokenizer.special["end_of_text"])

    def _sample(
        self, prompt: str, images: Iterable[Any], videos: Iterable[Any], sampling: VideoSampling | None
    ) -> Sample:
        config, tokenizer = self.processor.config, self.processor.tokenizer
        layout = Layout(config.slicing, config.num_queries, config.use_image_id)
        pictures, clips = iter(images), iter(videos)
        text = _TAGS.sub(
            lambda tag: (
                layout.image(open_picture(next(pictures)))
                if tag.group() == TAGS["image"]
                else layout.video(read_packages(next(clips), sampling))
            ),
            prompt,
        )
        tokens = torch.tensor(tokenizer.encode_pieces([TextPiece(text, is_structure=True)]), dtype=torch.int64)
        places = (tokens == tokenizer.special["unk"]).nonzero().squeeze(1)
        if len(places) != layout.num_visual_tokens:
            raise ValueError(f"{layout.num_visual_tokens} visual tokens, but the prompt has {len(places)} places")
        visual = layout.visual()
        return Sample(tokens, places, None if visual is None else without_static_patches(visual, config.static_patches))

    def _open(self, sample: Sample) -> Sample:
        """The sample without the end of its last turn."""
        end = self.processor.tokenizer.encode_pieces([TextPiece(TURN_END, is_structure=True)])
        return replace(sample, tokens=sample.tokens[: -len(end)])


def _check_continuable(conversations: Sequence[Messages], add_generation_prompt: bool) -> None:
    if add_generation_prompt:
        raise ValueError("either add_generation_prompt or continue_final_message, not both")
    if last := [str(messages[-1].get("role")) for messages in conversations if messages[-1].get("role") != "assistant"]:
        raise ValueError(f"continue_final_message needs a last message of the assistant, got one of: {', '.join(last)}")


def _dealt(given: Any, counts: Sequence[int], kind: str) -> list[list[Any]]:
    """The files of each prompt, as many as it has tags; otherwise ValueError with both numbers."""
    is_one = not isinstance(given, list | tuple) or (kind == "video" and is_frames(given))
    flat = [] if given is None else [given] if is_one else list(given)
    if any(isinstance(one, list | tuple) and not (kind == "video" and is_frames(one)) for one in flat):
        rows = [list(one) if isinstance(one, list | tuple) else [one] for one in flat]
    else:
        ends = [sum(counts[: row + 1]) for row in range(len(counts))]
        rows = [flat[end - count : end] for end, count in zip(ends, counts, strict=True)]
        rows[-1] += flat[ends[-1] :]
    if (found := [len(row) for row in rows]) != list(counts):
        raise ValueError(f"the prompts have {list(counts)} tags {TAGS[kind]}, but {found} {kind}s are given")
    read = picture_of if kind == "image" else video_of
    return [[read(one) for one in row] for row in rows]
