"""The formula of operations against what was counted, in the written result and now at one small point."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from video_formula import RESULT, counted_points, markdown, video_mme
from video_rows import OURS, QWEN25


def test_at_least_12_points_lie_within_15_percent():
    points = json.loads(RESULT.read_text())["points"]
    assert len(points) >= 12
    for point in points:
        assert point["formula"] == pytest.approx(point["counted"], rel=0.15), point


def test_a_point_is_counted_as_it_was():
    written = {(point["architecture"], point["policy"]): point["counted"] for point in
               json.loads(RESULT.read_text())["points"] if point["clip_seconds"] == 1}  # fmt: skip
    found = {(point["architecture"], point["policy"]): point["counted"] for point in counted_points([1.0])}
    assert found == written


def test_the_table_is_that_of_the_file():
    told = json.loads(RESULT.read_text())
    assert RESULT.with_suffix(".md").read_text() == markdown(told)
    assert told["video_mme"] == video_mme()


def test_ours_takes_less_than_the_peer_at_as_many_frames():
    hours = {(row["architecture"], row["policy"]): row["hours"] for row in video_mme()}
    ours = hours[(OURS, "paper's maximum")]
    assert ours < 0.3 * hours[(QWEN25, "as many frames as the paper's maximum")]
