"""Prompts by the letter, our Python and the shipped jinja against each other, and answers taken apart."""

import random
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from demiglace.processing.chat_template import CHAT_TEMPLATE, Turn, render, render_stretches, split_answer

ASKED = (Turn.of("user", "Why?"),)
THOUGHT = Turn.of("assistant", "<think>\nhm\n</think>\n\nSo.")


@pytest.mark.parametrize(
    ("thinking", "opening"), [(False, "<think>\n\n</think>\n\n"), (True, "<think>\n"), (None, "")], ids=str
)
def test_one_question(thinking: bool | None, opening: str) -> None:
    prompt = "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    assert render(ASKED, thinking) == prompt + opening


def test_a_system_message_comes_as_it_is_and_none_is_made_up() -> None:
    expected = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
    assert render((Turn.of("system", "Be brief."), *ASKED), False, generate=False) == expected


def test_old_reasoning_is_gone_and_the_last_is_kept() -> None:
    turns = (*ASKED, THOUGHT, Turn.of("user", "And?"), THOUGHT)
    assert render(turns, None, generate=False) == (
        "<|im_start|>user\nWhy?<|im_end|>\n"
        "<|im_start|>assistant\nSo.<|im_end|>\n"
        "<|im_start|>user\nAnd?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\nhm\n</think>\n\nSo.<|im_end|>\n"
    )


def test_an_answer_without_reasoning_gets_an_empty_block_if_last() -> None:
    expected = "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nBecause.<|im_end|>\n"
    assert render((*ASKED, Turn.of("assistant", "Because.")), False, generate=False) == expected


def test_the_answer_of_a_tool_is_no_query() -> None:
    """So the reasoning before it stays (released code)."""
    turns = (*ASKED, THOUGHT, Turn.of("user", "<tool_response>\n5\n</tool_response>"))
    assert "<think>\nhm\n</think>\n\nSo.<|im_end|>" in render(turns, None)


@pytest.mark.parametrize(
    "given",
    [
        {"tools": [{"type": "function"}], "messages": [{"role": "user", "content": "q"}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]},
        {"messages": [{"role": "tool", "content": "5"}]},
    ],
)
def test_tools_are_refused_and_not_left_out(given: dict[str, Any]) -> None:
    def refuse(message: str) -> None:
        raise ValueError(message)

    template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(CHAT_TEMPLATE)
    with pytest.raises(ValueError, match="has no form for"):
        template.render(**given, raise_exception=refuse)


def random_turns(rng: random.Random) -> list[Turn]:
    words = ["hi", "\n", "\n\n", "<think>", "</think>", "x ", "<|im_end|>", "<tool_response>", "</tool_response>"]
    texts = ["".join(rng.choices(words, k=rng.randrange(7))) for _ in range(rng.randint(1, 5))]
    return [Turn.of(rng.choice(["system", "user", "assistant"]), text) for text in texts]


def test_the_shipped_template_says_the_same() -> None:
    """With the settings transformers gives jinja."""
    template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(CHAT_TEMPLATE)
    rng = random.Random(0)
    for _ in range(300):
        turns = random_turns(rng)
        messages = [{"role": turn.role, "content": turn.pieces[0].text} for turn in turns]
        for thinking in (None, True, False):
            asked = {} if thinking is None else {"enable_thinking": thinking}
            for generate in (False, True):
                theirs = template.render(messages=messages, add_generation_prompt=generate, **asked)
                assert render(turns, thinking, generate) == theirs


@pytest.mark.parametrize("thinking", [None, True, False], ids=str)
def test_training_text_is_the_prompt_and_what_is_learned_after_it(thinking: bool | None) -> None:
    answer = Turn.of("assistant", "Because.") if thinking is False else THOUGHT
    stretches = render_stretches((*ASKED, THOUGHT, *ASKED, answer), thinking)
    texts = ["".join(piece.text for piece in stretch.pieces) for stretch in stretches]
    assert "".join(texts) == render((*ASKED, THOUGHT, *ASKED, answer), None, generate=False)
    learned = [text for text, stretch in zip(texts, stretches, strict=True) if stretch.is_learned]
    assert learned[0] == "So.<|im_end|>"
    assert "".join(texts).startswith(render((*ASKED, THOUGHT, *ASKED), thinking) + learned[1])


def test_what_is_learned_in_each_mode() -> None:
    def learned(answer: str, thinking: bool | None) -> str:
        stretches = render_stretches((*ASKED, Turn.of("assistant", answer)), thinking)
        return "".join(piece.text for stretch in stretches if stretch.is_learned for piece in stretch.pieces)

    assert learned("Because.", False) == "Because.<|im_end|>"
    assert learned("<think>\nhm\n</think>\n\nSo.", True) == "hm\n</think>\n\nSo.<|im_end|>"
    assert learned("<think>\nhm\n</think>\n\nSo.", None) == "<think>\nhm\n</think>\n\nSo.<|im_end|>"


def test_what_cannot_be_trained_on() -> None:
    with pytest.raises(ValueError, match="got turns of: user"):
        render_stretches(ASKED, False)
    with pytest.raises(ValueError, match="got turns of: none"):
        render_stretches((), False)
    with pytest.raises(ValueError, match="got turns of: system, assistant"):
        render_stretches((Turn.of("system", "x"), THOUGHT), True)
    with pytest.raises(ValueError, match="thinking is False"):
        render_stretches((*ASKED, THOUGHT), False)


@pytest.mark.parametrize(
    ("text", "thinking", "expected"),
    [
        ("Because.", False, ("", "Because.")),
        ("\n\nBecause.\n", False, ("", "Because.")),
        ("hm\n</think>\n\nSo.", True, ("hm", "So.")),
        ("<think>\nhm\n</think>\n\nSo.", True, ("hm", "So.")),
        ("<think>\nhm\n</think>\n\nSo.", None, ("hm", "So.")),
        ("So.", None, ("", "So.")),
        ("cut off", True, ("cut off", "")),
        ("<think>\ncut off", None, ("cut off", "")),
        ("hm</think></think>So.", True, ("hm", "So.")),
        ("hm</think>", True, ("hm", "")),
        ('{"a": 1}</think>', False, ("", '{"a": 1}')),
        ('{"a": 1}</think>\n\n{"a": 1}', False, ('{"a": 1}', '{"a": 1}')),
        ("<think>\n\n</think>\n\nSo.", False, ("", "So.")),
        ("", False, ("", "")),
        ("", True, ("", "")),
    ],
)
def test_split_answer(text: str, thinking: bool | None, expected: tuple[str, str]) -> None:
    assert split_answer(text, thinking) == expected


def test_reasoning_beside_an_answer_stands_before_it_in_jinja_too() -> None:
    template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(CHAT_TEMPLATE)
    asked = {"role": "user", "content": "Why?"}
    beside = {"role": "assistant", "content": "So.", "reasoning_content": "\nhm\n"}
    assert template.render(messages=[asked, beside]) == render((*ASKED, THOUGHT), None, generate=False)
    assert template.render(messages=[asked, {**beside, "reasoning_content": None}]) == render(
        (*ASKED, Turn.of("assistant", "So.")), None, generate=False
    )
