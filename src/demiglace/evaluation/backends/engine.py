"""Our engine: many questions at once, with shared pictures computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from os import PathLike
from pathlib import Path

from demiglace.conversation import Conversation
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.backends.backend import Asked
from demiglace.evaluation.prediction import Reply
from demiglace.evaluation.prompt_record import prompt_text, sent_parts
from demiglace.inference.answer import AnswerBuilder
from demiglace.inference.demiglace import Demiglace

ROWS = 32  # questions in progress at once (ours)


class EngineBackend:
    """A model, loaded at the first question."""

    def __init__(self, load: Callable[[], Demiglace], name: str, weights: str, rows: int = ROWS) -> None:
        self.load, self.name, self.weights, self.rows = load, name, weights, rows

    def answers(self, asked: Iterable[Asked]) -> Iterator[tuple[int, Reply]]:
        coming = iter(asked)
        if (first := next(coming, None)) is None:
            return
        assistant, waiting = self.load(), dict[int, Asked]()

        def requests() -> Iterator[tuple[Conversation, SamplingParams]]:
            for number, one in enumerate(chain((first,), coming)):
                waiting[number] = one
                yield one.conversation, one.sampling

        for number, outcome in assistant.as_completed(requests(), self.rows):
            one = waiting.pop(number)
            yield one.place, _reply(one, outcome)


def _reply(asked: Asked, outcome: AnswerBuilder | ValueError | OSError) -> Reply:
    if not isinstance(outcome, AnswerBuilder):
        return Reply(prompt_text(asked.conversation), error=str(outcome))
    answer = outcome.answer()
    return Reply(
        prompt_text(outcome.conversation),
        sent_parts(outcome.conversation),
        outcome.text,
        answer.thinking,
        answer.text,
        answer.prompt_tokens,
        answer.visual_tokens,
        answer.new_tokens,
        round(answer.seconds, 4),
        round(answer.seconds_to_first_token, 4),
        answer.stopped_by,
        list(answer.notes),
    )


def weights_hash(folder: Path, adapter: str | PathLike[str] | None = None) -> str:
    """SHA-256 of a checkpoint's safetensors files, by name, and of the adapter's; "" without any."""
    files = sorted(folder.glob("*model*.safetensors"))
    files += sorted(Path(adapter).glob("*.safetensors")) if adapter is not None else []
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            while block := content.read(2**24):
                digest.update(block)
    return digest.hexdigest() if files else ""
