"""Drawn instructions can be followed, whatever comes together, and what does not follow them is found out."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice, permutations, product

import numpy as np
import pytest

from demiglace.scoring.answer_filter import teaches_reasoning
from demiglace.scoring.constraints.constraint import Bounds, Constraint
from demiglace.scoring.constraints.counted import ItemCount, KeywordCount, LetterCount, UnitCount
from demiglace.scoring.constraints.record import as_text, of_text
from demiglace.scoring.constraints.written_form import (
    EndsWith,
    JsonObject,
    LetterCase,
    Quoted,
    Repeated,
    StartsWith,
)
from demiglace.scoring.question import Question
from demiglace.synthesis.questions.instructions import INSTRUCTION_KINDS, held_out_instruction, random_instruction

NUMBERS = range(25)
SYLLABLES = ("moon", "sky", "lamp", "it", "fud", "ox")


def of(constraints: tuple[Constraint, ...], kind: type) -> list:
    return [one for one in constraints if isinstance(one, kind)]


def followed(constraints: tuple[Constraint, ...]) -> str | None:
    """An answer made of nothing but the constraints."""
    for said in islice(_candidates(constraints), 20_000):
        for written in (said, said.upper(), said.lower()):
            if all(one.is_met_by(written) for one in constraints):
                return written
    return None


def _candidates(constraints: tuple[Constraint, ...]) -> Iterator[str]:
    for one in of(constraints, Repeated):
        yield " ".join([one.phrase] * one.times)
    for one in of(constraints, JsonObject):
        yield json.dumps(dict.fromkeys(one.keys, 0))
    for one in of(constraints, ItemCount):
        for mark, items in product(("", "- "), permutations(one.among, one.bounds.least)):
            yield one.separator.join(mark + item for item in items)
    units = {one.unit: one.bounds for one in of(constraints, UnitCount)}
    number = {unit: bounds.least or 1 for unit, bounds in units.items()}
    letters = [one.letter * one.bounds.least for one in of(constraints, LetterCount) if one.bounds.least]
    keywords = [one.keyword for one in of(constraints, KeywordCount) if one.bounds.least]
    words = ["a" * number["letters"], "b" * number["letters"]] if "letters" in units else SYLLABLES
    for word in words:
        said = " ".join([*letters, *keywords, *[word] * max(1, number.get("words", 1) - len(letters) - len(keywords))])
        sentences = " ".join([f"{said}."] * number.get("sentences", 1))
        blocks = "\n\n".join([sentences] * number.get("paragraphs", 1))
        first = "".join(f"{one.text} " for one in of(constraints, StartsWith))
        last = "".join(f" {one.text}" for one in of(constraints, EndsWith))
        yield f'"{first}{blocks}{last}"' if of(constraints, Quoted) else f"{first}{blocks}{last}"


def broken(constraint: Constraint, answer: str) -> str:
    """An answer that violates this one of its constraints."""
    if isinstance(constraint, UnitCount | LetterCount | KeywordCount) and constraint.bounds.most is None:
        return "-"  # no word, no letter
    if isinstance(constraint, LetterCount):
        return f"{answer} {constraint.letter}"
    if isinstance(constraint, KeywordCount):
        return f"{answer} {constraint.keyword.upper()} "
    if isinstance(constraint, UnitCount):
        more = {"words": " x" * 40, "letters": "x", "sentences": ". Yes.", "paragraphs": "\n\nx", "bullets": "\n- x"}
        return answer + more[constraint.unit]
    if isinstance(constraint, LetterCase):
        return answer.swapcase()
    if isinstance(constraint, ItemCount):
        return answer.removesuffix(".") + constraint.separator + answer
    return f"x{answer}x"


@pytest.mark.parametrize("kind", INSTRUCTION_KINDS)
def test_every_instruction_can_be_followed_and_each_constraint_be_broken(kind: str) -> None:
    for number in NUMBERS:
        question = held_out_instruction(kind, number)
        assert question.kind == f"instruction_{kind}"
        assert question.is_answered_by(question.answer)
        other = followed(question.constraints)
        assert other is not None, question
        assert question.is_answered_by(other)
        for constraint in question.constraints:
            assert not question.is_answered_by(broken(constraint, question.answer)), (question, constraint)
        assert of_text(as_text(question.constraints)) == question.constraints


@pytest.mark.parametrize("kind", INSTRUCTION_KINDS)
def test_reasoning_names_every_constraint_and_passes_the_filter(kind: str) -> None:
    question = held_out_instruction(kind, 0)
    assert len(question.steps) == len(question.constraints) + 1
    assert sum(teaches_reasoning(held_out_instruction(kind, number)) for number in range(10)) >= 8


def test_a_draw_is_a_function_of_its_seed() -> None:
    def drawn(seed: int) -> list[Question]:
        rng = np.random.default_rng(seed)
        return [random_instruction(rng, kind) for kind in INSTRUCTION_KINDS]

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    assert held_out_instruction("words", 1) == held_out_instruction("words", 1) != held_out_instruction("words", 2)


def test_constraints_come_alone_and_together() -> None:
    drawn = [held_out_instruction("one_of", number) for number in range(60)]
    assert set(Counter(len(one.constraints) for one in drawn)) == {1, 2, 3}
    rng = np.random.default_rng(0)
    assert all(len(random_instruction(rng, "one_of", most_extras=0).constraints) == 1 for _ in range(20))


def test_all_forms_of_a_count_are_drawn() -> None:
    bounds = [of(held_out_instruction("words", number).constraints, UnitCount)[0].bounds for number in range(40)]
    assert {(one.least > 0, one.most is None) for one in bounds} == {(True, False), (True, True), (False, False)}
    assert any(one == Bounds.exactly(one.least) for one in bounds)


def test_an_unknown_kind_is_told() -> None:
    with pytest.raises(ValueError, match=r"kind must be one of one_of, lines, .*, got 'rhyme'"):
        held_out_instruction("rhyme", 0)
