"""An answer: as it is generated, as a stream, and complete."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from demiglace.conversation import Conversation
from demiglace.engine.static_batch import Step
from demiglace.engine.token_sampler import SampledToken, StoppedBy
from demiglace.processing.chat_template import split_answer
from demiglace.processing.fitting import Fitted
from demiglace.processing.sample import Sample
from demiglace.processing.tokenizer import STRUCTURE, StreamDecoder, Tokenizer


@dataclass(frozen=True)
class Answer:
    """The model's response, with its counts and times.

    thinking, text: the thoughts of a long answer ("" in short mode), and the answer itself.
    prompt_tokens, visual_tokens, new_tokens: of the prompt, of those the ones that pictures fill, of the answer (the
        closing token not counted).
    seconds_to_first_token, seconds: since the question was put, opening its files included; of a batch, since it began.
    stopped_by: "end", "length" (the answer was cut), or "interrupted" (a stream left before its end).
    confidence: geometric mean of the probabilities of its tokens, the closing one included; 1 of no token.
    notes: what was not done as asked: a line for each video that was fitted to the room there was.
    """

    thinking: str
    text: str
    prompt_tokens: int
    visual_tokens: int
    new_tokens: int
    seconds_to_first_token: float
    seconds: float
    stopped_by: StoppedBy | Literal["interrupted"]
    confidence: float = field(compare=False)  # the last digits depend on what else was in the batch
    notes: tuple[str, ...] = ()


class AnswerBuilder:
    """An answer to `fitted`, of which `sample` was made, being written, token by token. `started`: `perf_counter`."""

    def __init__(self, tokenizer: Tokenizer, fitted: Fitted, sample: Sample, started: float) -> None:
        self.conversation, self.notes = fitted.conversation, fitted.notes
        self.prompt_tokens, self.visual_tokens = len(sample.tokens), len(sample.visual_places)
        self.started = started
        self.text = ""
        self.new_tokens = 0
        self.seconds_to_first_token = self.seconds = 0.0
        self.stopped_by: StoppedBy | None = None
        self._log_probabilities: list[float] = []
        self._decoder = StreamDecoder(tokenizer)
        self._silent = {tokenizer.special[role] for role in STRUCTURE}

    def take(self, sampled: SampledToken) -> str:
        """The text that a token adds: "" while a character is incomplete, and for tokens that are no text."""
        self.seconds = time.perf_counter() - self.started
        self.seconds_to_first_token = self.seconds_to_first_token or self.seconds
        self.new_tokens += sampled.stopped_by != "end"
        self.stopped_by = sampled.stopped_by
        self._log_probabilities.append(sampled.log_probability)
        new = "" if sampled.token in self._silent else self._decoder.push(sampled.token)
        if sampled.stopped_by:
            new += self._decoder.finish()
        self.text += new
        return new

    def answer(self) -> Answer:
        """The answer as far as it is written."""
        thinking, text = split_answer(self.text, self.conversation.thinking)
        return Answer(
            thinking,
            text,
            self.prompt_tokens,
            self.visual_tokens,
            self.new_tokens,
            self.seconds_to_first_token,
            self.seconds,
            self.stopped_by or "interrupted",
            math.exp(sum(self._log_probabilities) / max(len(self._log_probabilities), 1)),
            self.notes,
        )


class AnswerStream(Iterator[str]):
    """The pieces of one answer as they are written, thoughts and all; `answer` is what there is so far."""

    def __init__(self, steps: Iterator[Step], builder: AnswerBuilder) -> None:
        self._steps, self._draft = steps, builder

    def __next__(self) -> str:
        while True:
            if piece := self._draft.take(next(self._steps).sampled):
                return piece

    @property
    def conversation(self) -> Conversation:
        """What is answered, with the numbers that its videos were given."""
        return self._draft.conversation

    @property
    def answer(self) -> Answer:
        return self._draft.answer()
