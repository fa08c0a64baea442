"""Whether a model sees things that are not there: HallusionBench."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from demiglace.evaluation.benchmark import SET, Benchmark, Example, Figure
from demiglace.evaluation.dataset.files import Source, rows_of
from demiglace.evaluation.dataset.media import pictures_of
from demiglace.evaluation.dataset.row import Row
from demiglace.scoring.verdict import Expected

HALLUSION = Source(("HallusionBench",), "lmms-lab-encoder/HallusionBench", "data/image-*.parquet")
ACCURACIES = (Figure("aAcc"), Figure("fAcc", together="figure"), Figure("qAcc", together="question"))
# The mean is from OpenCompass' leaderboard (VLMEvalKit's maintainer, 2024-04); the benchmark's authors give none.
FIGURES = (Figure("mean of the three", mean_of=ACCURACIES), *ACCURACIES)
SHORT = "Please answer yes or no."
LONG = 'Think step by step and end with yes or no in the format of "Answer: …".'


def yes_no_prompt(example: Example, long: bool) -> str:
    """The question, and the request for yes or no."""
    return f"{example.question} {LONG if long else SHORT}"


def _hallusion(place: Path | None) -> Iterator[Example]:
    for number, row in enumerate(rows_of(HALLUSION.files(place))):
        yield _example(row, number)


def _example(row: Row, number: int) -> Example:
    """Figure 0 of the category VS (visual supplement) is a question without a picture.

    The figures of a set are versions of one another, and its questions are asked about each.
    """
    answer = row.text("answer", "gt_answer").strip().casefold()
    kind, (set_id, figure, question) = _kind(row), _numbers(row)
    is_supplement = any(text.startswith("VS") for text in (kind, row.optional_text("category")))
    is_alone = is_supplement and figure == "0" and not row.has("image")
    return Example(
        row.optional_text("index") or str(number),
        row.text("question"),
        Expected(({"1": "yes", "0": "no"}.get(answer, answer),)),
        "yes or no",
        tuple if is_alone else partial(pictures_of, row),
        kind,
        {
            "figure": f"{kind}_{set_id}_{figure}",
            "question": f"{kind}_{set_id}_{question}",
            SET: f"{kind}_{set_id}",
        },
    )


def _kind(row: Row) -> str:
    """Such as "VS_ocr", part of a set's key: the hub's rows have two columns, and both categories have an "ocr"."""
    if row.has("subcategory"):
        return f"{row.text('category')}_{row.text('subcategory')}"
    return row.optional_text("l2-category", "category")


def _numbers(row: Row) -> tuple[str, str, str]:
    """Set, figure and question: columns in the hub's rows, or the last three parts of VLMEvalKit's index."""
    if row.has("set_id"):
        return row.text("set_id"), row.text("figure_id"), row.text("question_id")
    parts = row.text("index").split("_")
    if len(parts) < 4:
        raise ValueError(f"{row.place} has the index {'_'.join(parts)}, which names no set, figure and question")
    return parts[-3], parts[-2], parts[-1]


HALLUCINATION = (Benchmark("HallusionBench", "HallusionBench", _hallusion, yes_no_prompt, FIGURES),)
