"""Mathematics in pictures: MathVista."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path

from demiglace.evaluation.benchmark import Benchmark, Example
from demiglace.evaluation.benchmarks.choice import choice_prompt
from demiglace.evaluation.dataset.choices import choices_of, right_letter
from demiglace.evaluation.dataset.files import Source, rows_of
from demiglace.evaluation.dataset.media import pictures_of
from demiglace.evaluation.dataset.row import Row
from demiglace.scoring.rules.family import Family
from demiglace.scoring.verdict import Expected

MATHVISTA = Source(("MathVista_MINI", "MathVista"), "AI4Math/MathVista", "data/testmini-*.parquet")


def _mathvista(place: Path | None) -> Iterator[Example]:
    for number, row in enumerate(rows_of(MATHVISTA.files(place))):
        yield _example(row, number)


def _question(row: Row) -> tuple[str, str]:
    """The question, and the form of its answer.

    In VLMEvalKit's TSV the question is the authors' whole prompt: "Hint: ...", "Question: ...", and "Choices:" with
    "(A) ..." below (see examples in its utils/mathvista.py). The hub's rows have that prompt in `query`.
    """
    text = row.text("question")
    is_prompt = text.lstrip().startswith("Hint:")
    hint, found, rest = (text if is_prompt else row.optional_text("query")).partition("Question:")
    question = rest.partition("\nChoices:")[0] if is_prompt and found else text
    return question.strip(), hint.strip().removeprefix("Hint:").strip() if found else ""


def _example(row: Row, number: int) -> Example:
    """The answer is the text of a choice or, to a free question, a number or a list."""
    choices = choices_of(row) if row.optional_text("question_type") != "free_form" else {}
    if choices:
        answer = row.text("answer_option", "answer")
        letter = right_letter(answer, choices, row.place, texts=not row.has("answer_option"))
        family: Family = "choice"
        expected = Expected((letter,), choices)
    else:
        family, answer = _number(row)
        expected = Expected((answer,))
    (question, form), unit = _question(row), row.optional_text("unit")
    unit_note = f" (Unit: {unit})" if unit and "(Unit:" not in question else ""
    return Example(
        row.optional_text("index", "pid") or str(number),
        question + unit_note,
        expected,
        family,
        partial(pictures_of, row),
        _task(row),
        hint="" if choices else form,
    )


def _number(row: Row) -> tuple[Family, str]:
    """The answer to a free question and its family: the authors round a number to `precision` decimals."""
    answer, precision = row.text("answer"), row.optional_text("precision")
    if row.optional_text("answer_type") != "float" or not precision:
        return "short answer", answer
    try:
        wanted, decimals = Decimal(answer), int(Decimal(precision))
    except InvalidOperation as error:
        raise ValueError(f"{row.place}: answer {answer!r} of precision {precision!r} is no number") from error
    return "rounded number", f"{wanted:.{decimals}f}" if -int(wanted.as_tuple().exponent) < decimals else answer


def _task(row: Row) -> str:
    """The task: a column of VLMEvalKit's TSV, or in a struct of the hub's rows."""
    metadata = row.get("metadata")
    return str(metadata.get("task", "")) if isinstance(metadata, Mapping) else row.optional_text("task", "category")


MATHEMATICS = (Benchmark("MathVista", "MathVista testmini", _mathvista, choice_prompt),)
