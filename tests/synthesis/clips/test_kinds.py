"""Clips of every kind: one answer that can be seen, figures apart, and held-out ones by their numbers."""

from itertools import combinations

import numpy as np
import pytest

from demiglace.conversation import VideoSampling
from demiglace.data.sources.generated_clips import FRAME_RATES
from demiglace.scoring.answer_filter import teaches_reasoning
from demiglace.scoring.answer_match import is_right
from demiglace.synthesis.clips.clip import place
from demiglace.synthesis.clips.kinds import CLIP_KINDS, held_out_question

WRITTEN = ("scroll", "flash_text")
DRAWN = tuple(kind for kind in CLIP_KINDS if kind not in WRITTEN)  # need neither fonts nor words
MOST_LOOKS = VideoSampling(fps=10, max_packages=10, package_frames=6, force_package_frames=True)


@pytest.mark.parametrize("kind", CLIP_KINDS)
def test_every_kind_has_one_answer_that_can_be_seen(kind, request):
    if kind in WRITTEN:
        request.getfixturevalue("training_faces"), request.getfixturevalue("installed_prose")
    for number in range(60):
        asked = held_out_question(kind, number, side=112)
        question = asked.question
        assert question.kind == kind
        assert is_right(question.spoken, question.answer, question.choices)
        for wrong in set(question.choices) - {question.answer}:
            assert not is_right(f"{question.spoken[:-1]}, {wrong}.", question.answer, question.choices)
        assert question.steps[-1].startswith("Check: ")
        assert teaches_reasoning(question)
        assert 1 <= asked.clip.seconds <= 6
        assert all(asked.is_answerable(MOST_LOOKS, fps) for fps in FRAME_RATES)


@pytest.mark.parametrize("kind", DRAWN)
def test_figures_stay_inside_and_off_each_other(kind):
    for number in range(15):
        clip = held_out_question(kind, number).clip
        for time in np.arange(0.05, clip.seconds, 0.1):
            shown = [(figure, place(figure.path, time)) for figure in clip.figures]
            shown = [(figure.radius, np.array(centre)) for figure, centre in shown if centre]
            for radius, centre in shown:
                assert (centre >= radius - 1e-6).all()
                assert (centre <= np.array([clip.width, clip.height]) - radius + 1e-6).all()
            for (radius, centre), (other_radius, other) in combinations(shown, 2):
                assert abs(centre - other).max() >= radius + other_radius - 1e-6


def test_flashes_need_more_than_a_look_a_second():
    for number in range(30):
        assert not held_out_question("flash", number).is_answerable(VideoSampling(fps=1), 20)


def test_held_out_clips_are_functions_of_their_numbers():
    first = held_out_question("order", 5)
    assert held_out_question("order", 5) == first
    assert held_out_question("order", 6) != first
    assert held_out_question("order", 5, seed=1) != first
