"""The clips of the experiment, and a light stage of learning from them: all ways see the same frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from demiglace.conversation import Video, VideoSampling
from demiglace.processing.packing import pack
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.scoring.question import conversation
from demiglace.synthesis.clips.clip import encode
from demiglace.synthesis.clips.clip_question import ClipQuestion
from demiglace.synthesis.clips.kinds import CLIP_KINDS, held_out_question
from demiglace.training.metrics import Figures
from demiglace.training.supervised import LanguageLearner

TEXTS = ("scroll", "flash_text")  # never learned from: transfer
LEARNED = ("direction", "order", "recolour", "count", "flashes")  # no single frame answers one; few, as steps are
FILE_FPS = 20  # frames a second of the files
FPS = 5.0  # frames a second that are looked at
SIDE = 98  # pixels
PARTS = 4  # clips that go through the model at once
AHEAD = 2  # steps that are prepared in advance


def sampling(package_frames: int, fps: float = FPS) -> VideoSampling:
    return VideoSampling(fps=fps, package_frames=package_frames, force_package_frames=True)


def video(asked: ClipQuestion, wanted: VideoSampling) -> Video:
    return Video(encode(asked.clip, FILE_FPS, "mp4"), wanted)


def random_clip(seed: int, number: int) -> ClipQuestion:
    """To learn from; its frames at `FPS` show what is asked for."""
    rng = np.random.default_rng((seed, number))
    while True:
        kind = LEARNED[int(rng.integers(len(LEARNED)))]
        asked = CLIP_KINDS[kind](rng, (SIDE, SIDE))
        if asked.is_answerable(sampling(1), FILE_FPS):
            return asked


def examined(kind: str, count: int, fps: float = FPS) -> list[ClipQuestion]:
    """Clips that are never learned from, whose frames at `fps` show what is asked for."""
    found: list[ClipQuestion] = []
    number = 0
    while len(found) < count:
        asked = held_out_question(kind, number, side=SIDE)
        if asked.is_answerable(sampling(1, fps), FILE_FPS):
            found.append(asked)
        number += 1
    return found


def prepare(start: Path, package_frames: int, seed: int, number: int) -> Sample:
    """A clip with its question and short answer, as the model sees it."""
    asked = random_clip(seed, number)
    shown = conversation(asked.question, [video(asked, sampling(package_frames))], long=False)
    return _processor(start).training_sample(shown)


_LOADED: dict[Path, Processor] = {}  # one for a process


def _processor(start: Path) -> Processor:
    if start not in _LOADED:
        torch.set_num_threads(1)
        _LOADED[start] = Processor.load(start)
    return _LOADED[start]


@dataclass
class LearnClips:
    """`num_clips` clips a step, prepared ahead by `pool`; the step alone says which."""

    start: Path
    package_frames: int
    seed: int
    num_clips: int
    padding_token: int
    pool: Executor
    asked_for: deque[tuple[int, list[Future[Sample]]]] = field(default_factory=deque)

    def __call__(self, learner: LanguageLearner, step: int) -> Iterator[tuple[Tensor, Figures]]:
        samples = sorted(self._samples(step), key=lambda sample: len(sample.tokens))
        parts = [samples[at : at + PARTS] for at in range(0, len(samples), PARTS)]
        batches = [pack([[one] for one in part], len(part[-1].tokens), self.padding_token) for part in parts]
        num_learned = sum(batch.num_learned for batch in batches)
        for batch in batches:
            loss, num_right = learner(batch)
            visual = float(batch.visual_places.numel())
            yield loss / num_learned, {"right": float(num_right) / num_learned, "num_visual_tokens": visual}

    def _samples(self, step: int) -> list[Sample]:
        first = self.asked_for[-1][0] + 1 if self.asked_for else step
        for ahead in range(first, step + AHEAD + 1):
            numbers = range(ahead * self.num_clips, (ahead + 1) * self.num_clips)
            make = partial(prepare, self.start, self.package_frames, self.seed)
            self.asked_for.append((ahead, [self.pool.submit(make, number) for number in numbers]))
        return [future.result() for future in self.asked_for.popleft()[1]]
