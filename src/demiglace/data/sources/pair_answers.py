"""Preference pairs as conversations, to measure them: by turns with the chosen and the rejected answer."""

from __future__ import annotations

from dataclasses import dataclass

from demiglace.conversation import Conversation, Message, Text
from demiglace.data.source import WrappedSource
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.object_store import StoredRecords
from demiglace.records.bad_record import BadRecord


@dataclass(frozen=True)
class PairAnswers(WrappedSource):
    """The records of `source`, every second pair with its rejected answer; a record that is no pair as it is."""

    source: JsonFile | StoredRecords

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        try:
            pair = self.source.preference(block, row)
        except BadRecord as error:
            try:
                return self.source.read(block, row, seed)
            except BadRecord:
                raise error from None
        answer = Message("assistant", (Text(pair.rejected if row % 2 else pair.chosen),))
        return Conversation((*pair.messages, answer), thinking=pair.is_long)
