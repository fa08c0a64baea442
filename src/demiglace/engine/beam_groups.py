"""Beam search in an engine: requests whose beams begin in the same step are searched together.

A beam is a sequence of its own that shares the full blocks of its parent. If a request is pre-empted, its search
restarts: none of its tokens have been returned yet, and the search is deterministic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from demiglace.engine.beam_search import BeamSearch
from demiglace.engine.decode_window import DecodeWindow
from demiglace.engine.sampling import check_finite
from demiglace.engine.scheduler import Scheduler
from demiglace.engine.sequence import Sequence
from demiglace.engine.token_roles import TokenRoles


@dataclass(frozen=True)
class FoundAnswer:
    """The tokens of a finished request, and the model's own log-probabilities of them."""

    leader: Sequence
    tokens: list[int]
    log_probabilities: list[float]


@dataclass(frozen=True)
class FailedSearch:
    """A request whose search raised an error."""

    leader: Sequence
    error: Exception


Ended = FoundAnswer | FailedSearch


@dataclass(eq=False)
class _Cohort:
    """Requests that share a search, in the order of its rows."""

    search: BeamSearch
    leaders: list[Sequence]

    @property
    def beams(self) -> list[Sequence]:
        return [beam for leader in self.leaders for beam in leader.beams]


class BeamGroups:
    """The searches in progress."""

    def __init__(self, scheduler: Scheduler, window: DecodeWindow) -> None:
        self.scheduler, self.window = scheduler, window
        self._cohorts: list[_Cohort] = []

    def advance(self, rows: Mapping[Sequence, int], logits: Tensor) -> list[Ended]:
        """Advance by a token: at a decode all beams, after a prompt the beams that begin. Returns what has ended.

        An exception in a search ends only its own requests.

        rows: index of each beam or prompt in logits, which are float32 (rows, vocabulary) and finite.
        """
        for cohort in self._cohorts:
            self._keep(cohort, [place for place, leader in enumerate(cohort.leaders) if _is_running(leader)])
        ended: list[Ended] = []
        for leaders in _leaders_by_kind(rows):
            with _failing_alone(leaders, ended):
                self._cohorts.append(self._started(leaders, logits.device))
        for cohort in self._cohorts:
            places = [rows.get(beam, rows.get(leader)) for leader in cohort.leaders for beam in leader.beams]
            if places and None not in places:  # beams wait while other prompts are computed
                with _failing_alone(cohort.leaders, ended):
                    ended += self._step(cohort, logits[places])
        failed = {end.leader for end in ended if isinstance(end, FailedSearch)}
        self._cohorts = [cohort for cohort in self._cohorts if cohort.leaders and failed.isdisjoint(cohort.leaders)]
        return ended

    def _started(self, leaders: list[Sequence], device: torch.device) -> _Cohort:
        for leader in leaders:
            self.scheduler.begin_beams(leader)
        self.window.begin_beams(leaders)
        params = [leader.sampler.fitted_params for leader in leaders]
        lengths = [len(leader.prompt) for leader in leaders]
        return _Cohort(BeamSearch(lengths, params, leaders[0].sampler.roles, device), leaders)

    def _step(self, cohort: _Cohort, logits: Tensor) -> list[FoundAnswer]:
        """logits: of the beams of all requests, one request after another."""
        parents, over = cohort.search.advance(logits)
        best = [(cohort.leaders[place], cohort.search.best(place)) for place in over]
        beams = cohort.beams
        parent_of = dict(zip(beams, (beams[place] for place in parents.tolist()), strict=True))
        self._keep(cohort, sorted(set(range(len(cohort.leaders))) - set(over)))
        self._follow(cohort, parent_of)
        return [FoundAnswer(leader, answer.tokens, answer.log_probabilities) for leader, answer in best]

    def _follow(self, cohort: _Cohort, parent_of: Mapping[Sequence, Sequence]) -> None:
        """Let beams continue from the keys and values of their parents, with the newest tokens."""
        beams = cohort.beams
        moved = [beam for beam in beams if parent_of[beam] is not beam]
        parents = [parent_of[beam] for beam in moved]
        inherited = [(parent.blocks[: parent.num_committed], parent.hashes.copy()) for parent in parents]
        for beam, (blocks, hashes) in zip(moved, inherited, strict=True):
            self.scheduler.blocks.share(beam, blocks)
            beam.hashes = hashes
        if moved and (num_generated := moved[0].num_computed - len(moved[0].prompt)):
            self.window.copy_from_parents(moved, parents, num_generated)
        for beam, tokens in zip(beams, cohort.search.begun.tokens.flatten(0, 1).tolist(), strict=True):
            beam.output_tokens = tokens

    def _keep(self, cohort: _Cohort, places: list[int]) -> None:
        if len(places) < len(cohort.leaders):
            cohort.search.keep(places)
            cohort.leaders = [cohort.leaders[place] for place in places]


@contextmanager
def _failing_alone(leaders: list[Sequence], ended: list[Ended]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        ended += [FailedSearch(leader, error) for leader in leaders]


def _is_running(leader: Sequence) -> bool:
    """Whether its beams have neither been cancelled nor pre-empted."""
    return bool(leader.beams) and leader.beams[0].num_computed > 0


def _leaders_by_kind(rows: Mapping[Sequence, int]) -> list[list[Sequence]]:
    """Sequences whose beams begin, grouped by number of beams and token roles."""
    kinds: dict[tuple[int, TokenRoles], list[Sequence]] = {}
    for sequence in rows:
        if sequence.leader is None:
            kinds.setdefault((sequence.num_rows, sequence.sampler.roles), []).append(sequence)
    return list(kinds.values())


def non_finite_rows(rows: Mapping[Sequence, int], logits: Tensor) -> Iterator[tuple[Sequence, ValueError]]:
    """Sequences whose rows of logits are not finite, each with its error."""
    totals = logits[list(rows.values())].logsumexp(dim=1).tolist()
    for sequence, total in zip(rows, totals, strict=True):
        try:
            check_finite(total)
        except ValueError as error:
            yield sequence, error
