"""Multiple choice about pictures: MMBench, MMStar, AI2D, MMMU.

Prompts for short answers are VLMEvalKit's. In long mode they ask for the answer after "Answer:" (released code: the
model's VLMEvalKit adapter, `multi_choice_cot_prompt`, paraphrased).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from demiglace.evaluation.benchmark import Benchmark, Example, Figure
from demiglace.evaluation.dataset.choices import NOTHING, choices_of, right_letter
from demiglace.evaluation.dataset.files import Source, rows_of
from demiglace.evaluation.dataset.media import pictures_of
from demiglace.evaluation.dataset.row import Row
from demiglace.scoring.verdict import Expected

# MMBench: added to the index of a question for each rotation of its choices, unless there is `g_index` (VLMEvalKit)
ROTATION = 1_000_000
CIRCULAR = Figure("circular accuracy", together="rotations")
# The 30 subjects of MMMU in its six disciplines (its paper); the hub's rows name the subject in their id.
_DISCIPLINES = {
    "Art & Design": "Art, Art_Theory, Design, Music",
    "Business": "Accounting, Economics, Finance, Manage, Marketing",
    "Science": "Biology, Chemistry, Geography, Math, Physics",
    "Health & Medicine": "Basic_Medical_Science, Clinical_Medicine, Diagnostics_and_Laboratory_Medicine, Pharmacy, "
    "Public_Health",
    "Humanities & Social Science": "History, Literature, Psychology, Sociology",
    "Tech & Engineering": "Agriculture, Architecture_and_Engineering, Computer_Science, Electronics, Energy_and_Power, "
    "Materials, Mechanical_Engineering",
}
_DISCIPLINE_OF = {subject: name for name, subjects in _DISCIPLINES.items() for subject in subjects.split(", ")}
_SUBJECT = re.compile(r"[a-z]+_(\w+)_\d+")

MMBENCH = Source(("MMBench_DEV_EN_V11", "MMBench_DEV_EN", "MMBench"), "lmms-lab-encoder/MMBench", "en/dev-*.parquet")
MMSTAR = Source(("MMStar",), "Lin-Chen/MMStar", "*val*.parquet")
AI2D = Source(("AI2D_TEST", "AI2D"), "lmms-lab-encoder/ai2d", "data/test-*.parquet")
MMMU = Source(("MMMU_DEV_VAL", "MMMU"), "MMMU/MMMU", "*/validation-*.parquet")


def choice_prompt(example: Example, long: bool) -> str:
    """Hint, question, choices, and instruction."""
    hint = f"Hint: {example.hint}\n" if example.hint else ""
    if not example.expected.choices:
        return f"{hint}{example.question}\n{OPEN[long]}"
    choices = "".join(f"{letter}. {text}\n" for letter, text in example.expected.choices.items())
    return f"{hint}Question: {example.question}\nOptions:\n{choices}{CLOSED[long]}"


CLOSED = (
    "Please select the correct answer from the options above.",
    'Think step by step and end with the letter of the correct option in the format of "Answer: …".',
)
OPEN = (
    "Answer the question using a single word or phrase.",
    'Think step by step and end with a single word or phrase in the format of "Answer: …".',
)


def _choice(row: Row, number: int, numbered: bool = False) -> Example:
    choices = choices_of(row)
    index = row.optional_text("index", "question_id", "id") or str(number)
    base = row.optional_text("g_index") or (str(int(index) % ROTATION) if index.isdigit() else index)
    return Example(
        index,
        row.text("question"),
        Expected((right_letter(row.text("answer"), choices, row.place, numbered),), choices),
        "choice",
        partial(pictures_of, row),
        row.optional_text("l2-category", "L2-category", "l2_category", "category"),
        {"rotations": base},
        "" if (hint := row.optional_text("hint")) == NOTHING else hint,
    )


def _mmbench(place: Path | None) -> Iterator[Example]:
    return (_choice(row, number) for number, row in enumerate(rows_of(MMBENCH.files(place))))


def _mmstar(place: Path | None) -> Iterator[Example]:
    """The hub's rows have the choices in the question, on a line that begins with "Options:"."""
    for number, row in enumerate(rows_of(MMSTAR.files(place))):
        if choices_of(row):
            yield _choice(row, number)
            continue
        question, _, listed = row.text("question").partition("Options:")
        found = re.findall(r"([A-Z]): (.*?)(?:, (?=[A-Z]: )|\s*$)", listed, re.DOTALL)
        yield _choice(Row({**row.fields, "question": question.strip(), **dict(found)}, row.folder, row.place), number)


def _ai2d(place: Path | None) -> Iterator[Example]:
    """In the hub's rows the answer is the number of a choice."""
    for number, row in enumerate(rows_of(AI2D.files(place))):
        yield _choice(row, number, numbered=row.has("options"))


def _mmmu(place: Path | None) -> Iterator[Example]:
    """VLMEvalKit's TSV also has the 150 questions of the split "dev", scored separately from the 900 that count."""
    for number, row in enumerate(rows_of(MMMU.files(place))):
        if row.optional_text("split") != "dev":
            yield _mmmu_example(row, number)


def _mmmu_example(row: Row, number: int) -> Example:
    """An open question has no choices; in VLMEvalKit's TSV they are the answer and "Other Answers"."""
    choices = choices_of(row)
    is_open = not choices or choices.get("B") == "Other Answers" or row.get("question_type") == "open"
    if is_open:
        expected = Expected(tuple(row.texts("answer") if not choices else [choices["A"]]))
    else:
        expected = Expected((right_letter(row.text("answer"), choices, row.place),), choices)
    return Example(
        row.optional_text("id", "index") or str(number),
        row.text("question"),
        expected,
        "open question of MMMU" if is_open else "choice of MMMU",
        partial(pictures_of, row),
        row.optional_text("l2-category") or _discipline(row),
    )


def _discipline(row: Row) -> str:
    """By the subject in the id, such as `validation_Art_Theory_7`; `subfield` has about 180 values for 900 rows."""
    subject = _SUBJECT.fullmatch(row.optional_text("id"))
    return _DISCIPLINE_OF.get(subject[1] if subject else "", row.optional_text("category", "subfield"))


CHOICE = (
    Benchmark("MMBench", "MMBench V1.1", _mmbench, choice_prompt, (CIRCULAR, Figure("accuracy"))),
    Benchmark("MMStar", "MMStar", _mmstar, choice_prompt),
    Benchmark("AI2D", "AI2D", _ai2d, choice_prompt),
    Benchmark("MMMU", "MMMU", _mmmu, choice_prompt, interleaved=True),
)
