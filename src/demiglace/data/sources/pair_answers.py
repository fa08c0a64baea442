"""Preference pairs as conversations, to measure them: by turns with the chosen and the rejected answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demiglace.conversation import Conversation, Message, Text
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.object_store import StoredRecords
from demiglace.records.bad_record import BadRecord


@dataclass(frozen=True)
class PairAnswers:
    """The records of `pairs`, every second one with its rejected answer; a record that is no pair as the chat it is."""

    pairs: JsonFile | StoredRecords

    @property
    def name(self) -> str:
        return self.pairs.name

    @property
    def blocks(self) -> Sequence[int]:
        return self.pairs.blocks

    @property
    def shuffled_blocks(self) -> int | None:
        return self.pairs.shuffled_blocks

    @property
    def files(self) -> Sequence[Path]:
        return self.pairs.files

    @property
    def names_files(self) -> bool:
        return self.pairs.names_files

    def where(self, block: int, row: int) -> str:
        return self.pairs.where(block, row)

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        try:
            pair = self.pairs.preference(block, row)
        except BadRecord as error:
            try:
                return self.pairs.read(block, row, seed)
            except BadRecord:
                raise error from None
        answer = Message("assistant", (Text(pair.rejected if row % 2 else pair.chosen),))
        return Conversation((*pair.messages, answer), thinking=pair.is_long)
