"""Scores by edit distance: ANLS (DocVQA, InfographicVQA) and the similarity of whole texts (OmniDocBench)."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from demiglace.scoring.families.response import bare, only_answer
from demiglace.scoring.text_distance import single_spaced
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict

THRESHOLD = 0.5  # paper (ANLS): a text that differs by more than half is another answer, not a misreading


def score_anls(response: str, expected: Expected) -> Verdict:
    """Average normalised Levenshtein similarity (Biten et al., 2019), the best over the answers.

    1 - edits / length of the longer text, case-folded and single-spaced; 0 below `THRESHOLD`. "The answer is Paris" is
    read as Paris. Unreadable if there is no answer, or two.
    """
    given = only_answer(response, expected.answers[0])
    if given is None:
        return UNREADABLE
    best = max(similarity(bare(answer).casefold(), given.casefold()) for answer in expected.answers)
    return Verdict(best if best >= THRESHOLD else 0.0, given)


def score_text(response: str, expected: Expected) -> Verdict:
    """1 - normalised edit distance of a whole text, as in OmniDocBench; case matters, line breaks do not.

    Unreadable if there is no text after the reasoning, but some is expected.
    """
    text = response.rpartition("</think>")[2].strip()
    if not text and any(map(single_spaced, expected.answers)):
        return UNREADABLE
    return Verdict(max(similarity(answer, text) for answer in expected.answers), text)


def similarity(one: str, other: str) -> float:
    """1 - edits / characters of the longer text, after normalisation (`text_distance.single_spaced`); symmetric."""
    return 1.0 - Levenshtein.normalized_distance(single_spaced(one), single_spaced(other))
