"""Benchmarks whose answers are scored by a judge: MMVet."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from demiglace.evaluation.benchmark import Benchmark, Example, Figure
from demiglace.evaluation.benchmarks.documents import question_alone
from demiglace.evaluation.dataset.files import Source, rows_of
from demiglace.evaluation.dataset.media import pictures_of
from demiglace.scoring.verdict import Expected

MMVET = Source(("MMVet",), "lmms-lab-encoder/MMVet", "data/test-*.parquet")

# Paraphrase of MM-Vet's prompt: the ground truth with <AND> and <OR>, the prediction, a number from 0.0 to 1.0.
_MMVET_JUDGE = """Compare the ground truth and the prediction of an AI model, and score how right the prediction is.
<AND> in the ground truth means that the prediction is right only where all elements are in it, <OR> that one is enough.
The score is 0.0 (totally wrong), 0.1, 0.2, ..., 0.9 or 1.0 (totally right). Write the score alone.

Question: {question}
Ground truth: {answer}
Prediction: {response}
Score:"""


def _mmvet(place: Path | None) -> Iterator[Example]:
    for number, row in enumerate(rows_of(MMVET.files(place))):
        yield Example(
            row.optional_text("index", "question_id") or str(number),
            row.text("question"),
            Expected((row.text("answer"),)),
            "short answer",
            partial(pictures_of, row),
            row.optional_text("category", "capability"),
        )


def _judge_mmvet(question: str, answer: str, response: str) -> str:
    return _MMVET_JUDGE.format(question=question, answer=answer, response=response)


JUDGED = (
    Benchmark(
        "MMVet",
        "MM-Vet",
        _mmvet,
        question_alone,
        (Figure("score"),),
        judge=_judge_mmvet,
        several_categories=True,
    ),
)
