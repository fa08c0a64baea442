"""Reasoning and answer come apart where a long answer has its shape, and nowhere else."""

import pytest

from demiglace.scoring.thinking_format import reasoning_and_answer


def test_reasoning_and_answer_come_apart():
    assert reasoning_and_answer("<think>\n3 + 4 = 7\n</think>\n\n7\n") == ("\n3 + 4 = 7\n", "7")


@pytest.mark.parametrize(
    "response",
    [
        "7",
        "3 + 4 = 7\n</think>\n\n7",
        "<think>\n3 + 4 = 7\n\n7",
        "First: <think>\n3 + 4 = 7\n</think>\n\n7",
        "<think>\n3 + 4 = 7\n</think>\n<think>\n</think>\n\n7",
        "<think>\n \n</think>\n\n7",
        "<think>\n3 + 4 = 7\n</think>\n\n",
    ],
)
def test_another_shape_is_no_long_answer(response):
    assert reasoning_and_answer(response) is None
