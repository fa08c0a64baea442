"""Rollouts as JSON Lines: a line for each prompt of a batch with all its answers, on the disk before training on them.

A resumed run finds the answers of the current batch here, so that none is sampled twice. Each process writes its own
file and reads all of them: a run may resume with another number of processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from demiglace.rl.probability_reward import ScoredBy
from demiglace.rl.rollout import Group, Reward, Rollout
from demiglace.safe_files import append_text, drop_torn_line
from demiglace.scoring.constraints.record import read_constraints
from demiglace.scoring.question import Question

FILES = "rollouts*.jsonl"


@dataclass(frozen=True)
class ScoredGroup:
    """A group with rewards and advantages of its answers; an advantage of None means not scored."""

    group: Group
    scored_by: ScoredBy
    rewards: tuple[Reward, ...]
    advantages: tuple[float | None, ...]


class RolloutLog:
    """The rollouts of one stage. An incomplete last line of a killed process is dropped."""

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self.folder, self.path = folder, folder / ("rollouts.jsonl" if rank == 0 else f"rollouts-{rank}.jsonl")
        folder.mkdir(parents=True, exist_ok=True)
        drop_torn_line(self.path)
        self._known = {key: place for path in sorted(folder.glob(FILES)) for key, place in _places(path)}

    def add(self, groups: Sequence[ScoredGroup]) -> None:
        """Append groups, and wait until they are on the disk."""
        append_text(self.path, "".join(json.dumps(_fields(group)) + "\n" for group in groups))

    def find(self, prompt_ids: Sequence[int], policy_version: int) -> list[ScoredGroup]:
        """The logged groups of these prompts that were answered with these weights, in this order."""
        keys = [(number, policy_version) for number in prompt_ids]
        return [_read(*self._known[key]) for key in keys if key in self._known]


def read_rollouts(folder: Path) -> Iterator[ScoredGroup]:
    """All logged groups of a run, each prompt and version once; ValueError if there is none or a line is damaged."""
    found = {key: place for path in sorted(folder.glob(FILES)) for key, place in _places(path)}
    if not found:
        raise ValueError(f"{folder} has no rollouts")
    for _, place in sorted(found.items()):
        yield _read(*place)


def _places(path: Path) -> Iterator[tuple[tuple[int, int], tuple[Path, int]]]:
    """Pairs of (prompt, version of the policy) and the place where its line begins."""
    start = 0
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                with _damage_named(path, start):
                    first = json.loads(line)["answers"][0]
                    key = int(first["prompt_id"]), int(first["policy_version"])
                yield key, (path, start)
            start += len(line)


@contextmanager
def _damage_named(path: Path, start: int) -> Iterator[None]:
    """Turns errors in the line that begins there into a ValueError that names the place."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        reason = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(f"{path} is damaged at byte {start}: {reason}") from error


def _fields(scored: ScoredGroup) -> dict[str, Any]:
    group = scored.group
    answers = [
        {**asdict(rollout), "reward": reward.value, "terms": dict(reward.terms), "advantage": advantage}
        for rollout, reward, advantage in zip(group.rollouts, scored.rewards, scored.advantages, strict=True)
    ]
    return {
        "domain": group.domain,
        "mode": group.mode,
        "scored_by": scored.scored_by,
        "question": _question_fields(group.question),
        "answers": answers,
    }


def _read(path: Path, start: int) -> ScoredGroup:
    with path.open("rb") as file, _damage_named(path, start):
        file.seek(start)
        return _scored(json.loads(file.readline()))


def _scored(fields: Mapping[str, Any]) -> ScoredGroup:
    answers, question = fields["answers"], _question(fields["question"])
    return ScoredGroup(
        Group(question, tuple(_rollout(answer) for answer in answers), fields["domain"]),
        fields["scored_by"],
        tuple(Reward(answer["reward"], answer["terms"]) for answer in answers),
        tuple(answer["advantage"] for answer in answers),
    )


def _question_fields(question: Question) -> dict[str, Any]:
    fields = asdict(replace(question, constraints=()))
    return fields | {"constraints": [constraint.record for constraint in question.constraints]}


def _question(fields: Mapping[str, Any]) -> Question:
    """Logs of older runs, before constraints existed, have none."""
    held = {key: _frozen(value) for key, value in fields.items()}
    constraints = read_constraints(fields["constraints"]) if fields.get("constraints") else ()
    return Question(**{**held, "constraints": constraints})


def _rollout(answer: Mapping[str, Any]) -> Rollout:
    names = Rollout.__dataclass_fields__
    return Rollout(**{name: _frozen(answer[name]) for name in names})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
