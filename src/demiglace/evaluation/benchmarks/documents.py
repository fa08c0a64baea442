"""Questions about documents, charts and text in photographs: DocVQA, InfoVQA, ChartQA, TextVQA, OCRBench."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from demiglace.evaluation.benchmark import Benchmark, Example, Figure
from demiglace.evaluation.dataset.files import Source, rows_of
from demiglace.evaluation.dataset.media import pictures_of
from demiglace.evaluation.dataset.row import Row
from demiglace.scoring.rules.family import Family
from demiglace.scoring.verdict import Expected

SHORT_ANSWER = "Answer the question using a single word or phrase."  # VLMEvalKit and lmms-eval
LONG_ANSWER = 'Think step by step and end with a single word or phrase in the format of "Answer: …".'  # ours
ANSWERS = ("answers", "answer", "label")  # columns
FORMULA = "Handwritten Math"  # prefix of the OCRBench category that is compared as formulas

DOCVQA = Source(("DocVQA_VAL", "DocVQA_TEST", "DocVQA"), "lmms-lab-encoder/DocVQA", "DocVQA/validation-*.parquet")
INFOVQA = Source(
    ("InfoVQA_VAL", "InfoVQA_TEST", "InfoVQA"), "lmms-lab-encoder/DocVQA", "InfographicVQA/validation-*.parquet"
)
CHARTQA = Source(("ChartQA_TEST", "ChartQA"), "lmms-lab-encoder/ChartQA", "data/test-*.parquet")
TEXTVQA = Source(("TextVQA_VAL", "TextVQA"), "lmms-lab-encoder/textvqa", "data/validation-*.parquet")
OCRBENCH = Source(("OCRBench",), "echo840/OCRBench", "data/test-*.parquet")


def answer_prompt(example: Example, long: bool) -> str:
    """The question, and the request for a word or phrase."""
    return f"{example.question}\n{LONG_ANSWER if long else SHORT_ANSWER}"


def question_alone(example: Example, long: bool) -> str:
    """The question unchanged; in long mode with the form of the answer."""
    return f"{example.question}\n{LONG_ANSWER}" if long else example.question


def _examples(source: Source, family: Family) -> Callable[[Path | None], Iterator[Example]]:
    def examples(place: Path | None) -> Iterator[Example]:
        for number, row in enumerate(rows_of(source.files(place))):
            yield _example(row, number, family)

    return examples


def _example(row: Row, number: int, family: Family) -> Example:
    return Example(
        row.optional_text("index", "questionId", "question_id") or str(number),
        row.text("question", "query"),
        Expected(_answers(row, family)),
        family,
        partial(pictures_of, row),
        row.optional_text("category", "split", "type", "question_types"),
    )


def _answers(row: Row, family: Family) -> tuple[str, ...]:
    """All right answers; a ChartQA text in the form of a list is one: "[6, 12]" asks for both."""
    value = row.get(*ANSWERS)
    return (value,) if family == "relaxed number" and isinstance(value, str) else tuple(row.texts(*ANSWERS))


def _ocrbench(place: Path | None) -> Iterator[Example]:
    for number, row in enumerate(rows_of(OCRBENCH.files(place))):
        category = row.optional_text("category", "question_type")
        yield Example(
            row.optional_text("index") or str(number),
            row.text("question"),
            Expected(tuple(row.texts("answer"))),
            "contained formula" if category.startswith(FORMULA) else "contained text",
            partial(pictures_of, row),
            category,
        )


DOCUMENTS = (
    Benchmark(
        "OCRBench", "OCRBench", _ocrbench, question_alone, (Figure("accuracy"), Figure("score of 1000", scale=1000.0))
    ),
    Benchmark(
        "DocVQA",
        "DocVQA",
        _examples(DOCVQA, "ANLS"),
        answer_prompt,
        (Figure("ANLS"),),
        several_categories=True,
    ),
    Benchmark("InfoVQA", "InfographicVQA", _examples(INFOVQA, "ANLS"), answer_prompt, (Figure("ANLS"),)),
    Benchmark(
        "ChartQA",
        "ChartQA",
        _examples(CHARTQA, "relaxed number"),
        answer_prompt,
        (Figure("relaxed accuracy"),),
    ),
    Benchmark("TextVQA", "TextVQA", _examples(TEXTVQA, "VQA accuracy"), answer_prompt, (Figure("VQA accuracy"),)),
)
