"""An answer: in progress, as a stream, and complete."""

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

    thinking, text: the reasoning of a long answer ("" in short mode), and the answer itself.
    prompt_tokens, visual_tokens, new_tokens: tokens of the prompt, how many of them are visual, tokens of the answer
        (without the end token).
    seconds_to_first_token, seconds: since the request was started, including opening its files.
    stopped_by: "end", "stop" (at a stop string), "length" (the answer was truncated), or "interrupted" (a stream was
        left before its end).
    confidence: geometric mean of the probabilities of its tokens, including the end token; 1 without tokens.
    notes: deviations from the request: a line for each video that was fitted into the available tokens.
    log_probabilities: of every token, including the end token, if requested.
    follows_guide: whether `text` is complete and follows the requested guide; None without a guide.
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
    """Builds the answer to `fitted`, from which `sample` was made, token by token. `started`: `perf_counter`.

    choices: of every token so far, if log-probabilities were requested.
    The `sampler` is told when the text reaches a stop string.
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
        """The text that a token adds: "" while a character is incomplete or a stop string may have begun, for tokens
        without text, and after the end: with beam search all tokens come together, also those after a stop string.
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
        """The answer so far."""
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
    """The text so far, split as in `split_answer`, given how its turn was opened.

    In a guided answer, everything after the reasoning is kept verbatim: under a guide, whitespace counts, and so does
    text that looks like a special token.
    """
    thoughts, text = split_answer(written, thinking)
    if not is_guided:
        return thoughts, text
    return thoughts, written.partition(END_THINK)[2].removeprefix("\n\n") if thinking else written


class AnswerStream(Iterator[str]):
    """The pieces of one answer as they are generated, including reasoning; `answer` is the answer so far."""

    def __init__(self, tokens: Generator[SampledToken], builder: AnswerBuilder) -> None:
        self._tokens, self._builder = tokens, builder

    def __next__(self) -> str:
        while True:
            if piece := self._builder.take(next(self._tokens)):
                return piece

    def close(self) -> None:
        """Stop generating; the answer so far is kept."""
        self._tokens.close()

    @property
    def conversation(self) -> Conversation:
        """The conversation that is answered, with the sampling settings that its videos were given."""
        return self._builder.conversation

    @property
    def answer(self) -> Answer:
        return self._builder.answer()
