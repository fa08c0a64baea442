"""Token counts: the paper's example, hand-worked sizes, and the peers' own arithmetic, stored or where installed."""

import json
import random
from pathlib import Path

import pytest

from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.visual_token_cost import VisualTokenCost, picture_costs, video_costs

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "qwen_counts.json").read_text())  # see make_qwen_counts.py


def tokens(costs: list[VisualTokenCost]) -> dict[str, int]:
    return {cost.name: cost.tokens for cost in costs}


def test_the_papers_example():
    """6 s of 448 x 448 at 2 fps (paper, section 2.2): 12 frames, in packages of 6."""
    assert video_costs(448, 448, seconds=6, frames=12, package_frames=6) == [
        VisualTokenCost("Demiglace", pictures=12, packages=2, tokens=128),
        VisualTokenCost("Qwen2.5-VL", pictures=12, packages=6, tokens=1536),
        VisualTokenCost("Qwen3-VL", pictures=12, packages=6, tokens=1176),
        VisualTokenCost("InternVL3", pictures=12, packages=12, tokens=3072),
    ]


def test_the_papers_longest_video():
    ours, *_ = video_costs(448, 448, seconds=108, frames=1080, package_frames=6)
    assert (ours.packages, ours.tokens) == (180, 11_520)


@pytest.mark.parametrize(
    ("size", "ours", "qwen", "qwen3", "intern"),
    [
        ((448, 448), (1, 64), (1, 256), (1, 14 * 14), (1, 256)),
        ((1344, 1344), (10, 640), (1, 2304), (1, 42 * 42), (10, 2560)),
        ((1920, 1080), (9, 576), (1, 69 * 39), (1, 60 * 34), (9, 2304)),
        ((640, 480), (3, 192), (1, 23 * 17), (1, 20 * 15), (13, 3328)),
        ((1, 1), (1, 64), (1, 4), (1, 64), (1, 256)),
        ((7168, 7168), (10, 640), (1, 128 * 128), (1, 128 * 128), (10, 2560)),
    ],
)
def test_pictures(size, ours, qwen, qwen3, intern):
    costs = picture_costs(*size, SlicingConfig())
    assert [(cost.pictures, cost.tokens) for cost in costs] == [ours, qwen, qwen3, intern]


def test_pictures_cost_what_the_processors_of_both_qwens_count():
    assert len(GOLDEN["sizes"]) == 250
    for width, height, *theirs in GOLDEN["sizes"]:
        counted = tokens(picture_costs(width, height, SlicingConfig()))
        assert [counted.get("Qwen2.5-VL"), counted.get("Qwen3-VL")] == theirs, (width, height)


def test_clips_cost_what_the_processors_of_both_qwens_count():
    assert len(GOLDEN["clips"]) == 250
    for width, height, frames, fps, *theirs in GOLDEN["clips"]:
        counted = tokens(video_costs(width, height, frames / fps, frames=8, package_frames=4, frames_held=frames))
        assert [counted.get("Qwen2.5-VL"), counted.get("Qwen3-VL")] == theirs, (width, height, frames, fps)


@pytest.mark.parametrize(
    ("size", "seconds", "qwen", "qwen3"),
    [
        ((448, 448), 180, 46_080, 11_520),
        ((1280, 720), 60, 43_200, 11_400),
        ((448, 448), 600, 98_304, 9_600),
        ((1280, 720), 600, 105_984, 10_752),
    ],
)
def test_long_and_large_clips_are_not_understated(size, seconds, qwen, qwen3):
    counted = tokens(video_costs(*size, seconds, frames=8, package_frames=4))
    assert (counted["Qwen2.5-VL"], counted["Qwen3-VL"]) == (qwen, qwen3)


def test_a_file_with_fewer_frames_than_the_qwens_sample_costs_less():
    *_, qwen, qwen3, _ = video_costs(448, 448, seconds=60, frames=8, package_frames=4, frames_held=7)
    assert (qwen.pictures, qwen.packages, qwen3.pictures, qwen3.packages) == (6, 3, 7, 4)
    assert list(tokens(video_costs(448, 448, 60, 1, 1, frames_held=1))) == ["Demiglace", "InternVL3"]


def test_fewer_queries_cost_fewer_tokens():
    assert picture_costs(1344, 1344, SlicingConfig(), num_queries=16)[0].tokens == 160
    assert video_costs(448, 448, 6, 12, 6, num_queries=16)[0].tokens == 32


def test_a_short_last_package_costs_as_much_as_a_full_one():
    assert video_costs(448, 448, seconds=7, frames=13, package_frames=6)[0].packages == 3


@pytest.mark.parametrize(("seconds", "frames"), [(0.5, 4), (2.4, 4), (3.5, 6), (10, 20), (384, 768), (7200, 768)])
def test_qwen_samples_an_even_number_of_frames(seconds, frames):
    qwen = video_costs(448, 448, seconds, frames=8, package_frames=4)[1]
    assert (qwen.pictures, qwen.packages) == (frames, frames // 2)


def test_qwen_shrinks_the_frames_of_long_videos():
    per_pair = [
        qwen.tokens / qwen.packages
        for qwen in (video_costs(1920, 1080, seconds, frames=8, package_frames=4)[1] for seconds in (10, 180, 7200))
    ]
    assert per_pair[0] > per_pair[1] > per_pair[2] > 100
    assert per_pair[0] <= 768
    assert 384 * per_pair[2] <= 115_200


def test_qwen_is_left_out_where_it_refuses():
    assert list(tokens(picture_costs(10, 2001, SlicingConfig()))) == ["Demiglace", "InternVL3"]
    assert list(tokens(video_costs(10, 2001, 6, 12, 6))) == ["Demiglace", "InternVL3"]
    assert list(tokens(picture_costs(10, 2000, SlicingConfig()))) == [
        "Demiglace",
        "Qwen2.5-VL",
        "Qwen3-VL",
        "InternVL3",
    ]


@pytest.mark.parametrize("wrong", [(0, 448, 6, 12, 6), (448, 448, 6, 0, 6), (448, 448, 6, 12, 0)])
def test_nothing_is_refused_with_numbers(wrong):
    with pytest.raises(ValueError, match=r"0.* at least 1"):
        video_costs(*wrong)


def test_peers_own_arithmetic():
    qwen = pytest.importorskip("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    tiles = pytest.importorskip("transformers.models.got_ocr2.image_processing_pil_got_ocr2")
    draw = random.Random(0)
    for _ in range(3000):
        width, height = draw.randint(30, 6000), draw.randint(30, 6000)
        counted = tokens(picture_costs(width, height, SlicingConfig()))
        rows, columns = qwen.smart_resize(height, width, 28, 4 * 784, 16_384 * 784)
        assert counted["Qwen2.5-VL"] * 784 == rows * columns, (width, height)
        columns, rows = tiles.get_optimal_tiled_canvas((height, width), (448, 448), 1, 12)
        thumbnail = columns * rows > 1
        assert counted["InternVL3"] == 256 * (columns * rows + thumbnail), (width, height)
