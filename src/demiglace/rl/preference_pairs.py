"""Judged answers -> pairs for DPO: of two answers to a prompt the one with fewer rejected claims is preferred.

Fewer claims mean fewer rejected ones, so short answers would win. Pairs are chosen so that the sum over all of chosen
minus rejected tokens stays near 0 (length balance: the paper and RLAIF-V name it, the rule is ours).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path

from demiglace.rl.judged_answers import JudgedAnswer, JudgedAnswers
from demiglace.rl.rollout import Mode
from demiglace.safe_files import write_whole


@dataclass(frozen=True)
class PreferencePair:
    """prompt_id: of the run's order. Scores: minus the number of rejected claims. Tokens: of each answer."""

    prompt_id: int
    domain: str
    mode: Mode
    question: str
    chosen: str
    rejected: str
    chosen_score: int
    rejected_score: int
    chosen_tokens: int
    rejected_tokens: int


def choose_pairs(judged: Iterable[JudgedAnswers], most_of_a_prompt: int = 2) -> list[PreferencePair]:
    """At most so many of each prompt (paper: 2), scores at least 1 apart, no two of the same texts."""
    pairs: list[PreferencePair] = []
    balance = 0
    for answers in judged:
        candidates = _candidates(answers)
        for _ in range(min(most_of_a_prompt, len(candidates))):
            best = min(candidates, key=lambda pair: _order(pair, balance))
            candidates.remove(best)
            pairs.append(best)
            balance += _longer(best)
    return pairs


def _candidates(judged: JudgedAnswers) -> list[PreferencePair]:
    unlike = list({one.text: one for one in judged.answers if one.score is not None}.values())
    return [_pair(judged, one, other) for one, other in permutations(unlike, 2) if _score(one) > _score(other)]


def _score(answer: JudgedAnswer) -> int:
    assert answer.score is not None
    return answer.score


def _pair(judged: JudgedAnswers, chosen: JudgedAnswer, rejected: JudgedAnswer) -> PreferencePair:
    return PreferencePair(
        judged.prompt_id, judged.domain, judged.mode, judged.question, chosen.text, rejected.text,
        _score(chosen), _score(rejected), chosen.num_tokens, rejected.num_tokens,
    )  # fmt: skip


def _order(pair: PreferencePair, balance: int) -> tuple[int, int]:
    """The one that keeps the balance first, then the one whose scores are farthest apart."""
    return abs(balance + _longer(pair)), pair.rejected_score - pair.chosen_score


def _longer(pair: PreferencePair) -> int:
    return pair.chosen_tokens - pair.rejected_tokens


def mean_longer(pairs: Sequence[PreferencePair]) -> float:
    """Tokens by which chosen answers are longer than rejected ones, on average."""
    return sum(map(_longer, pairs)) / len(pairs)


def write_pairs(path: Path, pairs: Sequence[PreferencePair]) -> None:
    """JSON Lines, all or nothing."""
    write_whole(path, "".join(json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs))


def read_pairs(path: Path) -> list[PreferencePair]:
    """ValueError where a line is damaged."""
    found = []
    # Answers may have other line ends, such as U+2028, which JSON leaves as they are.
    for number, line in enumerate(path.read_bytes().removesuffix(b"\n").split(b"\n"), 1):
        try:
            found.append(PreferencePair(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}:{number} is damaged: {error}") from error
    return found
