"""From judged answers to pairs for DPO: of two answers to a prompt, the one with fewer rejected claims is preferred.

Fewer claims mean fewer rejected ones, so short answers would win. Pairs are therefore chosen so that the sum of chosen
minus rejected tokens over all pairs stays near 0 (length balance: the paper and RLAIF-V name it, the rule is ours).
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
    """prompt_id: number in the run's order. Scores: minus the rejected claims. Tokens: of each answer."""

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
    """At most so many pairs of each prompt (paper: 2), with scores at least 1 apart, no two with the same texts."""
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
    """Sort key: first the balance of lengths, then the larger difference of scores."""
    return abs(balance + _longer(pair)), pair.rejected_score - pair.chosen_score


def _longer(pair: PreferencePair) -> int:
    return pair.chosen_tokens - pair.rejected_tokens


def mean_longer(pairs: Sequence[PreferencePair]) -> float:
    """Tokens by which chosen answers are longer than rejected ones, on average."""
    return sum(map(_longer, pairs)) / len(pairs)


def write_pairs(path: Path, pairs: Sequence[PreferencePair]) -> None:
    """Write JSON Lines atomically."""
    write_whole(path, "".join(json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs))


def read_pairs(path: Path) -> list[PreferencePair]:
    """The pairs of a file; ValueError if a line is damaged."""
    found = []
    # Answers may contain other line breaks, such as U+2028, which JSON does not escape.
    for number, line in enumerate(path.read_bytes().removesuffix(b"\n").split(b"\n"), 1):
        try:
            found.append(PreferencePair(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}:{number} is damaged: {error}") from error
    return found
