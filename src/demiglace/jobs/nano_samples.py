"""Lines never trained on, as read by the nano model at a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import PIL.Image
import torch

from demiglace.bootstrap import collate
from demiglace.bootstrap.collate import Prompt
from demiglace.bootstrap.learner import Learner
from demiglace.bootstrap.picture_shards import ReadingSample, make_sample
from demiglace.conversation import Conversation, Image
from demiglace.data.sources.rendered import QUESTIONS
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import generate
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import TokenSampler
from demiglace.processing.processor import Processor
from demiglace.processing.tokenizer import Tokenizer
from demiglace.recipes.nano import NanoRecipe
from demiglace.safe_files import write_whole
from demiglace.scoring.text_distance import corpus_character_error_rate

SAMPLES_FILE = "samples.txt"
MOST_TOKENS = 60  # of a line


class Samples:
    """Reads lines never trained on at every checkpoint; references and readings go to `samples.txt`."""

    def __init__(self, recipe: NanoRecipe, processor: Processor, count: int) -> None:
        spec = replace(recipe.spec(9), max_lines=1, max_characters=40)
        self.samples = [make_sample(spec, index) for index in range(count)]
        self.prompt, self.tokenizer = prompt(processor, QUESTIONS[0]), processor.tokenizer

    def __call__(self, learner: Learner, folder: Path, step: int) -> str:
        read = transcribe(learner, self.samples, self.prompt, self.tokenizer)
        wanted = [sample.text for sample in self.samples]
        rate = corpus_character_error_rate(wanted, read)
        lines = [f"{text}\n  {answer}\n" for text, answer in zip(wanted, read, strict=True)]
        head = f"step {step}: character error rate {rate:.3f} on {len(wanted)} lines\n"
        path = folder / SAMPLES_FILE
        write_whole(path, f"{path.read_text() if path.exists() else ''}{head}{''.join(lines)}\n")
        return head + "".join(lines[:4])

    def is_unrecorded(self, folder: Path, step: int) -> bool:
        """Whether the run was killed after it saved a step and before it wrote the samples."""
        path = folder / SAMPLES_FILE
        return not path.exists() or f"\nstep {step}: " not in f"\n{path.read_text()}"


@dataclass(frozen=True)
class AtCheckpoint:
    """Exports the model of a checkpoint and, once it can read, lets it read samples."""

    samples: Samples | None
    export: Callable[[Learner], None]
    is_compiled: bool = False

    def __call__(self, learner: Learner, folder: Path, step: int) -> str:
        self.export(learner)
        if self.samples is None:
            return ""
        # Uncompiled: each generated token has a new shape, for which compiled layers would be compiled again.
        with torch.compiler.set_stance("force_eager") if self.is_compiled else nullcontext():
            return self.samples(learner, folder, step)

    def is_unrecorded(self, folder: Path, step: int) -> bool:
        return self.samples is not None and self.samples.is_unrecorded(folder, step)


def transcribe(learner: Learner, samples: list[ReadingSample], asked: Prompt, tokenizer: Tokenizer) -> list[str]:
    """The model's readings of rendered pictures, decoded greedily."""
    batch = collate.questions([asked] * len(samples), collate.pictures(samples, np.random.default_rng(0)))
    batch = batch.to(learner.model.llm.model.embed_tokens.weight.device)
    greedy, roles = SamplingParams.greedy(MOST_TOKENS), TokenRoles(frozenset({asked.end}))
    written: list[list[int]] = [[] for _ in samples]
    samplers = [TokenSampler(greedy, roles) for _ in samples]
    for step in generate(learner.model, batch, samplers):
        if step.sampled.stopped_by != "end":
            written[step.row].append(step.sampled.token)
    return [tokenizer.decode(ids) for ids in written]


def prompt(processor: Processor, question: str) -> Prompt:
    """The tokens around a picture when `question` is asked about it, as laid out by the processor."""
    side = processor.config.slicing.patch_size
    sample = processor.prepare(Conversation.ask(question, Image(PIL.Image.new("RGB", (side, side)))))
    return Prompt(sample.tokens, sample.visual_places, processor.tokenizer.special["im_end"])
