"""Clips in which something appears, disappears, flashes or changes colour: what, in which order, how many times."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from demiglace.conversation import VideoSampling
from demiglace.media.frame_sampling import plan_frames
from demiglace.scoring.question import Question
from demiglace.synthesis.clips.clip import SHAPES, Clip, Figure, Waypoint
from demiglace.synthesis.clips.clip_question import (
    ClipQuestion,
    ShapeKind,
    Size,
    Span,
    full_name,
    listed,
    random_kinds,
    random_name,
    random_paper,
    random_places,
    random_radius,
    seconds_in_words,
    still,
    tenths,
    timeline,
    times_in_words,
)
from demiglace.synthesis.palette import CLIP_COLOURS
from demiglace.typography.words import pick

FLASH_S = 0.1


def appear(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """One figure appears later than the others. A single frame does not show which."""
    clip, kinds, moment = _one_apart(rng, size, comes=True)
    came, names = full_name(kinds[0]), [full_name(kind) for kind in kinds[1:]]
    steps = (
        f"At 0.0 s I see {listed(names)}.",
        f"From {seconds_in_words(moment)} on I see the {came} too.",
        f"Check: at the end there are {len(kinds)} shapes, and only the {came} is new.",
    )
    text = pick(rng, ("Which shape appeared?", "Which shape was not there from the start?")) + " Name colour and shape."
    question = Question("appear", text, came, f"The {came} appeared.", steps, (came, *names))
    return ClipQuestion(clip, question, ((0.0, moment), (moment, clip.seconds)))


def disappear(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """One of the figures disappears before the end. A single frame does not show which."""
    clip, kinds, moment = _one_apart(rng, size, comes=False)
    gone, names = full_name(kinds[0]), [full_name(kind) for kind in kinds[1:]]
    steps = (
        f"At 0.0 s I see {listed(sorted([gone, *names]))}.",
        f"From {seconds_in_words(moment)} on I see only {listed(names)}.",
        f"Check: there were {len(kinds)} shapes, and only the {gone} is missing.",
    )
    text = pick(rng, ("Which shape disappeared?", "Which shape is gone at the end?")) + " Name colour and shape."
    question = Question("disappear", text, gone, f"The {gone} disappeared.", steps, (gone, *names))
    return ClipQuestion(clip, question, ((0.0, moment), (moment, clip.seconds)))


def _one_apart(rng: np.random.Generator, size: Size, comes: bool) -> tuple[Clip, list[ShapeKind], float]:
    """A clip whose figures all stay except the first, which appears or disappears; their kinds, and when it does."""
    _, moment, seconds = timeline([tenths(rng, 0.5, 1.6), tenths(rng, 0.5, 1.6)])
    kinds, radius = random_kinds(rng, int(rng.integers(3, 6))), random_radius(rng, size)
    places = random_places(rng, len(kinds), size, radius)
    spans = [(moment, seconds) if comes else (0.0, moment), *[(0.0, seconds)] * (len(kinds) - 1)]
    figures = tuple(still(kind, radius, at, *span) for kind, at, span in zip(kinds, places, spans, strict=True))
    return Clip(*size, seconds, random_paper(rng), figures), kinds, moment


def order(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """Figures appear one after another and disappear in the same order. No single frame shows which came first."""
    kinds, radius = random_kinds(rng, int(rng.integers(2, 5))), random_radius(rng, size)
    _, *starts, last = timeline([0.2, *(tenths(rng, 0.4, 0.8) for _ in kinds)])
    overlap = tenths(rng, 0.0, 0.2)
    spans = [(start, round(end + overlap, 1)) for start, end in pairwise([*starts, last])]
    places = random_places(rng, len(kinds), size, radius)
    figures = tuple(still(kind, radius, at, *span) for kind, at, span in zip(kinds, places, spans, strict=True))
    clip = Clip(*size, max(1.0, round(spans[-1][1] + 0.2, 1)), random_paper(rng), figures)
    evidence_spans = tuple(pairwise([*starts, last]))
    return ClipQuestion(clip, _order_question(rng, [full_name(kind) for kind in kinds], starts), evidence_spans)


def _order_question(rng: np.random.Generator, names: Sequence[str], starts: Sequence[float]) -> Question:
    """Which of two figures came first or last; they are named in random order."""
    pair = sorted(int(index) for index in rng.choice(len(names), 2, replace=False))
    word, wanted = ("first", pair[0]) if rng.random() < 0.5 else ("last", pair[1])
    named = [names[index] for index in rng.permutation(pair)]
    answer = names[wanted]
    steps = (
        *(f"At {seconds_in_words(start)} the {name} appears." for name, start in zip(names, starts, strict=True)),
        f"Check: of the two asked for, the {answer} came {word}.",
    )
    text = f"Which appeared {word}, the {named[0]} or the {named[1]}?"
    return Question("order", text, answer, f"The {answer} appeared {word}.", steps, tuple(named))


def count(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """Figures appear one at a time, and those of one shape are counted. A single frame shows one at most."""
    shape, *others = (str(shape) for shape in rng.permutation(list(SHAPES)))
    counted = [True] * int(rng.integers(1, 6)) + [False] * int(rng.integers(0, 3))
    counted = [counted[index] for index in rng.permutation(len(counted))]
    radius = random_radius(rng, size)
    places, colours = random_places(rng, len(counted), size, radius), list(rng.permutation(list(CLIP_COLOURS)))
    lengths = [(tenths(rng, 0.0, 0.2), tenths(rng, 0.3, 0.6)) for _ in counted]
    moments = timeline([length for pair in lengths for length in pair])
    spans = list(zip(moments[1::2], moments[2::2], strict=True))
    kinds = [
        (shape if is_counted else pick(rng, others), str(colours[index])) for index, is_counted in enumerate(counted)
    ]
    figures = tuple(still(kind, radius, at, *span) for kind, at, span in zip(kinds, places, spans, strict=True))
    clip = Clip(*size, max(1.0, round(moments[-1] + 0.1, 1)), random_paper(rng), figures)
    return ClipQuestion(clip, _count_question(rng, shape, kinds, [start for start, _ in spans]), tuple(spans))


def _count_question(
    rng: np.random.Generator, shape: str, kinds: Sequence[ShapeKind], starts: Sequence[float]
) -> Question:
    steps, found = [], []
    for kind, start in zip(kinds, starts, strict=True):
        if kind[0] == shape:
            found.append(kind[1])
        verdict = f"{len(found)} so far" if kind[0] == shape else "not counted"
        steps.append(f"At {seconds_in_words(start)}: {full_name(kind)}, {verdict}.")
    steps.append(f"Check: {', '.join(found)}: {len(found)}.")
    text = pick(rng, (f"How many times did a {shape} appear?", f"A {shape} is shown how many times in all?"))
    spoken = f"A {shape} appeared {times_in_words(len(found))}."
    return Question("count", text, str(len(found)), spoken, tuple(steps))


def recolour(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """A figure goes through two or three colours. A single frame does not show which came before."""
    num_colours = int(rng.integers(2, 4))
    *moments, seconds = timeline([tenths(rng, 0.5, 1.4) for _ in range(num_colours)])
    kinds, radius = random_kinds(rng, int(rng.integers(1, 4))), random_radius(rng, size)
    free = [colour for colour in CLIP_COLOURS if colour not in [colour for _, colour in kinds[1:]]]
    colours = [str(colour) for colour in rng.choice(free, num_colours, replace=False)]
    changing, *places = random_places(rng, len(kinds), size, radius)
    path = (Waypoint(0.0, *changing), Waypoint(seconds, *changing))
    others = (still(kind, radius, at, 0.0, seconds) for kind, at in zip(kinds[1:], places, strict=True))
    figure = Figure(kinds[0][0], tuple(zip(moments, colours, strict=True)), radius, path)
    question = _recolour_question(rng, kinds[0][0], colours, moments)
    evidence_spans = tuple(pairwise([*moments, seconds]))
    return ClipQuestion(Clip(*size, seconds, random_paper(rng), (figure, *others)), question, evidence_spans)


def _recolour_question(
    rng: np.random.Generator, shape: str, colours: Sequence[str], moments: Sequence[float]
) -> Question:
    change = int(rng.integers(1, len(colours)))
    before, after = colours[change - 1 : change + 1]
    if rng.random() < 0.5:
        text, answer = f"What colour was the {shape} before it turned {after}?", before
        spoken = f"The {shape} was {before}."
    else:
        text, answer = f"What colour did the {shape} turn after it was {before}?", after
        spoken = f"The {shape} turned {after}."
    steps = (
        f"At 0.0 s the {shape} is {colours[0]}.",
        *(f"At {seconds_in_words(at)} it turns {new}." for at, new in zip(moments[1:], colours[1:], strict=True)),
        f"Check: {before} comes right before {after}, so {answer}.",
    )
    named = after if answer == before else before
    choices = tuple(colour for colour in CLIP_COLOURS if colour != named)
    return Question("recolour", text, answer, spoken, steps, choices)


def flash(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """A figure is visible for a tenth of a second, among others that stay; sampling at 1 fps misses it."""
    seconds = tenths(rng, 1.0, 3.0)
    kinds, radius = random_kinds(rng, int(rng.integers(2, 5))), random_radius(rng, size)
    start = flash_start(rng, seconds)
    spans = [(start, round(start + FLASH_S, 1)), *[(0.0, seconds)] * (len(kinds) - 1)]
    places = random_places(rng, len(kinds), size, radius)
    figures = tuple(still(kind, radius, at, *span) for kind, at, span in zip(kinds, places, spans, strict=True))
    flashed, others = full_name(kinds[0]), [full_name(kind) for kind in kinds[1:]]
    steps = (
        f"All the time I see {listed(others)}.",
        f"At {seconds_in_words(start)} there is the {flashed} for a moment.",
        f"Check: at {seconds_in_words(spans[0][1])} the {flashed} is gone, the rest is still there.",
    )
    text = "Which shape flashes up for a moment? Name colour and shape."
    question = Question("flash", text, flashed, f"The {flashed} flashes up.", steps, (flashed, *others))
    return ClipQuestion(Clip(*size, seconds, random_paper(rng), figures), question, (spans[0],))


def flash_start(rng: np.random.Generator, seconds: float) -> float:
    """A random start time for a flash that frames sampled at 1 fps do not show."""
    looked = plan_frames(seconds, VideoSampling(fps=1)).times
    starts = [tenth / 10 for tenth in range(1, round(seconds * 10) - 1)]
    # The frame shown at a sampled time may begin earlier, by less than a tenth of a second.
    free = [start for start in starts if not any(start - 0.1 <= time <= start + 0.2 for time in looked)]
    return free[int(rng.integers(len(free)))]


def flashes(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """A figure flashes one to four times at the same place. A single frame shows one flash or none."""
    kind, radius = random_kinds(rng, 1)[0], random_radius(rng, size)
    num_flashes = int(rng.integers(1, 5))
    gaps = [tenths(rng, 0.2, 0.6) for _ in range(num_flashes + 1)]
    gaps[-1] = max(gaps[-1], round(1.0 - sum(gaps[:-1]) - num_flashes * FLASH_S, 1))
    moments = timeline([length for gap in gaps for length in (gap, FLASH_S)][:-1])
    spans: list[Span] = list(zip(moments[1:-1:2], moments[2::2], strict=True))
    at = random_places(rng, 1, size, radius)[0]
    name = random_name(rng, kind)
    steps = (
        *(f"At {seconds_in_words(start)}: flash {number}." for number, (start, _) in enumerate(spans, start=1)),
        f"Check: before and after each of them the {name} is gone, so {num_flashes}.",
    )
    spoken = f"The {name} flashed {times_in_words(num_flashes)}."
    question = Question("flashes", f"How many times did the {name} flash?", str(num_flashes), spoken, steps)
    clip = Clip(*size, moments[-1], random_paper(rng), tuple(still(kind, radius, at, *span) for span in spans))
    return ClipQuestion(clip, question, tuple(pairwise(moments)))
