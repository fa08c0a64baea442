"""What every backend offers: requests in, replies as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from demiglace.conversation import Conversation
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.prediction import Reply

_LIKELIEST = SamplingParams.greedy()


def chosen_fields(sampling: SamplingParams, known: Iterable[str], whom: str) -> dict[str, Any]:
    """Where `sampling` differs from greedy answers; ValueError on what is not among the `known` fields of `whom`."""
    chosen = {name: value for name, value in vars(sampling).items() if value != getattr(_LIKELIEST, name)}
    if unknown := chosen.keys() - set(known):
        raise ValueError(f"{min(unknown)} = {chosen[min(unknown)]} cannot be asked of {whom}")
    return chosen


@dataclass(frozen=True)
class Asked:
    """A question that is to be answered; `place` is its number among those asked."""

    place: int
    conversation: Conversation
    sampling: SamplingParams


class Backend(Protocol):
    """name: of the model. weights: hash of its weights, or what stands for it.

    `answers` takes requests as it has room, and gives each reply with the place of its request when it is there; one
    that fails is a reply with an error.
    """

    name: str
    weights: str

    def answers(self, asked: Iterable[Asked]) -> Iterator[tuple[int, Reply]]: ...
