"""Scenes: what is drawn is what is known, seen from the pixels; and questions about it have the right answers."""

import numpy as np
import pytest

from demiglace.synthesis.palette import SCENE_COLOURS
from demiglace.synthesis.questions.scenes import LARGEST_TINT, PARTS, Scene, Shape, ask_scene, draw_scene, random_scene

KINDS = {"scene_list", "scene_count", "scene_compare", "scene_locate", "scene_colour", "scene_size"}


def shape(form, colour, place, is_large):
    x, y = 20 + 40 * (place % 3), 20 + 40 * (place // 3)
    return Shape(form, colour, SCENE_COLOURS[colour], place, x, y, 16 if is_large else 8, is_large)


@pytest.fixture
def scene():
    """
    red circle    .             blue star (large)
    .             red circle    .
    green cross   .             .
    """
    shapes = (
        shape("circle", "red", 0, True),
        shape("star", "blue", 2, True),
        shape("circle", "red", 4, False),
        shape("cross", "green", 6, False),
    )
    return Scene((120, 120), (255, 255, 255), shapes)


def components(mask):
    """Places (y, x) of each connected piece, by flood fill; pieces of a few pixels are edges."""
    left = set(map(tuple, np.argwhere(mask).tolist()))
    found = []
    while left:
        piece, fresh = [], [left.pop()]
        while fresh:
            y, x = fresh.pop()
            piece.append((y, x))
            near = {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left
            left -= near
            fresh += near
        if len(piece) > 15:
            found.append(np.array(piece))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_pixels_show_every_shape_where_and_as_large_as_it_is_said_to_be(seed):
    scene = random_scene(np.random.default_rng(seed), 140)
    pixels = np.asarray(draw_scene(scene), int)
    width, height = scene.size
    assert pixels.shape == (height, width, 3)
    seen = set()
    for colour, rgb in SCENE_COLOURS.items():
        for piece in components(np.abs(pixels - rgb).max(axis=2) <= LARGEST_TINT + 1):
            y, x = piece.mean(0)
            extent = np.ptp(piece, axis=0).max() / (min(width, height) / 3)
            seen.add((colour, int(3 * y / height) * 3 + int(3 * x / width), bool(extent > 0.62)))
    assert seen == {(shape.colour, shape.place, shape.is_large) for shape in scene.shapes}


def test_answers_of_a_known_scene(scene):
    answers = {}
    for seed in range(400):
        for question in ask_scene(np.random.default_rng(seed), scene):
            assert answers.setdefault(question.text, question.answer) == question.answer
    parts = f"Answer with one of: {', '.join(PARTS)}."
    known = {
        "How many circles are there? Answer with a number.": "2",
        "How many red circles are there? Answer with a number.": "2",
        "How many blue shapes are there? Answer with a number.": "1",
        "How many shapes are there? Answer with a number.": "4",
        "How many blue circles are there? Answer with a number.": "0",
        "Are there more stars or more circles? Answer stars, circles or equal.": "circles",
        "Are there more stars or more crosses? Answer stars, crosses or equal.": "equal",
        f"In which part of the picture is the star? {parts}": "top right",
        f"In which part of the picture is the cross? {parts}": "bottom left",
        "Is the star to the left or to the right of the cross? Answer left or right.": "right",
        "Is the cross above or below the star? Answer above or below.": "below",
        "What colour is the star? Answer with a colour.": "blue",
        "Which is larger, the star or the cross? Answer with its name.": "star",
        "Which is smaller, the star or the cross? Answer with its name.": "cross",
        "What do you see? Answer row by row, each from left to right.": (
            "top: red circle, blue star; middle: red circle; bottom: green cross"
        ),
    }
    assert {text: answers.get(text) for text in known} == known


def test_steps_add_up_row_by_row_and_column_by_column(scene):
    for seed in range(60):
        for question in ask_scene(np.random.default_rng(seed), scene):
            if question.text.startswith("How many circles"):
                assert question.steps[0] == "top: red circle, blue star"
                assert question.steps[3].endswith("1 + 1 + 0 = 2")
                assert "1 + 1 + 0 = 2" in question.steps[4]
                return
    pytest.fail("the circles were never counted")


def test_what_has_no_name_of_its_own_is_not_asked_for():
    twins = Scene((120, 120), (255, 255, 255), tuple(shape("circle", "red", place, True) for place in (0, 4)))
    kinds = {question.kind for seed in range(20) for question in ask_scene(np.random.default_rng(seed), twins)}
    assert kinds == {"scene_list", "scene_count"}


def test_scenes_are_functions_of_their_numbers_and_allow_every_kind():
    asked = [ask_scene(rng := np.random.default_rng(seed), random_scene(rng, 140)) for seed in range(60)]
    again = [ask_scene(rng := np.random.default_rng(seed), random_scene(rng, 140)) for seed in range(60)]
    assert asked == again
    assert {question.kind for questions in asked for question in questions} == KINDS
