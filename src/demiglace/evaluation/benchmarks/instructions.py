"""Instructions that a rule can check: IFEval, our held-out ones, and the user's own records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from demiglace.conversation import Part, Text
from demiglace.evaluation.benchmark import Benchmark, Example, Figure, plain_prompt
from demiglace.evaluation.dataset.files import Source, rows_of
from demiglace.evaluation.dataset.row import Row, listed
from demiglace.records.constraints import ARGUMENTS, IDS, ConstrainedConversation
from demiglace.records.formats import read_record
from demiglace.records.media_files import MediaFolders
from demiglace.scoring.constraints.constraint import Constraint
from demiglace.scoring.constraints.record import as_text, read_ifeval
from demiglace.scoring.rules.family import Family
from demiglace.scoring.verdict import Expected
from demiglace.synthesis.questions.instructions import INSTRUCTION_KINDS, held_out_instruction

EACH = 20  # instructions of a kind (ours)
LOOSELY: Family = "constraints, loosely"
FIGURES = (  # as IFEval reports them, strict before loose
    Figure("all of a prompt"),
    Figure("single instructions", of="constraints"),
    Figure("all of a prompt, loose", family=LOOSELY),
    Figure("single instructions, loose", of="constraints", family=LOOSELY),
)
IFEVAL = Source(("ifeval_input_data", "input_data", "IFEval"), "google/IFEval", "*.jsonl")
OWN = Source(("instructions",))


def _ifeval(place: Path | None) -> Iterator[Example]:
    """All rows are read before the first question, so that uncheckable instructions end the run at the start."""
    yield from [_ifeval_example(row, number) for number, row in enumerate(rows_of(IFEVAL.files(place)))]


def _ifeval_example(row: Row, number: int) -> Example:
    prompt, ids, arguments = row.text("prompt"), row.texts(IDS), row.fields.get(ARGUMENTS)
    try:
        constraints = read_ifeval(ids, None if arguments is None else listed(arguments))
    except ValueError as error:
        raise ValueError(f"{row.place}: {error}") from error
    category = ids[0].partition(":")[2] if len(ids) == 1 else "several"
    return _example(row.optional_text("key", "id") or str(number), prompt, constraints, category)


def _instructions(place: Path | None) -> Iterator[Example]:
    """The first of every kind, then the second of each; or all records of a file."""
    if place is not None:
        yield from [_own_example(row, number) for number, row in enumerate(rows_of(OWN.files(place)))]
        return
    for number in range(EACH):
        for kind in INSTRUCTION_KINDS:
            drawn = held_out_instruction(kind, number)
            yield _example(f"{kind} {number}", drawn.text, drawn.constraints, kind.replace("_", " "))


def _own_example(row: Row, number: int) -> Example:
    """A record in the format for reinforcement learning, or with `prompt` instead of messages."""
    conversation = read_record(_with_messages(row), row.place, MediaFolders(row.folder).find)
    if not isinstance(conversation, ConstrainedConversation):
        raise ValueError(f"{row.place} has no constraints")
    try:
        constraints = conversation.constraints()
    except ValueError as error:
        raise ValueError(f"{row.place}: {error}") from error
    asked = [message for message in conversation.messages if message.role != "assistant"]
    if len(asked) != 1:
        raise ValueError(f"{row.place} has {len(asked)} messages before the answer; one question is asked")
    text = "\n".join(part.text for part in asked[0].content if isinstance(part, Text))
    shown = [part for part in asked[0].content if not isinstance(part, Text)]
    return _example(
        row.optional_text("id", "key") or str(number), text, constraints, row.optional_text("category"), shown
    )


def _with_messages(row: Row) -> Mapping[str, Any]:
    if not row.has("prompt") or row.has("messages") or row.has("conversations"):
        return row.fields
    others = {name: value for name, value in row.fields.items() if name != "prompt"}
    return others | {"messages": [{"role": "user", "content": row.text("prompt")}]}


def _example(
    id_: str, text: str, constraints: Sequence[Constraint], category: str, shown: Sequence[Part] = ()
) -> Example:
    return Example(id_, text, Expected((as_text(constraints),)), "constraints", partial(tuple, shown), category)


INSTRUCTIONS = (
    Benchmark("IFEval", "IFEval", _ifeval, plain_prompt, FIGURES, max_new_tokens=1280),  # tokens: lm-eval
    Benchmark(
        "instructions",
        "held-out instructions of ours",
        _instructions,
        plain_prompt,
        FIGURES,
        has_videos=True,  # those of the user's own records
        needs_data=False,
    ),
)
