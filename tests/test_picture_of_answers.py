"""The picture of answers shows what the shipped model answers now."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "pictures"))

from make_answers import CLIP, FLASHED, HEIGHT, IN_PACKAGES, PICTURE, ROOT, WIDTH, answers, has_text, how_often
from results_file import Weights, weights_of

from demiglace import Demiglace
from demiglace.media.video import read_packages

RESULT = json.loads(PICTURE.with_suffix(".json").read_text())


def test_the_answers_are_those_of_the_model() -> None:
    assert weights_of(None).sha256 == RESULT["weights"]["sha256"]
    found = {name: asdict(exchange) for name, exchange in answers(Demiglace.load(device="cpu")).items()}
    assert found == RESULT["answers"]


def test_the_flash_is_read_in_packages_alone_at_few_tokens() -> None:
    packed, single, seldom = (RESULT["answers"][name] for name in ("in packages", "one by one", "seldom"))
    assert packed["answer"] == single["answer"] == FLASHED != seldom["answer"]
    assert packed["visual_tokens"] < seldom["visual_tokens"] < single["visual_tokens"]


def test_one_frame_shows_the_text() -> None:
    frames = [np.asarray(frame) for package in read_packages(ROOT / CLIP, IN_PACKAGES) for frame in package.frames]
    assert sum(map(has_text, frames)) == 1
    assert len(frames) == RESULT["answers"]["in packages"]["frames"] == 28


def test_how_often_it_is_right_is_not_told_by_figures_of_other_weights() -> None:
    assert " of 24" in how_often(Weights(**RESULT["weights"]))
    with pytest.raises(ValueError, match="run it again"):
        how_often(Weights("other", "0" * 64, 1))


def test_the_picture_is_small_and_sharp_on_a_page() -> None:
    assert PICTURE.stat().st_size <= 300_000
    with Image.open(PICTURE) as picture:
        assert picture.size == (WIDTH, HEIGHT)
        assert picture.convert("RGBA").getpixel((0, 0))[3] == 0  # round corners let the page through
