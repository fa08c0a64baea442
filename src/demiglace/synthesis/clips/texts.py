"""Clips to be read: text that scrolls through the picture, and text that is visible for a tenth of a second."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from demiglace.scoring.question import Question
from demiglace.synthesis.clips.clip import Clip, Waypoint, Writing
from demiglace.synthesis.clips.clip_question import (
    ClipQuestion,
    Size,
    random_kinds,
    random_paper,
    random_radius,
    seconds_in_words,
    still,
    tenths,
)
from demiglace.synthesis.clips.events import FLASH_S, flash_start
from demiglace.typography.corpus import words
from demiglace.typography.fonts import load_font, sample_face
from demiglace.typography.ink_colours import Colour
from demiglace.typography.words import pick

LEAST_WIDTH = 1.25  # of a scrolling text, in widths of the picture: no single frame shows all of it


def scroll(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """Text scrolls from right to left. It is wider than the picture, so no single frame shows all of it."""
    width, height = size
    face, em = sample_face(rng), round(float(rng.uniform(0.2, 0.3)) * min(size))
    font, text = load_font(face, em), _word(rng)
    while font.getlength(text) < LEAST_WIDTH * width:
        text = f"{text} {_word(rng)}"
    length = font.getlength(text)
    seconds = max(1.0, round((length + width) / (width * float(rng.uniform(0.6, 1.2))), 1))
    speed = (length + width) / seconds
    y = height * float(rng.uniform(0.3, 0.7))
    paper = random_paper(rng)
    writing = Writing(text, face, em, _ink(rng, paper), (Waypoint(0.0, width, y), Waypoint(seconds, -length, y)))
    edges = [font.getlength(text[:index]) for index in range(len(text) + 1)]
    evidence_spans = tuple(
        (right / speed, (left + width) / speed) for left, right in pairwise(edges)
    )  # while the whole letter is visible, for each letter
    question = pick(rng, ("What does the running text say?", "Read the text that scrolls by."))
    parts = text.split()
    steps = (
        f"The text runs from right to left for {seconds_in_words(seconds)}; "
        f"it begins with {parts[0]} and ends with {parts[-1]}.",
        f"Check: put together it reads {text}.",
    )
    asked = Question("scroll", question, text, f"The text says: {text}", steps)
    return ClipQuestion(Clip(width, height, seconds, paper, (), (writing,)), asked, evidence_spans)


def flash_text(rng: np.random.Generator, size: Size) -> ClipQuestion:
    """A word is visible for a tenth of a second, among figures that stay; sampling at 1 fps misses it."""
    width, height = size
    seconds, face, text = tenths(rng, 1.0, 3.0), sample_face(rng), _word(rng)
    start = flash_start(rng, seconds)
    em = round(float(rng.uniform(0.18, 0.26)) * min(size))
    em = min(em, int(0.9 * width * em / load_font(face, em).getlength(text)))
    left = (width - load_font(face, em).getlength(text)) * float(rng.random())
    path = (Waypoint(start, left, height / 2), Waypoint(round(start + FLASH_S, 1), left, height / 2))
    paper, radius = random_paper(rng), random_radius(rng, size)
    figures = tuple(
        still(kind, radius, (width * float(rng.uniform(0.2, 0.8)), height * share), 0.0, seconds)
        for kind, share in zip(random_kinds(rng, int(rng.integers(0, 3))), (0.18, 0.82), strict=False)
    )
    clip = Clip(width, height, seconds, paper, figures, (Writing(text, face, em, _ink(rng, paper), path),))
    steps = (
        f"At {seconds_in_words(start)} I can read {text} for a moment.",
        f"Check: before and after there is no writing, and it reads {text}.",
    )
    asked = pick(rng, ("What text flashes up for a moment?", "Some text flashes up. Read it."))
    return ClipQuestion(
        clip, Question("flash_text", asked, text, f"The text says: {text}", steps), ((path[0].time_s, path[1].time_s),)
    )


def _word(rng: np.random.Generator) -> str:
    """A word of 3 to 7 letters, or a number."""
    if rng.random() < 0.25:
        return str(rng.integers(10, 10_000))
    while not (3 <= len(word := pick(rng, words())) <= 7 and word.isalpha()):
        pass
    return word.upper() if rng.random() < 0.3 else word


def _ink(rng: np.random.Generator, paper: Colour) -> Colour:
    """Dark on light paper and light on dark, with a tint."""
    grey = rng.integers(0, 60) if sum(paper) > 384 else rng.integers(200, 250)
    red, green, blue = (int(level) for level in np.clip(grey + rng.integers(-20, 20, 3), 0, 255))
    return red, green, blue
