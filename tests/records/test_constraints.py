"""Constraints beside the messages of a record: kept as they are, read by whoever scores, and no concern of others."""

import pytest

from demiglace.conversation import Conversation
from demiglace.records.bad_record import BadRecord
from demiglace.records.constraints import ConstrainedConversation
from demiglace.records.formats import read_record
from demiglace.scoring.constraints.constraint import Bounds
from demiglace.scoring.constraints.counted import UnitCount
from demiglace.scoring.constraints.ifeval import IfevalInstruction

ASKED = {"role": "user", "content": "Three words."}
ANSWERED = {"role": "assistant", "content": "One two three."}
THREE = {"kind": "words", "exactly": 3}


def read(**record: object) -> Conversation:
    return read_record(record, "a.jsonl:1", find=lambda name: b"")


@pytest.mark.parametrize("messages", [[ASKED], [ASKED, ANSWERED]])
def test_an_answer_may_be_there_or_not(messages: list[dict[str, str]]) -> None:
    found = read(messages=messages, constraints=[THREE])
    assert isinstance(found, ConstrainedConversation)
    assert found.constraints() == (UnitCount("words", Bounds.exactly(3)),)
    assert len(found.messages) == len(messages)


def test_ifevals_fields_are_read_and_come_behind() -> None:
    ids = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"num_words": None}]}
    found = read(conversations=[{"from": "human", "value": "?"}], **ids)
    assert isinstance(found, ConstrainedConversation)
    assert found.constraints() == (IfevalInstruction("punctuation:no_comma"),)
    both = read(messages=[ASKED], constraints=[THREE], **ids)
    assert isinstance(both, ConstrainedConversation)
    assert len(both.constraints()) == 2


def test_without_constraints_a_record_ends_with_the_assistant() -> None:
    with pytest.raises(BadRecord, match="training needs a user turn and the assistant's last, got turns of: user"):
        read(messages=[ASKED], constraints=[])
    with pytest.raises(BadRecord, match="got turns of: user, assistant, system"):
        read(messages=[ASKED, ANSWERED, {"role": "system", "content": "So."}], constraints=[THREE])
    assert type(read(messages=[ASKED, ANSWERED], kwargs=[{}])) is Conversation


def test_another_meaning_of_the_key_is_told_where_answers_are_scored_alone() -> None:
    found = read(messages=[ASKED, ANSWERED], constraints=[["Format", "picture.png"]])
    assert isinstance(found, ConstrainedConversation)
    with pytest.raises(ValueError, match=r"constraints\[0\] must be a table"):
        found.constraints()
