"""The paper's settings are those of the page, and pictures are laid out and enlarged as they say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pillow

from demiglace.conversation import Image, Video, VideoSampling
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.benchmark import Example
from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.evaluation.inference_settings import (
    PAPER,
    UPSIZED_AREA,
    InferenceSettings,
    conversation_of,
    default_settings,
    paper_settings,
)
from demiglace.scoring.verdict import Expected

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


def row(name: str, settings: InferenceSettings) -> str:
    params, video = settings.sampling, settings.video
    mode = "long" if settings.thinking else "short, step by step" if settings.step_by_step else "short"
    sampling = f"T {params.temperature:g}, top-p {params.top_p:g}, top-k {params.top_k}, {params.max_new_tokens} tokens"
    if params.num_beams > 1:
        sampling = f"{params.num_beams} beams, repetition {params.repetition_penalty:g}, {params.max_new_tokens} tokens"
    frames = f"{video.fps:g} a second, at most {video.max_packages} packages of {video.package_frames}" if video else ""
    return f"| {name} | {mode} | {sampling} | {'yes' if settings.upsize else 'no'} | {frames} | {settings.source} |"


def test_the_page_has_the_papers_settings() -> None:
    lines = re.findall(r"^\| [\w-]+ \| (?:long|short).*$", PAGE.read_text(), re.MULTILINE)
    assert lines == [row(name, settings) for name, settings in PAPER.items()]


def test_the_page_names_every_benchmark() -> None:
    text = PAGE.read_text()
    assert [name for name in BENCHMARKS if name not in text] == []


def test_every_setting_is_of_a_benchmark_and_may_be_asked() -> None:
    for name in PAPER.keys() & BENCHMARKS.keys():
        assert paper_settings(BENCHMARKS[name]).sampling.max_new_tokens >= 1024
    with pytest.raises(ValueError, match="the paper has no settings for drawn"):
        paper_settings(BENCHMARKS["drawn"])


def asked(example: Example, settings: InferenceSettings) -> tuple[object, ...]:
    return conversation_of(BENCHMARKS["DocVQA"], example, settings).messages[0].content


def shown(*parts: Image | Video) -> Example:
    return Example("7", "What?", Expected(("a",)), "ANLS", lambda: parts)


def test_small_pictures_are_enlarged_the_same_each_time_and_large_ones_stay() -> None:
    upsized = InferenceSettings(SamplingParams.greedy(), upsize=True)
    small, large = Pillow.new("RGB", (300, 200)), Pillow.new("RGB", (1400, 1400))
    first, second = asked(shown(Image(small), Image(large)), upsized)[:2]
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    width, height = first.source.size  # type: ignore[union-attr]
    assert 300 <= width <= 1645
    assert width * height <= UPSIZED_AREA
    assert height == int(width / 300 * 200)
    assert second.source.size == (1400, 1400)  # type: ignore[union-attr]
    again = asked(shown(Image(small)), upsized)[0]
    assert again.source.size == (width, height)  # type: ignore[attr-defined]


def test_chosen_frames_replace_those_of_the_benchmark() -> None:
    own, chosen = VideoSampling(fps=1.0), VideoSampling(fps=5.0)
    greedy = InferenceSettings(SamplingParams.greedy())
    assert asked(shown(Video(b"clip", own)), greedy)[0] == Video(b"clip", own)
    assert asked(shown(Video(b"clip", own)), replace(greedy, video=chosen))[0] == Video(b"clip", chosen)


def test_the_default_is_short_and_greedy() -> None:
    benchmark = BENCHMARKS["easy_vqa"]
    assert default_settings(benchmark, False) == InferenceSettings(SamplingParams.greedy(32))
    assert default_settings(benchmark, True).sampling.max_new_tokens == 2048
    assert asked(shown(), InferenceSettings(SamplingParams.greedy()))[-1].text.endswith("single word or phrase.")  # type: ignore[attr-defined]
