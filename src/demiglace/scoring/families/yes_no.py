"""Yes-or-no questions: MME, POPE, HallusionBench."""

from __future__ import annotations

from demiglace.scoring.answer_match import is_right
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict

_WORDS = ("yes", "no")


def score_yes_no(response: str, expected: Expected) -> Verdict:
    """1 for the right word, 0 for the other; unreadable if neither or both are given."""
    word = said_word(response)
    wanted = expected.answers[0].strip().casefold()
    if wanted not in _WORDS:
        raise ValueError(f"the answer is {expected.answers[0]!r}, but it must be yes or no")
    return UNREADABLE if word is None else Verdict(float(word == wanted), word)


def said_word(response: str) -> str | None:
    """The one of "yes" and "no" that a response gives as its answer."""
    words = [word for word in _WORDS if is_right(response, word)]
    return words[0] if len(words) == 1 else None
