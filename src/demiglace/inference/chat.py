"""A conversation of several turns with its files and answers."""

from __future__ import annotations

from demiglace.conversation import Conversation, Message, Text
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.answer import AnswerStream
from demiglace.inference.demiglace import Demiglace
from demiglace.inference.file_parts import PartSource, part_of


class Chat:
    """Turns with one model. What was computed for earlier turns, images included, is reused."""

    def __init__(self, assistant: Demiglace, system: str | None = None, sampling: SamplingParams | None = None) -> None:
        self.assistant, self.sampling = assistant, sampling
        # Each message as it was put, and with the numbers that its videos were given: those are remembered and stay.
        self._settled = [(Message("system", (Text(system),)),) * 2] if system else []
        self._last: tuple[Message, AnswerStream] | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turns so far. A last answer counts as far as it was written; its turn does not if nothing was."""
        return tuple(put for put, _ in self._so_far())

    def say(self, text: str, *sources: PartSource, thinking: bool = False) -> AnswerStream:
        """The answer to the next turn, about files shown now or earlier. Reading it in part interrupts it."""
        if self._last is not None:
            self._last[1].close()
        self._settled, self._last = self._so_far(), None
        question = Message("user", (*map(part_of, sources), Text(text)))
        conversation = Conversation((*(shown for _, shown in self._settled), question), thinking)
        stream = self.assistant.stream_answer(conversation, self.sampling)
        self._last = question, stream
        return stream

    def _so_far(self) -> list[tuple[Message, Message]]:
        if self._last is None:
            return self._settled
        question, stream = self._last
        answer = stream.answer
        if answer.stopped_by == "interrupted" and not answer.text:
            return self._settled
        said = Message("assistant", (Text(answer.text),))
        return [*self._settled, (question, stream.conversation.messages[-1]), (said, said)]
