"""What clips are made of keeps apart, and a question can be answered only by who looks when it counts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from demiglace.conversation import VideoSampling
from demiglace.scoring.question import Question
from demiglace.synthesis.clips.clip import Clip
from demiglace.synthesis.clips.clip_question import (
    ClipQuestion,
    listed,
    random_kinds,
    random_places,
    random_radius,
    timeline,
)


def test_only_looks_in_all_spans_answer():
    clip = Clip(96, 96, 2.0, (0, 0, 0), ())
    asked = ClipQuestion(clip, Question("flash", "What?", "x", "x"), ((0.7, 0.8), (1.5, 2.0)))
    assert asked.is_answerable(VideoSampling(fps=10), 20)
    assert not asked.is_answerable(VideoSampling(fps=1), 20)  # at 0.5 and 1.5 s
    assert not asked.is_answerable(VideoSampling(fps=10, max_packages=1, package_frames=6), 20)
    assert not asked.is_answerable(VideoSampling(fps=10), 4)  # the file itself has no frame of 0.7 s


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(42, 224), st.floats(0.75, 1.33))
def test_places_are_inside_and_apart(seed, half, ratio):
    rng, size = np.random.default_rng(seed), (2 * half, 2 * round(half / ratio))
    radius = random_radius(rng, size)
    places = np.array(random_places(rng, 9, size, radius))
    assert (places >= radius).all()
    assert (places <= np.array(size) - radius).all()
    apart = abs(places[:, None] - places).max(-1) + 1e9 * np.eye(9)
    assert apart.min() > 2 * radius


def test_kinds_share_neither_shape_nor_colour():
    kinds = random_kinds(np.random.default_rng(0), 6)
    assert len({shape for shape, _ in kinds}) == len({colour for _, colour in kinds}) == 6


def test_words():
    assert timeline([0.1, 0.2, 0.3]) == [0.0, 0.1, 0.3, 0.6]
    assert listed(["a"]) == "the a"
    assert listed(["a", "b", "c"]) == "the a, the b and the c"
