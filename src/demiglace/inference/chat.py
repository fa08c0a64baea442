"""A conversation of several turns with its files and answers."""

from __future__ import annotations

from demiglace.conversation import Conversation, Message, Text
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.answer import AnswerStream
from demiglace.inference.demiglace import Demiglace
from demiglace.inference.file_parts import PartSource, part_of


class Chat:
    """Turns with one model. Computation for earlier turns, including images, is reused."""

    def __init__(self, assistant: Demiglace, system: str | None = None, sampling: SamplingParams | None = None) -> None:
        self.assistant, self.sampling = assistant, sampling
        # Each message as given, and with the sampling settings that its videos got: these stay the same in later turns.
        self._settled = [(Message("system", (Text(system),)),) * 2] if system else []
        self._last: tuple[Message, AnswerStream] | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turns so far. An unfinished last answer counts as far as it got; its turn does not if it has no text."""
        return tuple(given for given, _ in self._turns())

    def say(self, text: str, *sources: PartSource, thinking: bool = False) -> AnswerStream:
        """The answer to the next turn, about files shown now or earlier. Interrupts an unfinished previous answer."""
        if self._last is not None:
            self._last[1].close()
        self._settled, self._last = self._turns(), None
        question = Message("user", (*map(part_of, sources), Text(text)))
        conversation = Conversation((*(settled for _, settled in self._settled), question), thinking)
        stream = self.assistant.stream_answer(conversation, self.sampling)
        self._last = question, stream
        return stream

    def _turns(self) -> list[tuple[Message, Message]]:
        if self._last is None:
            return self._settled
        question, stream = self._last
        answer = stream.answer
        if answer.stopped_by == "interrupted" and not answer.text:
            return self._settled
        reply = Message("assistant", (Text(answer.text),))
        return [*self._settled, (question, stream.conversation.messages[-1]), (reply, reply)]
