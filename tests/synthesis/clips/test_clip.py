"""Clips show what they say they do: shapes of the right size, at the right place and time, also out of real files."""

import numpy as np
import pytest
from sightings import FPS, sightings, watch

from demiglace.conversation import VideoSampling
from demiglace.media.video import plan_video
from demiglace.synthesis.clips.clip import SHAPES, Clip, Figure, Waypoint, Writing, encode, place
from demiglace.synthesis.palette import CLIP_COLOURS

WHITE = (240, 240, 240)
CONTAINERS = ("mp4", "webm")


def standing(shape="square", colour="red", at=(30.0, 40.0), span=(0.0, 1.0), radius=12.0):
    start, end = span
    return Figure(shape, ((start, colour),), radius, (Waypoint(start, *at), Waypoint(end, *at)))


def test_a_path_is_straight_and_even_and_has_an_end():
    path = (Waypoint(0.5, 10, 0), Waypoint(1.5, 20, 40), Waypoint(2.0, 20, 0))
    assert place(path, 0.4) is None
    assert place(path, 1.0) == (15, 20)
    assert place(path, 1.75) == (20, 20)
    assert place(path, 2.0) is None


AREAS = {  # in squared radii
    "circle": np.pi,
    "square": 4,
    "diamond": 2,
    "triangle": 2,
    "cross": 4 * 5 / 9,
    "star": 5 * 0.42 * np.sin(np.pi / 5),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_its_area_and_reaches_its_radius(shape):
    clip = Clip(80, 60, 1.0, WHITE, (standing(shape, at=(33.3, 28.8), radius=20),))
    covered = (np.array(WHITE) - clip.draw(0.5).astype(float))[..., 1] / (WHITE[1] - CLIP_COLOURS["red"][1])
    assert covered.sum() == pytest.approx(AREAS[shape] * 20**2, rel=0.03)
    columns = np.nonzero(covered.max(0) > 0.02)[0]
    width = 2 * 20 * (np.sin(2 * np.pi / 5) if shape == "star" else 1)
    assert columns[-1] - columns[0] + 1 == pytest.approx(width, abs=2)
    assert (columns[0] + columns[-1] + 1) / 2 == pytest.approx(33.3, abs=0.6)


def test_a_figure_at_the_corner_is_cut_and_nothing_else_changes():
    clip = Clip(40, 30, 1.0, WHITE, (standing(at=(0, 0), radius=5), standing(at=(40, 30), radius=5)))
    red = abs(clip.draw(0) - np.array(CLIP_COLOURS["red"])).sum(-1) == 0
    assert red.sum() == 50
    assert red[:5, :5].all()
    assert red[-5:, -5:].all()


def test_a_figure_changes_its_colour_and_goes():
    figure = Figure("circle", ((0.2, "red"), (0.5, "cyan")), 10, (Waypoint(0.2, 30, 30), Waypoint(0.9, 30, 30)))
    clip = Clip(60, 60, 1.0, WHITE, (figure,))
    assert [list(sightings(clip.draw(time))) for time in (0.1, 0.2, 0.49, 0.5, 0.89, 0.9)] == [
        [],
        ["red"],
        ["red"],
        ["cyan"],
        ["cyan"],
        [],
    ]


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_is_read_back_is_where_its_path_says(container):
    path = (Waypoint(0.3, 20, 20), Waypoint(1.0, 100, 60), Waypoint(1.5, 100, 90))
    clip = Clip(
        128, 112, 2.0, WHITE, (Figure("square", ((0.3, "blue"),), 12, path), standing("star", "red", at=(100.0, 20.0)))
    )
    watched = watch(clip, container=container)
    assert len(watched) == 20
    for time, frame in watched:
        found = sightings(frame)
        assert ("red" in found) == (time < 1.0)
        assert ("blue" in found) == (place(path, time) is not None)
        if "blue" in found:
            assert found["blue"] == pytest.approx(place(path, time), abs=0.7)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_tenth_of_a_second_is_seen_ten_times_a_second_and_not_once(container):
    clip = Clip(64, 64, 2.0, (20, 20, 30), (standing("circle", "yellow", span=(0.7, 0.8)),))
    often = ["yellow" in sightings(frame) for _, frame in watch(clip, container=container)]
    assert [index for index, is_there in enumerate(often) if is_there] == [7]
    assert not any("yellow" in sightings(frame) for _, frame in watch(clip, VideoSampling(fps=1), container))


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_says_how_long_it_is_and_is_the_same_each_time(container):
    clip = Clip(96, 64, 1.3, WHITE, (standing(),))
    file = encode(clip, FPS, container)
    facts = plan_video(file)[0]
    assert (facts.width, facts.height, facts.fps) == (96, 64, FPS)
    assert facts.duration_s == pytest.approx(1.3)
    assert encode(clip, FPS, container) == file


def test_writing_moves_with_its_left_end(face):
    path = (Waypoint(0.0, 80, 30), Waypoint(1.0, 0, 30), Waypoint(1.5, 0, 30))
    clip = Clip(80, 60, 2.0, WHITE, (), (Writing("HIM", face, 20, (0, 0, 0), path),))
    for time, left in ((0.5, 40), (0.75, 20), (1.2, 0)):
        rows, columns = np.nonzero(clip.draw(time).max(-1) < 80)
        assert left <= columns.min() <= left + 3
        assert (rows.min() + rows.max()) / 2 == pytest.approx(30, abs=3)
    assert (clip.draw(1.6) == WHITE).all()
