"""A comparison as one self-contained HTML page: figures, and changed examples with pictures."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import PIL.Image

from demiglace.evaluation.comparison import Change, Comparison
from demiglace.evaluation.html_page import answer_cell, html_page, picture_address
from demiglace.evaluation.intervals import FEW_CLUSTERS
from demiglace.evaluation.scores import Scored

MOST_SHOWN = 50  # gained examples, and lost ones, of each benchmark (ours)
CLUSTERED = (
    "There is no McNemar p (-) where questions share a picture, clip, text or set: the test assumes independent "
    "questions; the bootstrap does not."
)
SMALLEST_SHOWN = 192  # pixels; smaller pictures are enlarged


@dataclass(frozen=True)
class ShownComparison:
    """figure: what is compared. pictures: by id; None if the file can no longer be opened."""

    name: str
    figure: str
    comparison: Comparison
    pictures: Mapping[str, PIL.Image.Image | None]


def shown_changes(comparison: Comparison) -> list[Change]:
    """The first `MOST_SHOWN` lost examples, then as many gained."""
    return [*comparison.lost[:MOST_SHOWN], *comparison.gained[:MOST_SHOWN]]


def comparison_sheet(before: str, after: str, shown: Sequence[ShownComparison]) -> str:
    """The page; all texts are escaped."""
    table = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row(one))}</tr>" for one in shown)
    headings = "".join(f"<th>{name}</th>" for name in HEADINGS)
    sections = "".join(_sections(one) for one in shown)
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in comparison_notes(shown))
    return html_page(f"{before} and {after}", f"<table><tr>{headings}</tr>{table}</table>{notes}{sections}")


HEADINGS = (
    "benchmark",
    "figure",
    "compared",
    "before",
    "after",
    "difference",
    "95 %",
    "p, McNemar",
    "p, bootstrap",
    "gained",
    "lost",
)


def row(shown: ShownComparison) -> tuple[str, ...]:
    """Cells of a comparison in the order of `HEADINGS`; shares in per cent."""
    comparison, interval = shown.comparison, shown.comparison.difference.interval
    return (
        shown.name,
        shown.figure,
        f"{comparison.compared}{f' ({comparison.left_out} left out)' if comparison.left_out else ''}",
        f"{100 * comparison.before:.1f}",
        f"{100 * comparison.after:.1f}",
        f"{100 * comparison.difference.value:+.1f}",
        "-" if interval is None else f"{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}",
        "-" if comparison.p_mcnemar is None else f"{comparison.p_mcnemar:.3g}",
        "-" if comparison.p_bootstrap is None else f"{comparison.p_bootstrap:.3g}",
        str(len(comparison.gained)),
        str(len(comparison.lost)),
    )


def comparison_notes(shown: Sequence[ShownComparison]) -> list[str]:
    """Notes below the table."""
    comparisons = [entry.comparison for entry in shown]
    has_few = any(comparison.difference.interval is None for comparison in comparisons)
    is_clustered = any(comparison.clusters < comparison.compared for comparison in comparisons)
    return [*([FEW_CLUSTERS] if has_few else []), *([CLUSTERED] if is_clustered else [])]


def _sections(shown: ShownComparison) -> str:
    changes = shown_changes(shown.comparison)
    left = len(shown.comparison.changes) - len(changes)
    more = f"<p>{left} more changed and are not shown.</p>" if left else ""
    return "".join(_section(shown, change) for change in changes) + more


def _section(shown: ShownComparison, change: Change) -> str:
    prediction = change.after.prediction
    title = f"{shown.name} {prediction.id}: {'gained' if change.gain > 0 else 'lost'} {abs(change.gain):.2g}"
    picture = shown.pictures.get(prediction.id)
    address = "" if picture is None else picture_address(_enlarged(picture))
    image = address and f'<p><img alt="what was shown" style="max-height: 24rem" src="{address}"></p>'
    choices = "".join(f"<br>{html.escape(f'{name}. {text}')}" for name, text in _choices(prediction.choices).items())
    reference = html.escape(" | ".join(dict.fromkeys(prediction.answers)))
    return (
        f"<section><h2>{html.escape(title)}</h2>{image}<p>{html.escape(prediction.question)}{choices}</p>"
        f"<p>Reference: <b>{reference}</b></p><table><tr><th></th><th>answer</th><th>read as</th><th>score</th></tr>"
        f"{_answer('before', change.before)}{_answer('after', change.after)}</table></section>"
    )


def _choices(choices: Mapping[str, str]) -> Mapping[str, str]:
    """Choices with letters: the question itself names all others."""
    return {name: text for name, text in choices.items() if name != text}


def _answer(name: str, scored: Scored) -> str:
    reply, verdict = scored.prediction.reply, scored.verdict
    assert verdict is not None
    read = verdict.read if verdict.score is not None else "unreadable"
    return (
        f"<tr><td>{name}</td><td>{answer_cell(reply.thoughts, reply.answer)}</td>"
        f"<td>{html.escape(read)}</td><td>{verdict.counted:.2g}</td></tr>"
    )


def _enlarged(picture: PIL.Image.Image) -> PIL.Image.Image:
    times = max(1, SMALLEST_SHOWN // max(picture.size))
    if times == 1:
        return picture
    return picture.resize((picture.width * times, picture.height * times), PIL.Image.Resampling.NEAREST)
