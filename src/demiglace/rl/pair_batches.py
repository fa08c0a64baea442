"""Preference pairs as batches for DPO: each prompt once, followed by the chosen and the rejected answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from demiglace.batch import IGNORE
from demiglace.conversation import Conversation, Message, Text
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.object_store import StoredRecords
from demiglace.processing.fitting import fit_for_answer
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.records.preferences import Preference
from demiglace.rl.preference_pairs import PreferencePair
from demiglace.rl.prompts import Prompts
from demiglace.rl.rollout_batch import RolloutBatch

ReadPair = Callable[[int], Preference]  # by number from 0; BadRecord if it cannot be used


@dataclass(frozen=True)
class PairBatches:
    """A `training.preference.PairSource`. positions: the most tokens of a prompt and an answer to it."""

    processor: Processor
    read: ReadPair
    positions: int

    def batch(self, numbers: Sequence[int]) -> RolloutBatch:
        """The batch of these pairs; ValueError if one cannot be read, or does not fit."""
        prompts, answers = zip(*map(self._prepared, numbers), strict=True)
        return RolloutBatch.of(self.processor, prompts, answers)

    def _prepared(self, number: int) -> tuple[Sample, list[list[int]]]:
        pair = self.read(number)
        answers = [answer_tokens(self.processor, text, pair.is_long) for text in (pair.chosen, pair.rejected)]
        room = self.positions - max(map(len, answers))
        # As in inference, where the policy saw these frames of videos without sampling settings.
        fitted = fit_for_answer(self.processor, Conversation(pair.messages, thinking=pair.is_long), self.positions - 1)
        return self.processor.prepare(fitted.conversation, max_tokens=room), answers


def answer_tokens(processor: Processor, text: str, is_long: bool) -> list[int]:
    """Tokens of an answer in the chat template, including the end token. A long answer includes its reasoning."""
    turns = (Message("user", (Text("."),)), Message("assistant", (Text(text),)))
    sample = processor.training_sample(Conversation(turns, thinking=is_long))
    assert sample.labels is not None
    tokens: list[int] = sample.tokens[sample.labels != IGNORE].tolist()
    return tokens


def pairs_of_prompts(prompts: Prompts, num_prompts: int, pairs: Sequence[PreferencePair]) -> ReadPair:
    """Pairs of sampled answers; the prompt is created again from its number."""
    draws = prompts.draws(0, num_prompts)

    def read(number: int) -> Preference:
        pair = pairs[number]
        prompt = prompts.read(pair.prompt_id, draws[pair.prompt_id])
        return Preference(prompt.messages, pair.chosen, pair.rejected, prompt.mode == "long")

    return read


def pairs_of_records(file: JsonFile | StoredRecords) -> ReadPair:
    """Pairs from a user's own records."""
    places = [(block, row) for block, size in enumerate(file.blocks) for row in range(size)]
    return lambda number: file.preference(*places[number])
