"""Simple pictures say what their questions say: colours where items are, relations, cells, towers and crossings."""

from dataclasses import replace

import numpy as np
import pytest

from demiglace.simple_pictures import arrangement, boxes, cells, drawn_items, figures, relations, shapes
from demiglace.simple_pictures.claims import Sort
from demiglace.simple_pictures.drawn_items import (
    COLOURS,
    LARGEST_PICTURE,
    OUTLINES,
    SMALLEST_PICTURE,
    Canvas,
    Item,
    Look,
    draw_items,
    plural,
    random_canvas,
)
from demiglace.synthesis.questions.topics import SIMPLE_TOPICS

SINGULARS = {plural(form): form for form in (*OUTLINES, "shape")}
CANVAS = Canvas((100, 100), (255, 255, 255), {"red": (200, 0, 0)}, Look(filled=True, thickness=3, smooth=1))


def item(x, y, form="square", colour="red", radius=10.0):
    return Item(form, colour, (200, 0, 0), x, y, radius, radius)


@pytest.mark.parametrize("form", OUTLINES)
@pytest.mark.parametrize("smooth", [1, 4])
def test_filled_items_have_their_colour_in_the_middle_and_outlines_the_paper(form, smooth):
    look = replace(CANVAS.look, smooth=smooth)
    filled = draw_items(replace(CANVAS, look=look), [item(50, 50, form, radius=30)])
    hollow = draw_items(replace(CANVAS, look=replace(look, filled=False)), [item(50, 50, form, radius=30)])
    assert filled.getpixel((50, 50)) == (200, 0, 0)
    assert hollow.getpixel((50, 50)) == (255, 255, 255)
    assert np.any(np.array(hollow) == 0)
    greys = len(np.unique(np.array(filled).reshape(-1, 3), axis=0))
    assert greys == 2 if smooth == 1 else greys > 2 or form in ("square", "rectangle", "cross")


def test_canvases_have_all_sizes_and_only_colours_that_stand_out():
    drawn = [random_canvas(np.random.default_rng(seed)) for seed in range(300)]
    heights = [canvas.size[1] for canvas in drawn]
    assert SMALLEST_PICTURE <= min(heights) < 40
    assert 500 < max(heights) <= LARGEST_PICTURE
    assert {canvas.look.filled for canvas in drawn} == {True, False}
    assert set().union(*(canvas.palette for canvas in drawn)) == set(COLOURS)
    for canvas in drawn:
        assert len(canvas.palette) >= 4
        assert all(np.linalg.norm(np.subtract(rgb, canvas.paper)) > 90 for rgb in canvas.palette.values())


def test_shapes_lie_beyond_each_other_by_more_than_a_margin():
    one, near, far = item(30, 50), item(33, 50), item(60, 50)
    assert arrangement.lies(CANVAS, one, far, "left") is True
    assert arrangement.lies(CANVAS, far, one, "left") is False
    assert arrangement.lies(CANVAS, one, near, "left") is None
    assert arrangement.lies(CANVAS, near, one, "left") is False
    assert arrangement.lies(CANVAS, one, far, "above") is False


def test_what_stands_left_of_another_is_asked_with_yes_and_no():
    items = [Item(form, "red", (200, 0, 0), x, 50, 5, 5) for form, x in (("circle", 70), ("ellipse", 20))]
    drawn = arrangement.Arrangement(CANVAS, items, ["circle", "ellipse"], ["red"])
    rng = np.random.default_rng(0)
    asked = {}
    for question in (relations._relation(rng, drawn) for _ in range(300)):
        asked.setdefault(question.text.lower().rstrip("?").replace("red ", ""), set()).add(question.answer)
    assert asked.pop("is the circle right of the ellipse") == asked.pop("is the ellipse left of the circle") == {"yes"}
    assert set().union(*asked.values()) == {"no"}
    assert {"is the circle left of the ellipse", "is the ellipse above the circle"} < set(asked)


def test_a_picture_has_nine_parts_and_what_lies_between_two_is_in_none():
    drawn = arrangement.Arrangement(replace(CANVAS, size=(300, 90)), [], [], [])
    rows, columns = (15, 45, 75), (50, 150, 250)
    found = [relations._place(drawn, item(x, y)) for y in rows for x in columns]
    assert found == list(relations.PLACES)
    assert relations._place(drawn, item(102, 45)) is None
    assert relations._place(drawn, item(150, 31)) is None


def test_counts_are_asked_from_none_to_ten_and_are_those_of_the_listing():
    asked = [
        question for seed in range(400) for question in relations.random_counts(np.random.default_rng(seed), 140)[1]
    ]
    assert {question.answer for question in asked} == {str(number) for number in range(11)}
    for question in asked:
        many = question.text.lower().removeprefix("how many ").removesuffix(" are there?")
        form_or_colour = SINGULARS.get(many, many.removesuffix(" shapes"))
        if question.steps[0].startswith("I see "):  # else outlines of one form, whose number the step says
            named = question.steps[0].removeprefix("I see ").rstrip(".").split(", ")
            assert int(question.answer) == sum(form_or_colour in [*name.split(), "shape"] for name in named)


def test_a_list_names_all_items_from_left_to_right():
    one, other = (Item(form, "red", (200, 0, 0), x, 50, 5, 5) for form, x in (("circle", 60), ("ellipse", 20)))
    drawn = arrangement.Arrangement(CANVAS, [one, other], ["circle", "ellipse"], ["red", "blue"])
    asked = {question.kind: question for question in shapes.ask_shapes(np.random.default_rng(0), drawn)}
    assert asked["shapes_list"].answer == "a red ellipse, a red circle"
    assert asked["shapes_list"].is_answered_by("A red ellipse, a red circle.")
    assert not asked["shapes_list"].is_answered_by("a red circle, a red ellipse")
    many = arrangement.Arrangement(CANVAS, [one] * (shapes.MOST_LISTED + 1), ["circle"], ["red"])
    assert "shapes_list" not in {question.kind for question in shapes.ask_shapes(np.random.default_rng(0), many)}


def test_steps_through_a_grid_are_read_from_the_last_word():
    grid = {(0, 0): item(0, 0, "circle"), (1, 0): item(0, 0, "square"), (1, 1): item(0, 0, "star")}
    circle, square, star = (Sort(form, None) for form in ("circle", "square", "star"))
    assert cells._walks(grid, (2, 2), (1, 0), ["above"], square, circle)
    assert not cells._walks(grid, (2, 2), (1, 0), ["below"], square, circle)
    assert cells._walks(grid, (2, 2), (1, 1), ["above", "left of"], star, circle)
    assert not cells._walks(grid, (2, 2), (0, 0), ["left of", "below"], circle, star)
    assert cells._walks(grid, (2, 2), (0, 0), ["right of", "below"], circle, star)
    assert not cells._walks(grid, (2, 2), (1, 0), ["above", "below"], square, square)
    assert cells._walks(grid, (2, 2), (0, 0), ["above", "below"], circle, circle)


def test_items_that_touch_the_walls_of_a_box():
    box = boxes.Box(0, 100, 100, (item(50, 90), item(50, 50), item(90, 50), item(50, 11)))
    assert box.touching("bottom") == [box.items[0]]
    assert box.touching("top") == [box.items[3]]
    assert box.touching("wall") == [box.items[0], box.items[2], box.items[3]]


def test_towers_stand_on_the_floor_of_their_box_and_end_at_what_is_called_their_top():
    canvas = replace(random_canvas(np.random.default_rng(1)), size=(300, 100))
    tower = boxes._tower(np.random.default_rng(6), canvas, 0, list(canvas.palette)[:3])
    assert len(tower) > 1
    assert boxes.Box(0, 100, 100, tuple(tower)).touching("bottom") == tower[:1]
    assert [block.y for block in tower] == sorted((block.y for block in tower), reverse=True)


def test_how_many_boxes_meet_a_condition():
    rng = np.random.default_rng(0)
    truths = {
        claim.statement: claim.is_true
        for _ in range(3000)
        for claim in boxes._about_boxes(rng, [None] * 3, "box", "with a red item", [True, False, True])
    }
    assert truths["there is a box with a red item"]
    assert truths["there are exactly 2 boxes with a red item"]
    assert not truths["there is exactly one box with a red item"]
    assert not truths["each box has a red item"]
    assert not truths["there is no box with a red item"]


@pytest.mark.parametrize("count", range(1, 11))
def test_scattered_figures_are_apart(count):
    places = figures._anywhere(np.random.default_rng(count), count)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert places.shape == (count, 2)
    assert distances[~np.eye(count, dtype=bool)].min(initial=np.inf) > 1.1


def test_lines_cross_as_often_as_the_answer_says():
    counts = set()
    for seed in range(30):
        canvas = replace(random_canvas(np.random.default_rng(seed)), size=(200, 200))
        _, questions = figures._crossing(np.random.default_rng(seed), canvas)
        count, cross = questions[0].answer, questions[1]
        counts.add(count)
        if "apart" not in cross.text and "not" not in cross.text:
            assert (cross.answer in ("yes", "true")) == (count != "0")
    assert counts == {"0", "1", "2"}


@pytest.mark.parametrize("topic", SIMPLE_TOPICS)
def test_every_picture_has_a_question(topic):
    assert all(SIMPLE_TOPICS[topic](np.random.default_rng((5, seed)), 140)[1] for seed in range(400))


@pytest.mark.parametrize("topic", SIMPLE_TOPICS)
def test_pictures_are_rgb_of_their_own_size_and_repeat(topic):
    for seed in range(20):
        picture, questions = SIMPLE_TOPICS[topic](np.random.default_rng(seed), 140)
        again, same = SIMPLE_TOPICS[topic](np.random.default_rng(seed), 280)
        assert picture.mode == "RGB"
        assert picture.tobytes() == again.tobytes()
        assert questions == same
        assert questions


def test_figures_that_are_apart_have_paper_between_them():
    joined = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        canvas = random_canvas(rng)
        picture, questions = figures._pair(rng, canvas)
        if " apart." in questions[0].steps[0]:
            ink = np.abs(np.asarray(picture).astype(int) - canvas.paper).sum(axis=-1) > 60
            joined.append(_parts(ink) < 2)
    assert len(joined) > 40
    assert np.mean(joined) < 0.03  # in pictures of 32 pixels a smooth edge may bridge the gap


def _parts(ink):
    """How many there are that do not touch, corners among it."""
    parts, left = 0, set(zip(*np.nonzero(ink), strict=True))
    while left:
        parts, found = parts + 1, [left.pop()]
        while found:
            y, x = found.pop()
            near = {(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            found += near
    return parts


@pytest.mark.parametrize("form", ["rectangle", "ellipse"])
def test_no_rectangle_is_a_square_and_no_ellipse_a_circle(form):
    sides = [sorted(drawn_items.extents(np.random.default_rng(seed), form, 40.0)) for seed in range(200)]
    assert max(short / long for short, long in sides) <= 0.8
