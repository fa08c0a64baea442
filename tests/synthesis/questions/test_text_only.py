"""Questions without a picture: answers computed anew from what is asked."""

import re

import numpy as np
import pytest

from demiglace.synthesis.questions.text_only import random_text_question

pytestmark = pytest.mark.usefixtures("installed_prose")


def numbers(text):
    return [int(number) for number in re.findall(r"\d+", text)]


def listed(text):
    return text.split(": ")[1].split("?")[0].split(", ")


def answer_of(kind, text):
    quoted = re.findall(r'"(\w+)"', text)
    return {
        "text_sum": lambda: str(sum(numbers(text))),
        "text_difference": lambda: str(abs(numbers(text)[0] - numbers(text)[1])),
        "text_product": lambda: str(numbers(text)[0] * numbers(text)[1]),
        "text_spell": lambda: "-".join(quoted[0]),
        "text_order": lambda: min(listed(text)),
        "text_place": lambda: listed(text)[numbers(text)[0] - 1],
        "text_letters": lambda: str(quoted[1].count(quoted[0])),
    }[kind]()


def test_answers_are_right():
    asked = [random_text_question(np.random.default_rng(seed)) for seed in range(150)]
    assert len({question.kind for question in asked}) == 7
    for question in asked:
        assert question.answer == answer_of(question.kind, question.text)
    assert asked == [random_text_question(np.random.default_rng(seed)) for seed in range(150)]
