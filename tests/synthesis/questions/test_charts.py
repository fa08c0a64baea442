"""Charts: the answers of known ones."""

import numpy as np
import pytest

from demiglace.synthesis.questions.charts import Chart, ask_chart, random_chart

TABLE = Chart("table", ("plum", "fig"), ("price", "stock"), ((12, 7), (3, 40)), ("red", "blue"), None)


def answers(chart, draws=100):
    found = {}
    for seed in range(draws):
        for question in ask_chart(np.random.default_rng(seed), chart):
            assert found.setdefault(question.text, question.answer) == question.answer
    return found


def test_answers_of_a_known_table():
    known = {
        "What is the price of plum? Answer with a number.": "12",
        "What is the stock of plum? Answer with a number.": "3",
        "What is the price of fig and plum together? Answer with a number.": "19",
        "What is the stock of fig and plum together? Answer with a number.": "43",
        "Which has the higher price, plum or fig? Answer with its label.": "plum",
        "Which has the lower price, fig or plum? Answer with its label.": "fig",
        "Which has the highest stock? Answer with its label.": "fig",
        "Which has the lowest stock? Answer with its label.": "plum",
    }
    found = answers(TABLE)
    assert {text: found.get(text) for text in known} == known


@pytest.mark.parametrize(
    ("style", "step", "found"),
    [
        ("bar", None, "The bar of b is marked 4."),
        ("bar", 2, "The bar of b reaches the line of 4."),
        ("line", None, "The point of b is marked 4."),
        ("pie", None, "b is blue in the legend, and the blue slice says 4."),
        ("table", None, "In the row b, below price, stands 4."),
    ],
)
def test_steps_say_where_a_value_is_found(style, step, found):
    chart = Chart(style, ("a", "b"), ("price",), ((2, 4),), ("red", "blue"), step)
    said = [question.steps for seed in range(20) for question in ask_chart(np.random.default_rng(seed), chart)]
    assert any(found in steps for steps in said)


@pytest.mark.usefixtures("installed_prose")
def test_random_charts_keep_their_promises():
    charts = [random_chart(np.random.default_rng(seed)) for seed in range(150)]
    assert charts == [random_chart(np.random.default_rng(seed)) for seed in range(150)]
    assert {(chart.style, chart.step is None) for chart in charts} == {
        *((style, True) for style in ("bar", "line", "pie", "table")),
        *((style, False) for style in ("bar", "line")),
    }
    for chart in charts:
        assert len(set(chart.labels)) == len(chart.labels) == len(chart.colours)
        assert not set(chart.labels) & set(chart.quantities)
        for values in chart.values:
            assert len(set(values)) == len(values) == len(chart.labels)
            assert chart.step is None or all(value % chart.step == 0 for value in values)
            assert chart.style != "pie" or (sum(values) == 100 and len(set(chart.colours)) == len(values))
