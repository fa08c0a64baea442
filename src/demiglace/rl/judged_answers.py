"""Answers to a prompt with their claims and verdicts, and the file that stores them.

`answers.jsonl` has a line for each prompt. Prompts that were judged together are written together, so that a resumed
run asks nothing twice. Each process writes its own file and reads all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demiglace.rl.claim_verdict import ClaimVerdict
from demiglace.rl.claims import AtomicClaim
from demiglace.rl.rollout import Mode
from demiglace.safe_files import append_text, drop_torn_line

FILES = "answers*.jsonl"


@dataclass(frozen=True)
class JudgedClaim:
    claim: AtomicClaim
    verdict: ClaimVerdict


@dataclass(frozen=True)
class JudgedAnswer:
    """text: as for training, including reasoning. problem: why it has no score; "" if it has one."""

    text: str
    num_tokens: int
    claims: tuple[JudgedClaim, ...]
    problem: str = ""

    @property
    def score(self) -> int | None:
        """Minus the number of rejected claims (paper); None if there is a `problem`."""
        return None if self.problem else -sum(claim.verdict.is_rejected for claim in self.claims)


@dataclass(frozen=True)
class JudgedAnswers:
    """All answers to one prompt. prompt_id: number in the run's order. domain: source of the prompt."""

    prompt_id: int
    domain: str
    mode: Mode
    question: str
    answers: tuple[JudgedAnswer, ...]


class AnswerLog:
    """The answers of a run. An incomplete last line of a killed process is dropped."""

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self.folder, self.path = folder, folder / ("answers.jsonl" if rank == 0 else f"answers-{rank}.jsonl")
        folder.mkdir(parents=True, exist_ok=True)
        drop_torn_line(self.path)

    def add(self, judged: Sequence[JudgedAnswers]) -> None:
        """Append the answers in one write, and wait until they are on the disk."""
        append_text(self.path, "".join(json.dumps(_fields(answers), ensure_ascii=False) + "\n" for answers in judged))

    def read(self) -> dict[int, JudgedAnswers]:
        """The answers of all processes, by the number of the prompt; ValueError if a line is damaged."""
        found = {}
        for path in sorted(self.folder.glob(FILES)):
            # What follows the last line break is empty or an incomplete line.
            for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
                judged = _parsed(f"{path}:{number}", line)
                found[judged.prompt_id] = judged
        return dict(sorted(found.items()))


def _fields(judged: JudgedAnswers) -> dict[str, Any]:
    """Flat fields with the score, so that the file is readable."""
    answers = [
        {"score": answer.score, **asdict(answer), "claims": [_claim_fields(claim) for claim in answer.claims]}
        for answer in judged.answers
    ]
    return {**asdict(judged), "answers": answers}


def _claim_fields(judged: JudgedClaim) -> dict[str, Any]:
    return {**asdict(judged.claim), **asdict(judged.verdict)}


def _parsed(where: str, line: bytes) -> JudgedAnswers:
    try:
        fields = json.loads(line)
        return JudgedAnswers(**{**fields, "answers": tuple(map(_answer, fields["answers"]))})
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{where} is damaged: {error!r}") from error


def _answer(fields: Mapping[str, Any]) -> JudgedAnswer:
    claims = (
        JudgedClaim(AtomicClaim(claim["statement"], claim["question"]), ClaimVerdict(claim["yes"], claim["no"]))
        for claim in fields["claims"]
    )
    return JudgedAnswer(fields["text"], fields["num_tokens"], tuple(claims), fields["problem"])
