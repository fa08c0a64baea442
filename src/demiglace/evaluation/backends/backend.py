"""The interface of backends: requests in, replies as they are ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from demiglace.conversation import Conversation
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.prediction import Reply

_LIKELIEST = SamplingParams.greedy()


def chosen_fields(sampling: SamplingParams, known: Iterable[str], whom: str) -> dict[str, Any]:
    """Fields of `sampling` that differ from greedy; ValueError for any that is not a `known` field of `whom`."""
    chosen = {name: value for name, value in vars(sampling).items() if value != getattr(_LIKELIEST, name)}
    if unknown := chosen.keys() - set(known):
        raise ValueError(f"{min(unknown)} = {chosen[min(unknown)]} cannot be asked of {whom}")
    return chosen


@dataclass(frozen=True)
class Asked:
    """A question to answer; `place` is its index among the requests."""

    place: int
    conversation: Conversation
    sampling: SamplingParams


class Backend(Protocol):
    """name: of the model. weights: hash of its weights, or a substitute.

    `answers` takes requests when it has capacity, and yields each reply with the place of its request as soon as it is
    ready; a failed request gives a reply with an error.
    """

    name: str
    weights: str

    def answers(self, asked: Iterable[Asked]) -> Iterator[tuple[int, Reply]]: ...
