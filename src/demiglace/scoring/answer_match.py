"""Whether a response is correct. docs/scoring.md states the rules in full, and the tests have a table of verdicts.

The reference is typed first (`answer_type`); then the final answer of the response (`final_answer`) is compared with it
by the rule for that type. Equal values in another notation are right ("12 %" for 12%, "−3" for -3, "1,234.50" for
1234.5). Naming two different answers is wrong, and so is a negated answer. Each rule takes time linear in the text.
"""

from __future__ import annotations

from collections.abc import Sequence

from demiglace.scoring.answer_type import answer_type, is_in_brackets, only_day, only_figure
from demiglace.scoring.arithmetic.claims import claims
from demiglace.scoring.mathematics import says_formula
from demiglace.scoring.phrasing.choices import letter_of, says_choice, says_letter, says_yes_or_no, yes_or_no
from demiglace.scoring.phrasing.final_answer import final_answers
from demiglace.scoring.phrasing.lists import brackets, items
from demiglace.scoring.phrasing.mentions import Mention, agrees
from demiglace.scoring.phrasing.notation import squeezed, without_markup
from demiglace.scoring.phrasing.phrases import plain, says_phrase
from demiglace.scoring.quantities.dates import Day, named_days
from demiglace.scoring.quantities.numbers import NumberInText, figures
from demiglace.scoring.quantities.spread_numbers import spread_out
from demiglace.scoring.quantities.units import differ_by_case


def is_right(response: str, reference: str, choices: Sequence[str] = ()) -> bool:
    """Whether a response gives the `reference` as its only final answer: alone, in a sentence or marked.

    choices: all possible answers to choose from; a sentence that names another of them too is wrong.
    Raises ValueError if the reference is a formula and math-verify is not installed (`mathematics`).
    """
    if squeezed(response) == squeezed(reference):
        return bool(response.strip()) and _has_its_units(without_markup(response), reference)
    answers = final_answers(response, reference)
    return bool(answers) and all(
        _says(answer, reference, choices) and _has_its_units(answer, reference) for answer in answers
    )


def _has_its_units(answer: str, reference: str) -> bool:
    """Whether no number of the reference has, in the answer, a unit that differs only by case: 5 mW is not 5 MW."""
    wanted = _units_by_value(without_markup(reference))
    given = _units_by_value(answer) if wanted else {}
    return not any(differ_by_case(wanted[value], given[value]) for value in wanted.keys() & given.keys())


def _units_by_value(text: str) -> dict[object, frozenset[str]]:
    found: dict[object, frozenset[str]] = {}
    for figure in figures(spread_out(text)):
        if figure.meanings:
            found[figure.value] = found.get(figure.value, frozenset[str]()) | figure.meanings
    return found


def _says(answer: str, reference: str, choices: Sequence[str]) -> bool:
    """Whether an answer, without markup, gives the reference, by the rule for its type."""
    kind = answer_type(reference, choices)
    if kind == "yes or no":
        return says_yes_or_no(answer, yes_or_no(reference) or "")
    if kind == "letter":
        return says_letter(answer, *(letter_of(reference, choices) or ("", "")), choices)
    if kind == "choice":
        return says_choice(answer, reference, choices)
    if kind == "mathematics":
        return says_formula(answer, reference)
    if kind == "list":
        return _says_list(answer, reference)
    if kind == "phrase":
        return says_phrase(answer, reference)
    if day := only_day(reference):
        return _says_day(answer, day)
    figure = only_figure(reference)
    if figure is None or is_in_brackets(reference):
        return squeezed(answer).strip(" .") == squeezed(reference)
    return _says_figure(answer, figure, as_written=kind == "identifier")


def _says_list(answer: str, reference: str) -> bool:
    """Whether an answer has the same items in the same order; words may precede the first."""
    wanted, given = items(without_markup(reference)), items(answer)
    kinds = {brackets(answer), brackets(without_markup(reference))} - {""}
    if len(kinds) > 1:
        return False
    if says_phrase(answer, reference):
        return True
    return len(wanted) == len(given) and _says(given[0], wanted[0], ()) and all(map(_is_item, given[1:], wanted[1:]))


def _is_item(given: str, wanted: str) -> bool:
    one, other = only_figure(wanted), only_figure(given)
    return plain(wanted) == plain(given) or (one is not None and other is not None and one.equals(other))


def _says_figure(answer: str, wanted: NumberInText, as_written: bool) -> bool:
    """Whether all numbers, times, dates and codes of an answer equal the wanted one."""
    text = _without_workings(spread_out(answer))
    if wanted.kind == "day" and named_days(text):
        assert isinstance(wanted.value, Day)
        return _says_day(answer, wanted.value)
    found = _without_pronouns(figures(text))
    rights = [figure.text == wanted.text if as_written else wanted.equals(figure) for figure in found]
    return agrees(text, [Mention(one.start, one.end, right) for one, right in zip(found, rights, strict=True)])


def _says_day(answer: str, wanted: Day) -> bool:
    """Whether all dates of an answer are the wanted day, without any other numbers."""
    text = spread_out(answer)
    days = named_days(text)
    outside = list(text)
    for start, end, _ in days:
        outside[start:end] = " " * (end - start)
    numeric = [
        (figure.start, figure.end, figure.value if isinstance(figure.value, Day) else None)
        for figure in figures("".join(outside))
    ]
    found = sorted([*days, *numeric], key=lambda place: place[0])
    return agrees(text, [Mention(start, end, day is not None and wanted.same_as(day)) for start, end, day in found])


def _without_workings(text: str) -> str:
    """`text` with each correct equation replaced by its result: "5 - 3 = 2" says 2; "5 - 3 = 4" says three things."""
    place, kept = 0, []
    for claim in claims(text) if "=" in text or "≈" in text else ():
        if claim.is_true and claim.result:
            kept += [text[place : claim.start], claim.result]
            place = claim.end
    return "".join((*kept, text[place:]))


def _without_pronouns(found: list[NumberInText]) -> list[NumberInText]:
    """Figures without the pronoun "one" if there are others: "the larger one is 7"."""
    if all(figure.is_word and figure.text == "one" for figure in found):
        return found
    return [figure for figure in found if not (figure.is_word and figure.text == "one" and not figure.meanings)]
