"""IFEval's instructions by id, with their arguments as in its data set."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demiglace.fields import Field, ListOf, Whole, Words, short_repr, take
from demiglace.scoring.constraints import ifeval_checks as checks
from demiglace.scoring.constraints.constraint import MOST, Constraint

Check = Callable[..., bool]

_NUMBER, _TEXT, _TEXTS = Whole(1, MOST), Words(), ListOf(Words(), least=1)
_FREQUENCY, _RELATION = Whole(0, MOST), Words(("less than", "at least"))
LANGUAGE = "language:response_language"
INSTRUCTIONS: Mapping[str, tuple[Check, Mapping[str, Field]]] = {
    "keywords:existence": (checks.keywords, {"keywords": _TEXTS}),
    "keywords:frequency": (
        checks.keyword_frequency,
        {"keyword": _TEXT, "relation": _RELATION, "frequency": _FREQUENCY},
    ),
    "keywords:forbidden_words": (checks.forbidden_words, {"forbidden_words": _TEXTS}),
    "keywords:letter_frequency": (
        checks.letter_frequency,
        {"letter": _TEXT, "let_relation": _RELATION, "let_frequency": _FREQUENCY},
    ),
    LANGUAGE: (checks.language, {"language": _TEXT}),
    "length_constraints:number_sentences": (checks.number_sentences, {"relation": _RELATION, "num_sentences": _NUMBER}),
    "length_constraints:number_paragraphs": (checks.number_paragraphs, {"num_paragraphs": _NUMBER}),
    "length_constraints:number_words": (checks.number_words, {"relation": _RELATION, "num_words": _NUMBER}),
    "length_constraints:nth_paragraph_first_word": (
        checks.nth_paragraph_first_word,
        {"num_paragraphs": _NUMBER, "nth_paragraph": _NUMBER, "first_word": _TEXT},
    ),
    "detectable_content:number_placeholders": (checks.number_placeholders, {"num_placeholders": _NUMBER}),
    "detectable_content:postscript": (checks.postscript, {"postscript_marker": _TEXT}),
    "detectable_format:number_bullet_lists": (checks.number_bullets, {"num_bullets": _NUMBER}),
    "detectable_format:constrained_response": (checks.constrained_response, {}),
    "detectable_format:number_highlighted_sections": (checks.highlights, {"num_highlights": _NUMBER}),
    "detectable_format:multiple_sections": (checks.sections, {"section_spliter": _TEXT, "num_sections": _NUMBER}),
    "detectable_format:json_format": (checks.json_format, {}),
    "detectable_format:title": (checks.title, {}),
    "combination:two_responses": (checks.two_responses, {}),
    "combination:repeat_prompt": (checks.repeat_prompt, {"prompt_to_repeat": _TEXT}),
    "startend:end_checker": (checks.end, {"end_phrase": _TEXT}),
    "startend:quotation": (checks.quotation, {}),
    "change_case:capital_word_frequency": (
        checks.capital_words,
        {"capital_relation": _RELATION, "capital_frequency": _FREQUENCY},
    ),
    "change_case:english_capital": (str.isupper, {}),
    "change_case:english_lowercase": (str.islower, {}),
    "punctuation:no_comma": (checks.no_comma, {}),
}


@dataclass(frozen=True)
class IfevalInstruction(Constraint):
    """An instruction of IFEval. arguments: those of its kind; None is left out.

    ValueError if the id is unknown, if an argument is missing, unknown or invalid, and for the language of an answer if
    langdetect is not installed.
    """

    id: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.id not in INSTRUCTIONS:
            near = difflib.get_close_matches(self.id, INSTRUCTIONS, n=3, cutoff=0.4)
            similar = f"; similar: {', '.join(near)}" if near else ""
            raise ValueError(f"unknown instruction of IFEval {short_repr(self.id)}{similar}")
        _, fields = INSTRUCTIONS[self.id]
        given = {name: _whole(value) for name, value in self.arguments.items() if value is not None}
        if strange := [name for name in given if name not in fields]:
            raise ValueError(f"{self.id} takes {', '.join(fields) or 'no argument'}, not {strange[0]}")
        object.__setattr__(self, "arguments", take(self.id, given, fields, list(fields)))
        if self.id == LANGUAGE:
            checks.check_language_can_be_told()

    def is_met_by(self, text: str) -> bool:
        check, _ = INSTRUCTIONS[self.id]
        return check(text, **self.arguments)

    @property
    def in_words(self) -> str:
        told_arguments = ", ".join(f"{name} {value}" for name, value in self.arguments.items())
        return f"{self.id} ({told_arguments})" if told_arguments else self.id

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": "ifeval", "id": self.id, "arguments": dict(self.arguments)}


def _whole(value: Any) -> Any:
    """Undoes the conversion of whole numbers to 3.0 by tables with missing values."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
