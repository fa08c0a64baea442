"""Renders turns as prompt text in the model's format, with the thinking switch; splits reasoning from the answer.

This package uses `render_pieces`, which keeps user text apart from structure; a text template cannot do that.
`CHAT_TEMPLATE` is the same template in jinja and is saved in checkpoints, for other programs. It does not support
tools, and refuses them.
Rules: Qwen3's chat template with an explicit long mode (released code).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from demiglace.conversation import Role
from demiglace.processing.tokenizer import REASONING, TextPiece

THINK, END_THINK = REASONING["think_start"], REASONING["think_end"]

TOOL_RESPONSE = ("<tool_response>", "</tool_response>")  # a user turn between these is not a query (released code)

CHAT_TEMPLATE = r"""
{%- if tools -%}
    {{- raise_exception('this template has no form for tools') -}}
{%- endif -%}
{%- set latest = namespace(query=messages | length - 1) -%}
{%- for message in messages -%}
    {%- if message.tool_calls or message.role == 'tool' -%}
        {{- raise_exception('this template has no form for calls of tools') -}}
    {%- endif -%}
    {%- set begins = message.content.startswith('<tool_response>') -%}
    {%- if message.role == 'user' and not (begins and message.content.endswith('</tool_response>')) -%}
        {%- set latest.query = loop.index0 -%}
    {%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\n' -}}
    {%- set answer = message.content -%}
    {%- if message.role == 'assistant' -%}
        {%- set reasoning = '' -%}
        {%- if message.reasoning_content is string -%}
            {%- set reasoning = message.reasoning_content.strip('\n') -%}
        {%- elif '</think>' in answer -%}
            {%- set reasoning = answer.split('</think>')[0].split('<think>')[-1].strip('\n') -%}
            {%- set answer = answer.split('</think>')[-1].lstrip('\n') -%}
        {%- endif -%}
        {%- if loop.index0 > latest.query and (loop.last or reasoning) -%}
            {{- '<think>\n' + reasoning + '\n</think>\n\n' -}}
            {%- set answer = answer.lstrip('\n') -%}
        {%- endif -%}
    {%- endif -%}
    {{- answer + '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\n' -}}
    {%- if enable_thinking is defined and enable_thinking is false -%}
        {{- '<think>\n\n</think>\n\n' -}}
    {%- elif enable_thinking is defined and enable_thinking is true -%}
        {{- '<think>\n' -}}
    {%- endif -%}
{%- endif -%}
"""


@dataclass(frozen=True)
class Turn:
    """A message as pieces of text: what its author wrote, and the placeholders of its media."""

    role: Role
    pieces: tuple[TextPiece, ...]

    @cached_property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @classmethod
    def of(cls, role: Role, text: str) -> Turn:
        return cls(role, (TextPiece(text),))


@dataclass(frozen=True)
class PromptSpan:
    """Pieces that are encoded together, and whether they are training targets."""

    pieces: tuple[TextPiece, ...]
    is_learned: bool


def render_pieces(turns: Sequence[Turn], thinking: bool | None, generate: bool = True) -> list[TextPiece]:
    """The prompt as pieces; `generate` opens the assistant's next turn.

    `thinking` False writes empty reasoning into that turn, True opens its reasoning, None leaves the choice to the
    model. Earlier turns keep only their answers; assistant turns after the last user turn keep their reasoning too.
    """
    pieces = [piece for stretch in _stretches(turns, None) for piece in stretch.pieces]
    return [*pieces, _opening(thinking)] if generate else pieces


def render(turns: Sequence[Turn], thinking: bool | None, generate: bool = True) -> str:
    """The prompt of `render_pieces` as one text."""
    return "".join(piece.text for piece in render_pieces(turns, thinking, generate))


def render_stretches(turns: Sequence[Turn], thinking: bool | None) -> list[PromptSpan]:
    """The text of `render` without `generate`, as spans: answers and their `<|im_end|>` are learned.

    In the last turn, only what follows the opening that `thinking` gives is learned. Raises ValueError if there is no
    user turn, if the last turn is not the assistant's, or if it has reasoning although `thinking` is False.
    """
    if not turns or turns[-1].role != "assistant" or all(turn.role != "user" for turn in turns):
        roles = ", ".join(turn.role for turn in turns) or "none"
        raise ValueError(f"training needs a user turn and the assistant's last, got turns of: {roles}")
    if thinking is False and _reasoning_and_answer(turns[-1])[0]:
        raise ValueError("the last answer has reasoning, but thinking is False")
    return list(_stretches(turns, thinking))


def num_left_out(turns: Sequence[Turn]) -> int:
    """Answers whose reasoning is not in the prompt, since a question follows them."""
    earlier = turns[: _latest_query(turns)]
    return sum(turn.role == "assistant" and bool(_reasoning_and_answer(turn)[0]) for turn in earlier)


def split_answer(text: str, thinking: bool | None) -> tuple[str, str]:
    """Generated text as (reasoning, answer), given how its turn was opened (see `render_pieces`).

    If the reasoning was cut off, there is no answer. The first `</think>` ends the reasoning and others are dropped.
    In short mode, which has none, the answer is what follows `</think>`, or what precedes it if nothing follows.
    """
    before, end, after = text.partition(END_THINK)
    is_reasoning = bool(end) or thinking or (thinking is None and before.lstrip().startswith(THINK))
    before, after = before.replace(THINK, "").strip(), after.replace(END_THINK, "").strip()
    if not is_reasoning or (thinking is False and not after):
        return "", before
    return before, after


def _stretches(turns: Sequence[Turn], thinking: bool | None) -> Iterator[PromptSpan]:
    """All turns as spans; `thinking` says how much of the last one is prompt, as in `_opening`."""
    latest_query = _latest_query(turns)
    for index, turn in enumerate(turns):
        is_last = index == len(turns) - 1
        yield from _stretches_of_turn(turn, index > latest_query, is_last, thinking if is_last else None)


def _stretches_of_turn(turn: Turn, is_behind_query: bool, is_last: bool, thinking: bool | None) -> list[PromptSpan]:
    if turn.role != "assistant":
        return [PromptSpan((_structure(f"<|im_start|>{turn.role}\n"), *turn.pieces, _structure("<|im_end|>\n")), False)]
    reasoning, answer = _reasoning_and_answer(turn)
    pieces, num_given = [_structure("<|im_start|>assistant\n")], 1
    if is_behind_query and (is_last or reasoning):
        pieces += [_structure(f"{THINK}\n"), TextPiece(reasoning), _structure(f"\n{END_THINK}\n\n")]
        num_given = {None: 1, True: 2, False: 4}[thinking]
        answer = answer.lstrip("\n")
    pieces += [TextPiece(answer), _structure("<|im_end|>")]
    given, generated = tuple(pieces[:num_given]), tuple(pieces[num_given:])
    return [PromptSpan(given, False), PromptSpan(generated, True), PromptSpan((_structure("\n"),), False)]


def _latest_query(turns: Sequence[Turn]) -> int:
    return max((index for index, turn in enumerate(turns) if _is_query(turn)), default=len(turns) - 1)


def _is_query(turn: Turn) -> bool:
    begin, end = TOOL_RESPONSE
    return turn.role == "user" and not (turn.text.startswith(begin) and turn.text.endswith(end))


def _opening(thinking: bool | None) -> TextPiece:
    reasoning = {None: "", True: f"{THINK}\n", False: f"{THINK}\n\n{END_THINK}\n\n"}[thinking]
    return _structure("<|im_start|>assistant\n" + reasoning)


def _reasoning_and_answer(turn: Turn) -> tuple[str, str]:
    if END_THINK not in turn.text:
        return "", turn.text
    before, *_, answer = turn.text.split(END_THINK)
    return before.split(THINK)[-1].strip("\n"), answer.lstrip("\n")


def _structure(text: str) -> TextPiece:
    return TextPiece(text, is_structure=True)
