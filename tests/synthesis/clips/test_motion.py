"""Answers about motion agree with what the colours in the frames do, some of them out of real files."""

import numpy as np
import pytest
from sightings import colour_asked, seen

from demiglace.synthesis.clips.clip import place
from demiglace.synthesis.clips.motion import bounce, collide, direction

SIZE = (126, 112)
# Seed and container; None is as drawn.
SEEDS = [*((seed, None) for seed in range(4)), (4, "mp4"), (5, "webm")]


def track(asked, container):
    """Places of the figure asked for, frame by frame."""
    colour = colour_asked(asked)
    return np.array([found[colour] for found in seen(asked.clip, container)])


def way(places):
    right, down = places[-1] - places[0]
    return ("right" if right > 0 else "left") if abs(right) > abs(down) else ("down" if down > 0 else "up")


@pytest.mark.parametrize(("seed", "container"), SEEDS)
def test_direction(seed, container):
    asked = direction(np.random.default_rng(seed), SIZE)
    places = track(asked, container)
    assert way(places) == asked.question.answer
    assert way(places[::-1]) != asked.question.answer  # the frames alone, without their order, do not tell


@pytest.mark.parametrize(("seed", "container"), SEEDS)
def test_bounce(seed, container):
    asked = bounce(np.random.default_rng(seed), SIZE)
    steps = np.diff(track(asked, container), axis=0)
    steps = steps[:, np.argmax(abs(steps).sum(0))]
    ways = np.sign(steps[abs(steps) > 1.5])  # a turn may lie between two frames at nearly the same place
    assert str(np.count_nonzero(np.diff(ways))) == asked.question.answer


def gap(asked, time):
    """Pixels between the two figures, along the axis on which they are further apart."""
    first, second = asked.clip.figures
    centres = np.array([place(first.path, time), place(second.path, time)])
    return abs(centres[0] - centres[1]).max() - first.radius - second.radius


def test_collisions_touch_and_others_do_not():
    answers = set()
    for seed in range(40):
        asked = collide(np.random.default_rng(seed), SIZE)
        closest = min(gap(asked, time) for time in np.linspace(0, asked.clip.seconds, 201)[:-1])
        answers.add(asked.question.answer)
        if asked.question.answer == "yes":
            assert closest == pytest.approx(0, abs=1e-6)
        else:
            assert closest > 0.08 * min(SIZE)
    assert answers == {"yes", "no"}


def test_figures_that_collide_keep_their_sides_in_the_frames():
    for seed in range(6):
        asked = collide(np.random.default_rng(seed), SIZE)
        found = seen(asked.clip)
        first, second = found[0].keys()
        across = [np.subtract(colours[first], colours[second]) for colours in found]
        changes = np.sign(across[0]) != np.sign(across[-1])
        passed = any("pass" in step for step in asked.question.steps)
        assert bool(changes[np.argmax(abs(across[0]))]) == passed
