"""How a model is asked: mode, sampling, size of pictures, frames of videos; and the paper's settings, with sources.

`default_settings` are greedy (ours). `PAPER` has the known settings of the paper's table: long mode by benchmark
(section 6.1), the rest from the released code's adapter for VLMEvalKit (`MiniCPM_V_4_5`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import PIL.Image

from demiglace.conversation import Conversation, Image, Part, Text, Video, VideoSampling
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.benchmark import Benchmark, Example
from demiglace.media.pictures import open_picture

UPSIZED_AREA = 1344 * 1344  # pixels; released code
LONG_TOKENS = 2048  # of a long answer, by default (ours)
_MARK = re.compile(r"<image (\d+)>")


@dataclass(frozen=True)
class InferenceSettings:
    """thinking: long mode. step_by_step: use the prompt of long mode in any mode.

    upsize: pictures below `UPSIZED_AREA` are enlarged by a random factor, at most to that area.
    video: sampling of videos; None leaves it to the benchmark or the defaults. source: of these settings.
    """

    sampling: SamplingParams
    thinking: bool = False
    step_by_step: bool = False
    upsize: bool = False
    video: VideoSampling | None = None
    source: str = "ours"

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON values."""
        values = dataclasses.asdict(replace(self, sampling=replace(self.sampling, guide=None)))
        return values | {"sampling": {name: value for name, value in values["sampling"].items() if name != "guide"}}


ADAPTER = "released code"  # VLMEvalKit, class MiniCPM_V_4_5
# Its `chat` drops the adapter's top-k and top-p in long mode; transformers' own top-k is 50.
LONG = InferenceSettings(
    SamplingParams(8192, 0.7, top_p=1.0, top_k=50, repetition_penalty=1.0), thinking=True, upsize=True, source=ADAPTER
)
BEAMS = InferenceSettings(
    SamplingParams(2048, 0.0, top_p=1.0, top_k=0, repetition_penalty=1.2, num_beams=3), upsize=True, source=ADAPTER
)
VIDEOS = InferenceSettings(
    SamplingParams(1024, 0.0, top_p=1.0, top_k=0, repetition_penalty=1.2, num_beams=3),
    video=VideoSampling.paper_maximum(),
    source="sampling: released code; frames: paper 2.1, its most; those of its table are not told",
)
PAPER: Mapping[str, InferenceSettings] = {
    "MMBench": replace(LONG, source=f"{ADAPTER}; the paper's text leaves it out, its table marks it"),
    "MMStar": LONG,
    "MMMU": LONG,
    "MathVista": LONG,
    "MMVet": LONG,
    "HallusionBench": LONG,
    "AI2D": BEAMS,
    "OCRBench": BEAMS,
    "ChartQA": replace(BEAMS, step_by_step=True),
    "TextVQA": BEAMS,
    "DocVQA": replace(BEAMS, upsize=False, source=f"{ADAPTER}; the paper's table marks it as long mode"),
    "InfoVQA": replace(BEAMS, upsize=False),
    "OmniDocBench": replace(BEAMS, upsize=False, source="ours: the paper does not tell"),
    "ObjHalBench": replace(LONG, upsize=False, source="mode: paper, table 1; sampling: released code"),
    "Video-MME": VIDEOS,
    "MLVU": VIDEOS,
    "LVBench": VIDEOS,
    "MotionBench": VIDEOS,
}


def default_settings(benchmark: Benchmark, thinking: bool) -> InferenceSettings:
    """Greedy sampling (ours); long answers get more tokens."""
    tokens = max(benchmark.max_new_tokens, LONG_TOKENS) if thinking else benchmark.max_new_tokens
    return InferenceSettings(SamplingParams.greedy(tokens), thinking)


def paper_settings(benchmark: Benchmark) -> InferenceSettings:
    """The paper's settings; ValueError for a benchmark that it does not have."""
    if benchmark.name not in PAPER:
        raise ValueError(f"the paper has no settings for {benchmark.name}; it has some for {', '.join(PAPER)}")
    return PAPER[benchmark.name]


def conversation_of(benchmark: Benchmark, example: Example, settings: InferenceSettings) -> Conversation:
    """The conversation to send: files, then the prompt. ValueError if a picture is missing or broken."""
    prompt = benchmark.prompt(example, settings.thinking or settings.step_by_step)
    parts = [_as_asked(part, settings) for part in example.show()]
    if benchmark.interleaved:
        return _interleaved(parts, prompt, settings.thinking)
    return Conversation.ask(prompt, *parts, thinking=settings.thinking)


def _as_asked(part: Part, settings: InferenceSettings) -> Part:
    if isinstance(part, Video) and settings.video is not None:
        return replace(part, sampling=settings.video)
    if isinstance(part, Image) and settings.upsize:
        return Image(_upsized(part))
    return part


def _upsized(part: Image) -> PIL.Image.Image:
    """Enlarged to a random width up to that of `UPSIZED_AREA`; seeded by the picture (released code: seeded once)."""
    picture = open_picture(part.source)
    width, height = picture.size
    if width * height >= UPSIZED_AREA:
        return picture
    chance = random.Random(hashlib.sha256(picture.tobytes()).digest())
    new = chance.randint(width, int(width * math.sqrt(UPSIZED_AREA / (width * height))))
    return picture.resize((new, max(1, int(new / width * height))))


def _interleaved(parts: Sequence[Part], prompt: str, thinking: bool) -> Conversation:
    """A picture at each mark with its number, as VLMEvalKit shows it; pictures without a mark come first."""
    unmarked, placed, begin = dict(enumerate(parts, start=1)), list[Part](), 0
    for mark in _MARK.finditer(prompt):
        number = int(mark[1])
        if not 1 <= number <= len(parts):
            continue
        before = prompt[begin : mark.start()]
        placed += [*([Text(before)] if before.strip() else []), parts[number - 1]]
        unmarked.pop(number, None)
        begin = mark.end()
    return Conversation.ask(prompt[begin:], *unmarked.values(), *placed, thinking=thinking)
