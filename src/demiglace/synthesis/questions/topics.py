"""All topics of generated questions, and held-out questions of each for evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL.Image import Image as Picture

from demiglace.conversation import Image, Part
from demiglace.fields import Words
from demiglace.scoring.question import Question
from demiglace.simple_pictures.boxes import random_boxes
from demiglace.simple_pictures.cells import random_cells
from demiglace.simple_pictures.figures import random_figure
from demiglace.simple_pictures.relations import random_counts, random_places, random_relations
from demiglace.simple_pictures.shapes import random_presence, random_presence_claims, random_shapes
from demiglace.synthesis.questions.chart_drawing import draw_chart
from demiglace.synthesis.questions.charts import ask_chart, random_chart
from demiglace.synthesis.questions.documents import random_document
from demiglace.synthesis.questions.receipts_forms import random_form, random_receipt
from demiglace.synthesis.questions.scenes import ask_colours, ask_scene, draw_scene, random_scene
from demiglace.synthesis.questions.text_only import random_text_question

SMALLEST_SIDE, LARGEST_SIDE = 140, 280  # pixels; ours, for a slice of the nano model
TEXT = "text"  # the topic without a picture
ASKED_ONCE = ("forms",)  # topics whose questions give away each other's answers
MOST_TURNS = 3
Topic = Callable[[np.random.Generator, int], tuple[Picture, list[Question]]]

HELD_OUT = 0x51756573  # no seed of a training run begins with it


def held_out_question(
    topic: str, number: int, seed: int = 0, side: int = SMALLEST_SIDE
) -> tuple[tuple[Part, ...], Question]:
    """Held-out question `number`: its parts, and the question.

    topic: one of `TOPICS`, `TEXT`, or one of `SIMPLE_TOPICS`. Raises ValueError on any other, and as
    `GeneratedQuestions.read` does.
    """
    known = [*TOPICS, TEXT, *SIMPLE_TOPICS]
    Words(tuple(known)).check("topic", topic)
    parts, question, _ = draw_question(np.random.default_rng((HELD_OUT, seed, known.index(topic), number)), topic, side)
    return parts, question


def draw_question(rng: np.random.Generator, topic: str, side: int) -> tuple[tuple[Part, ...], Question, list[Question]]:
    """The parts to show, a question about them, and others that may follow."""
    if topic == TEXT:
        question, *others = (random_text_question(rng) for _ in range(MOST_TURNS))
        return (), question, others
    picture, others = (TOPICS | SIMPLE_TOPICS)[topic](rng, side)
    question = others.pop(int(rng.integers(len(others))))
    return (Image(picture),), question, [] if topic in ASKED_ONCE else others


def _scene(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    scene = random_scene(rng, side)
    return draw_scene(scene), ask_scene(rng, scene)


def _colours(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A scene of one or two shapes: colours are learned faster from one red circle than from seven shapes at once."""
    scene = random_scene(rng, side, most_shapes=2)
    return draw_scene(scene), ask_colours(rng, scene)


def _chart(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    chart = random_chart(rng)
    return draw_chart(rng, chart, side), ask_chart(rng, chart)


def _short_receipt(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A receipt short enough for a slice of the nano model."""
    return random_receipt(rng, side, short=True)


TOPICS: dict[str, Topic] = {  # those that a source of questions draws by default
    "scenes": _scene,
    "colours": _colours,
    "charts": _chart,
    "receipts": random_receipt,
    "forms": random_form,
    "documents": random_document,
    "short_receipts": _short_receipt,
}
SIMPLE_TOPICS: dict[str, Topic] = {  # simple pictures in many styles, of their own sizes; drawn only if requested
    "shapes": random_shapes,
    "cells": random_cells,
    "boxes": random_boxes,
    "figures": random_figure,
    "presence": random_presence,
    "presence_claims": random_presence_claims,
    "relations": random_relations,
    "counts": random_counts,
    "places": random_places,
}
