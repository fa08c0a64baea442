"""Scores by edit distance: ANLS (DocVQA, InfographicVQA) and the similarity of whole texts (OmniDocBench)."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from demiglace.scoring.families.response import bare, only_answer
from demiglace.scoring.text_distance import single_spaced
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict

THRESHOLD = 0.5  # paper (ANLS): what differs by half or more is another answer, not a misreading


def score_anls(response: str, expected: Expected) -> Verdict:
    """Average normalised Levenshtein similarity (Biten et al., 2019), the best of the answers.

    1 - edits / length of the longer, of texts in one case and single-spaced; 0 below `THRESHOLD`. "The answer is
    Paris" is read as Paris. Unreadable where nothing is answered, or two things.
    """
    said = only_answer(response, expected.answers[0])
    if said is None:
        return UNREADABLE
    best = max(similarity(bare(answer).casefold(), said.casefold()) for answer in expected.answers)
    return Verdict(best if best >= THRESHOLD else 0.0, said)


def score_text(response: str, expected: Expected) -> Verdict:
    """1 - normalised edit distance of a whole text, as OmniDocBench counts it; case matters, line breaks do not.

    Unreadable where nothing is written after the reasoning, though something is wanted.
    """
    text = response.rpartition("</think>")[2].strip()
    if not text and any(map(single_spaced, expected.answers)):
        return UNREADABLE
    return Verdict(max(similarity(answer, text) for answer in expected.answers), text)


def similarity(one: str, other: str) -> float:
    """1 - edits / characters of the longer text, in one notation (`text_distance.single_spaced`); symmetric."""
    return 1.0 - Levenshtein.normalized_distance(single_spaced(one), single_spaced(other))
