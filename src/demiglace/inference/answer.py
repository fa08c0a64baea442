"""An answer: as it is generated, as a stream, and complete."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Literal

from demiglace.conversation import Conversation
from demiglace.engine.token_sampler import SampledToken, StoppedBy, TokenSampler
from demiglace.inference.token_choice import TokenChoice
from demiglace.processing.chat_template import END_THINK, split_answer
from demiglace.processing.fitting import Fitted
from demiglace.processing.sample import Sample
from demiglace.processing.stop_strings import StopStrings
from demiglace.processing.tokenizer import StreamDecoder, Tokenizer


@dataclass(frozen=True)
class Answer:
    """The model's response, with its counts and times.

    thinking, text: the thoughts of a long answer ("" in short mode), and the answer itself.
    prompt_tokens, visual_tokens, new_tokens: of the prompt, of those the ones that pictures fill, of the answer (the
        closing token not counted).
    seconds_to_first_token, seconds: since the question was put, opening its files included; of a batch, since it began.
    stopped_by: "end", "stop" (at a stop string), "length" (the answer was cut), or "interrupted" (a stream left before
        its end).
    confidence: geometric mean of the probabilities of its tokens, the closing one included; 1 of no token.
    notes: what was not done as asked: a line for each video that was fitted to the room there was.
    log_probabilities: of every token, the closing one included, where they were asked for.
    follows_guide: whether `text` is complete and of the form that was asked for; None where none was.
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
    log_probabilities: tuple[TokenChoice, ...] = field(default=(), compare=False)
    follows_guide: bool | None = None


class AnswerBuilder:
    """An answer to `fitted`, of which `sample` was made, being written, token by token. `started`: `perf_counter`.

    choices: of every token so far, where log-probabilities were asked for.
    The `sampler` is told where the text comes to a stop string.
    """

    def __init__(
        self, tokenizer: Tokenizer, fitted: Fitted, sample: Sample, sampler: TokenSampler, started: float
    ) -> None:
        self.conversation, self.notes = fitted.conversation, fitted.notes
        self.prompt_tokens, self.visual_tokens = len(sample.tokens), len(sample.visual_places)
        self.sampler, self.started = sampler, started
        self.text = ""
        self.new_tokens = 0
        self.seconds_to_first_token = self.seconds = 0.0
        self.stopped_by: StoppedBy | None = None
        self._log_probabilities: list[float] = []
        self.choices: list[TokenChoice] = []
        self._tokenizer, self._decoder = tokenizer, StreamDecoder(tokenizer)
        self._stop = StopStrings(sampler.params.stop)

    def take(self, sampled: SampledToken) -> str:
        """The text that a token adds: "" while a character is incomplete or a stop string may have begun, and for
        tokens that are no text, or behind the end: with beams all tokens come together, those behind a stop string too.
        """
        if self.stopped_by:
            return ""
        self.seconds = time.perf_counter() - self.started
        self.seconds_to_first_token = self.seconds_to_first_token or self.seconds
        self.new_tokens += sampled.stopped_by != "end"
        self.stopped_by = sampled.stopped_by
        self._log_probabilities.append(sampled.log_probability)
        if self.sampler.params.logprobs is not None:
            self.choices.append(TokenChoice.of(sampled, self._tokenizer))
        new = self._text_of(sampled)
        self.text += new
        return new

    def _text_of(self, sampled: SampledToken) -> str:
        new = "" if sampled.token in self.sampler.roles.ends else self._decoder.push(sampled.token)
        new = self._stop.push(new + (self._decoder.finish() if sampled.stopped_by else ""))
        if self._stop.is_found:
            self.sampler.stop()
            self.stopped_by = "stop"
        return new + (self._stop.finish() if sampled.stopped_by else "")

    def answer(self) -> Answer:
        """The answer as far as it is written."""
        guide = self.sampler.params.guide
        thinking, text = thinking_and_text(self.text, self.conversation.thinking, guide is not None)
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
            tuple(self.choices),
            None if guide is None else guide.holds(text),
        )


def thinking_and_text(written: str, thinking: bool | None, is_guided: bool) -> tuple[str, str]:
    """What was written so far as `split_answer` splits it, given how its turn was opened.

    Of a guided answer all that is behind the thoughts is text, character by character: in a form white space counts,
    and what looks like a mark.
    """
    thoughts, text = split_answer(written, thinking)
    if not is_guided:
        return thoughts, text
    return thoughts, written.partition(END_THINK)[2].removeprefix("\n\n") if thinking else written


class AnswerStream(Iterator[str]):
    """The pieces of one answer as they are written, thoughts and all; `answer` is what there is so far."""

    def __init__(self, tokens: Generator[SampledToken], builder: AnswerBuilder) -> None:
        self._tokens, self._draft = tokens, builder

    def __next__(self) -> str:
        while True:
            if piece := self._draft.take(next(self._tokens)):
                return piece

    def close(self) -> None:
        """Leave the answer as it is; nothing more of it is computed."""
        self._tokens.close()

    @property
    def conversation(self) -> Conversation:
        """What is answered, with the numbers that its videos were given."""
        return self._draft.conversation

    @property
    def answer(self) -> Answer:
        return self._draft.answer()
