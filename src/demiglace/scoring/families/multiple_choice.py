"""Multiple choice: the letter that a response chooses, by the letter or by the text of its choice; never at random.

A letter is chosen if `answer_match` accepts it and no other: "A or B" chooses none, nor does "(B) red" if red is C. If
    no letter is named, a number in another notation chooses too: "1,000" is the choice 1000.
"""

from __future__ import annotations

from collections.abc import Mapping

from demiglace.scoring.answer_match import is_right
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict


def score_choice(response: str, expected: Expected) -> Verdict:
    """1 for the right letter, 0 for another; unreadable if none or several are chosen."""
    letter = chosen_letter(response, expected.choices)
    return UNREADABLE if letter is None else Verdict(float(letter in expected.answers), letter)


def chosen_letter(response: str, choices: Mapping[str, str]) -> str | None:
    """The only letter of `choices` that a response chooses; choices: letter -> its text, which may be empty."""
    named = {letter: f"({letter}) {text}" if text.strip() else letter for letter, text in choices.items()}
    chosen = [letter for letter, name in named.items() if is_right(response, name, tuple(named.values()))]
    if not chosen and not any(is_right(response, letter, tuple(choices)) for letter in choices):
        chosen = [letter for letter, text in choices.items() if text.strip() and is_right(response, text)]
    return chosen[0] if len(chosen) == 1 else None
