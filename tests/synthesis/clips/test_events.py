"""Answers about what comes, goes and changes agree with the colours seen in the frames, some out of real files."""

import re
from itertools import groupby

import numpy as np
import pytest
from sightings import colour_asked, seen, sightings, watch

from demiglace.conversation import VideoSampling
from demiglace.synthesis.clips.events import appear, count, disappear, flash, flashes, order, recolour

SIZE = (112, 126)
# Seed and container; None is as drawn.
SEEDS = [*((seed, None) for seed in range(4)), (4, "mp4"), (5, "webm")]

pytestmark = pytest.mark.parametrize(("seed", "container"), SEEDS)


def ask(world, seed, container):
    asked = world(np.random.default_rng(seed), SIZE)
    return asked, seen(asked.clip, container)


def colours_seen(found):
    """Which colours are seen in each stretch of frames that show the same."""
    return [colours for colours, _ in groupby(map(set, found))]


def test_appear(seed, container):
    asked, found = ask(appear, seed, container)
    first, last = colours_seen(found)
    assert last - first == {asked.question.answer.split()[0]}
    assert first < last


def test_disappear(seed, container):
    asked, found = ask(disappear, seed, container)
    first, last = colours_seen(found)
    assert first - last == {asked.question.answer.split()[0]}
    assert last < first


def first_or_last(asked, found):
    """The colour asked for, by the first frame that shows it."""
    named = re.findall(r"the (\w+) \w+", asked.question.text)
    arrivals = {colour: next(i for i, colours in enumerate(found) if colour in colours) for colour in named}
    return (min if "first" in asked.question.text else max)(arrivals, key=arrivals.get)


def test_order(seed, container):
    asked, found = ask(order, seed, container)
    answer = asked.question.answer.split()[0]
    assert first_or_last(asked, found) == answer
    assert first_or_last(asked, found[::-1]) != answer  # the frames alone, without their order, do not tell


def test_count(seed, container):
    asked, found = ask(count, seed, container)
    shapes = {figure.colours[0][1]: figure.shape for figure in asked.clip.figures}
    shown = [shapes[colour] for colours in colours_seen(found) for colour in colours]
    assert str(sum(shape in asked.question.text for shape in shown)) == asked.question.answer
    assert max(map(len, found)) == 1


def test_recolour(seed, container):
    asked, found = ask(recolour, seed, container)
    steady = set.intersection(*map(set, found))
    colours = [(colours - steady).pop() for colours in colours_seen(found)]
    known = colours.index(re.search(r"turned (\w+)|was (\w+)\?", asked.question.text).group().split()[-1].strip("?"))
    assert colours[known + (-1 if "before" in asked.question.text else 1)] == asked.question.answer


def test_flash(seed, container):
    asked, found = ask(flash, seed, container)
    colour = asked.question.answer.split()[0]
    assert [colour in colours for colours in found].count(True) == 1
    once_a_second = watch(asked.clip, VideoSampling(fps=1), container)
    assert not any(colour in sightings(frame) for _, frame in once_a_second)


def test_flashes(seed, container):
    asked, found = ask(flashes, seed, container)
    colour = colour_asked(asked)
    assert str([colour in colours for colours in found].count(True)) == asked.question.answer
    assert colours_seen(found)[::2] == [set()] * (int(asked.question.answer) + 1)
