"""Rollouts as one self-contained HTML page."""

from __future__ import annotations

import html
from collections.abc import Sequence

import PIL.Image

from demiglace.evaluation.html_page import answer_cell, html_page, picture_address
from demiglace.rl.rollout import Reward, Rollout
from demiglace.rl.rollout_review import ReviewedGroup


def rollout_sheet(title: str, shown: Sequence[tuple[ReviewedGroup, PIL.Image.Image | None]]) -> str:
    """A page of groups, each with the picture of its prompt. All texts are escaped."""
    return html_page(title, "".join(_section(reviewed, picture) for reviewed, picture in shown))


def terms_in_words(reward: Reward) -> str:
    """A reward as text, such as "1.5 = accuracy 1 + format 1 - preference 0.5"."""
    terms = " ".join(f"{'-' if value < 0 else '+'} {name} {abs(value):.3g}" for name, value in reward.terms.items())
    value = "not scored" if reward.value is None else f"{reward.value:.3g}"
    return f"{value} = {terms.removeprefix('+ ')}" if terms else value


def heading(reviewed: ReviewedGroup) -> str:
    group = reviewed.scored.group
    return f"{reviewed.title}: prompt {group.prompt_id} of {group.domain}, {group.mode}, by {reviewed.scored.scored_by}"


def _section(reviewed: ReviewedGroup, picture: PIL.Image.Image | None) -> str:
    question = reviewed.scored.group.question
    shown = "" if picture is None else f'<p><img alt="what the prompt shows" src="{picture_address(picture)}"></p>'
    rows = "".join(_row(*answer) for answer in reviewed.answers)
    return (
        f"<section><h2>{html.escape(heading(reviewed))}</h2>{shown}"
        f"<p>{html.escape(question.text)}</p><p>Reference: <b>{html.escape(question.wanted)}</b></p>"
        f"<table><tr><th>answer</th><th>reward</th><th>tokens</th></tr>{rows}</table></section>"
    )


def _row(rollout: Rollout, reward: Reward) -> str:
    tokens = f"{len(rollout.tokens)}{', cut' if rollout.is_cut else ''}"
    answer = answer_cell(rollout.thoughts, rollout.answer)
    return f"<tr><td>{answer}</td><td>{html.escape(terms_in_words(reward))}</td><td>{tokens}</td></tr>"
