"""Log-probabilities of both answers of every pair under the reference policy: computed once, and kept on disk.

`reference.jsonl` begins with a line that identifies the weights and pairs, followed by a line for each pair. Each
process writes its own file and reads all of them. Pairs of one forward pass are written together, so that a resumed run
computes the same numbers, bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from demiglace.safe_files import append_text, write_whole
from demiglace.training.distributed import ProcessGroup
from demiglace.training.losses import PairLogProbs
from demiglace.training.objective import autocast
from demiglace.training.preference import Learner, PairSource, pair_log_probs

FILES = "reference*.jsonl"


@dataclass(frozen=True)
class ReferencePairs:
    """numbers: the usable pairs; log_probs: of each of them, on the CPU."""

    numbers: list[int]
    log_probs: PairLogProbs


class ReferenceLog:
    """key: the weights, pairs and everything else that determines the numbers; lines with another key are dropped."""

    def __init__(self, folder: Path, key: Mapping[str, Any], rank: int = 0) -> None:
        self.folder, self.path = folder, folder / ("reference.jsonl" if rank == 0 else f"reference-{rank}.jsonl")
        self.key = json.dumps(key, sort_keys=True)
        folder.mkdir(parents=True, exist_ok=True)
        lines = _whole_lines(self.path)
        if not lines or lines[0] != self.key:
            lines = [self.key]
        write_whole(self.path, "".join(f"{line}\n" for line in lines))

    def lines(self) -> dict[int, dict[str, Any]]:
        """The lines of all processes, by the number of the pair."""
        files = [_whole_lines(path) for path in sorted(self.folder.glob(FILES))]
        parsed = [json.loads(line) for lines in files if lines and lines[0] == self.key for line in lines[1:]]
        return {line["pair"]: line for line in parsed}

    def add(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append the lines together, and wait until they are on the disk."""
        append_text(self.path, "".join(json.dumps(line) + "\n" for line in lines))


@dataclass(frozen=True)
class ReferencePass:
    """Computes this process's share of the pairs that are missing in a log, `micro_batch_pairs` at a time.

    count: number of all pairs. on_bad: called with a pair that cannot be used; unless it raises, the pair is left out.
    """

    pairs: PairSource
    count: int
    micro_batch_pairs: int
    log: ReferenceLog
    on_bad: Callable[[int, ValueError], None]
    ranks: ProcessGroup
    device: torch.device
    dtype: torch.dtype

    def run(self, learner: Learner, should_stop: Callable[[], bool]) -> ReferencePairs | None:
        """None if it was stopped: `should_stop` is called before each part, and returns the same in all processes.

        Raises ValueError if no pair can be used.
        """
        size = self.micro_batch_pairs
        parts = [range(start, min(start + size, self.count)) for start in range(0, self.count, size)]
        known = self.log.lines().keys()
        for start in range(0, len(parts), self.ranks.count):
            if should_stop():
                return None
            mine = parts[start + self.ranks.rank : start + self.ranks.rank + 1]
            for part in mine:
                if not known >= set(part):
                    self.log.add(self._lines(learner, part))
        self.ranks.wait()
        return self._read()

    def _read(self) -> ReferencePairs:
        lines = sorted(self.log.lines().items())
        usable = [(number, line) for number, line in lines if number < self.count and "left_out" not in line]
        if not usable:
            raise ValueError(f"none of the {self.count} pairs can be used")
        log_probs = PairLogProbs(*(torch.tensor([line[name] for _, line in usable]) for name in ("chosen", "rejected")))
        return ReferencePairs([number for number, _ in usable], log_probs)

    def _lines(self, learner: Learner, part: Sequence[int]) -> list[dict[str, Any]]:
        """Lines of all pairs, computed together; if that fails, one by one, to find the bad pair."""
        try:
            return self._computed(learner, part)
        except ValueError:
            return [line for number in part for line in self._line_of_one(learner, number)]

    def _line_of_one(self, learner: Learner, number: int) -> list[dict[str, Any]]:
        try:
            return self._computed(learner, [number])
        except ValueError as error:
            self.on_bad(number, error)
            return [{"pair": number, "left_out": str(error)}]

    @torch.no_grad()
    def _computed(self, learner: Learner, numbers: Sequence[int]) -> list[dict[str, Any]]:
        with autocast(self.device, self.dtype):
            found = pair_log_probs(learner, self.pairs.batch(numbers).to(self.device))
        both = zip(numbers, found.chosen.tolist(), found.rejected.tolist(), strict=True)
        lines = [{"pair": number, "chosen": chosen, "rejected": rejected} for number, chosen, rejected in both]
        if not (found.chosen.isfinite().all() and found.rejected.isfinite().all()):
            raise ValueError(f"the first policy gives pairs {list(numbers)} log-probabilities that are not finite")
        return lines


def _whole_lines(path: Path) -> list[str]:
    """The lines of a file, without an incomplete last one of a killed process."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return text[: text.rfind("\n") + 1].splitlines()
