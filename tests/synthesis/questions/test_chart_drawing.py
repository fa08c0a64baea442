"""Drawn charts, seen from the pixels: heights, areas and places agree with the values."""

import numpy as np
import pytest

from demiglace.synthesis.palette import SCENE_COLOURS
from demiglace.synthesis.questions.chart_drawing import draw_chart
from demiglace.synthesis.questions.charts import Chart

pytestmark = pytest.mark.usefixtures("training_faces")

VALUES, COLOURED = (20, 10, 40, 30), ("red", "green", "blue", "purple")


def drawn(style, step, values=VALUES, colours=COLOURED, seed=0):
    chart = Chart(style, ("plum", "fig", "tea", "rice"), ("price",), (values,), colours, step)
    return np.asarray(draw_chart(np.random.default_rng(seed), chart, 160), int)


def is_coloured(pixels, colour):
    return np.abs(pixels - SCENE_COLOURS[colour]).max(axis=2) == 0


@pytest.mark.parametrize("step", [None, 10])
def test_bars_are_as_high_as_their_values_and_stand_in_order(step):
    pixels = drawn("bar", step)
    masks = [is_coloured(pixels, colour) for colour in COLOURED]
    heights = np.array([mask.any(axis=1).sum() for mask in masks])
    assert heights == pytest.approx(heights.max() * np.array(VALUES) / 40, abs=2)
    places = [np.flatnonzero(mask.any(axis=0)).mean() for mask in masks]
    assert places == sorted(places)


def test_slices_are_as_large_as_their_values():
    pixels = drawn("pie", None)[:, :110]  # left of the legend
    areas = np.array([is_coloured(pixels, colour).sum() for colour in COLOURED])
    assert areas / areas.sum() == pytest.approx(np.array(VALUES) / 100, abs=0.05)


@pytest.mark.parametrize("step", [None, 10])
def test_a_line_is_highest_and_lowest_where_its_values_are(step):
    mask = is_coloured(drawn("line", step, colours=("red",) * 4), "red")
    rows, columns = np.nonzero(mask)
    peak, trough = columns[rows == rows.min()].mean(), columns[rows == rows.max()].mean()
    marked = np.linspace(columns.min(), columns.max(), 4)
    assert np.abs(marked - peak).argmin() == 2
    assert np.abs(marked - trough).argmin() == 1


def test_a_table_has_room_for_every_cell_and_shows_every_number():
    first, other = (drawn("table", None, values=(20, 10, 40, last)) for last in (30, 31))
    assert first.shape == other.shape
    rows = np.flatnonzero((first != other).any(axis=(1, 2)))
    assert rows.min() > 0.75 * first.shape[0]  # the last of five


def test_a_picture_is_a_function_of_its_numbers():
    assert np.array_equal(drawn("pie", None, seed=3), drawn("pie", None, seed=3))
    assert not np.array_equal(drawn("pie", None, seed=3), drawn("pie", None, seed=4))
