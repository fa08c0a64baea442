"""Preference records in the formats that people have."""

import pytest

from demiglace.conversation import Image, Text
from demiglace.records.bad_record import BadRecord
from demiglace.records.preferences import read_preference

USER = {"role": "user", "content": "What is it?"}


def said(text):
    return {"role": "assistant", "content": text}


def read(record, where="pairs.jsonl:1"):
    return read_preference(record, where, lambda reference: f"found/{reference}")


SHOWN = [
    {"prompt": "<image>What is it?", "chosen": "A dog.", "rejected": "A cat.", "image": "1.png"},
    {"question": "What is it?", "chosen": "A dog.", "rejected": "A cat.", "images": ["1.png"], "idx": 4},
    {"prompt": [USER], "chosen": [said("A dog.")], "rejected": [said("A cat.")], "images": ["1.png"]},
    {
        "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}],
        "chosen": [said([{"type": "text", "text": "A dog."}])],
        "rejected": [said([{"type": "text", "text": "A cat."}])],
        "images": ["1.png"],
    },
    {"chosen": [USER, said("A dog.")], "rejected": [USER, said("A cat.")], "images": ["1.png"]},
    {
        "conversations": [{"from": "human", "value": "<image>What is it?"}],
        "chosen": {"from": "gpt", "value": "A dog."},
        "rejected": {"from": "gpt", "value": "A cat."},
        "images": ["1.png"],
    },
    {"messages": [USER, said("A dog.")], "rejected_response": "A cat.", "images": ["1.png"]},
    {"messages": [USER], "chosen": "A dog.", "rejected": "A cat.", "images": ["1.png"]},
    {"instruction": "What is it?", "input": "", "chosen": "A dog.", "rejected": "A cat.", "images": ["1.png"]},
    # Whole conversations with their prompt once more, as many data sets on the hub have it.
    {
        "prompt": "What is it?",
        "chosen": [USER, said("A dog.")],
        "rejected": [USER, said("A cat.")],
        "images": ["1.png"],
    },
    {
        "prompt": "What is it?",
        "messages": [USER, said("A dog.")],
        "chosen": [USER, said("A dog.")],
        "rejected": [USER, said("A cat.")],
        "images": ["1.png"],
    },
    {
        "prompt": [USER],
        "chosen": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": USER["content"]}]},
            said("A dog."),
        ],
        "rejected": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": USER["content"]}]},
            said("A cat."),
        ],
        "images": ["1.png"],
    },
]


@pytest.mark.parametrize("record", SHOWN, ids=range(len(SHOWN)))
def test_every_format_gives_the_same_pair(record):
    pair = read(record)
    assert (pair.chosen, pair.rejected, pair.is_long) == ("A dog.", "A cat.", False)
    (message,) = pair.messages
    assert message.role == "user"
    assert [part for part in message.content if isinstance(part, Image)] == [Image("found/1.png")]
    assert [part.text.strip() for part in message.content if isinstance(part, Text)] == ["What is it?"]


def test_earlier_turns_belong_to_the_prompt():
    record = {"prompt": [USER, said("A dog."), {"role": "user", "content": "Which?"}], "chosen": "x", "rejected": "y"}
    assert [message.role for message in read(record).messages] == ["user", "assistant", "user"]


def test_instruction_input_and_history_are_the_prompt():
    record = {"instruction": "Translate.", "input": "Hund", "history": [["Hi.", "Hello."]], "chosen": "dog"}
    pair = read(record | {"rejected": "cat", "system": "Be brief.", "output": "x"})
    said = [part.text for message in pair.messages for part in message.content]
    assert (said, pair.chosen) == (["Be brief.", "Hi.", "Hello.", "Translate.\nHund"], "dog")


def test_thoughts_of_both_answers_make_it_a_long_one():
    record = {"prompt": "What?", "chosen": "<think>\na\n</think>\n\nb", "rejected": "<think>\nc\n</think>\n\nd"}
    assert read(record).is_long
    with pytest.raises(BadRecord, match="one of the answers has thoughts and the other has none"):
        read({**record, "rejected": "d"})


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "a record must be an object, got list"),
        ({"prompt": "What?", "chosen": "a"}, "a preference needs `rejected`: a text, a message or a list of messages"),
        ({"prompt": "What?", "chosen": "a", "rejected": "a"}, "chosen and the rejected answer are the same: 'a'"),
        ({"prompt": "What?", "chosen": "a", "rejected": ""}, "an answer of the assistant is empty"),
        ({"prompt": "<image>?", "chosen": "a", "rejected": "b"}, "image"),
        ({"chosen": "a", "rejected": "b"}, "user turn"),
        ({"prompt": 3, "chosen": "a", "rejected": "b"}, "must be text or a list of parts"),
        (
            {"prompt": "Where is it?", "chosen": [USER, said("a")], "rejected": [USER, said("b")]},
            "`chosen` has the user's turns, but not the one of the prompt beside it: str 'Where is it?'",
        ),
        (
            {"messages": [USER, said("a")], "chosen": "a", "rejected": "b"},
            "the turn before the answers must be the user's, but it is the assistant's",
        ),
        (
            {"chosen": [USER, said("a")], "rejected": [{"role": "user", "content": "Who?"}, said("b")]},
            "the chosen and the rejected conversation differ before their last message",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(record, message):
    with pytest.raises(BadRecord, match=r"pairs\.jsonl:1") as caught:
        read(record)
    assert message in str(caught.value)
