"""Layouts without messages become the conversations they mean."""

import pytest

from demiglace.conversation import Conversation, Image, Message, Text
from demiglace.records.bad_record import BadRecord
from demiglace.records.formats import read_record


def read(record) -> Conversation:
    return read_record(record, "data.jsonl:17", lambda reference: f"found/{reference}")


def said(conversation: Conversation) -> list[tuple[str, list[str | Image]]]:
    return [
        (message.role, [part.text if isinstance(part, Text) else part for part in message.content])
        for message in conversation.messages
    ]


USER, ANSWER = {"role": "user", "content": "One?"}, {"role": "assistant", "content": "a"}
FIRST, SECOND = Image("found/1.png"), Image("found/2.png")


def texts(*pairs: tuple[str, str], **beside) -> dict:
    """As The Cauldron has them, with FineVision's ratings beside."""
    turns = [{"user": user, "assistant": answer, "source": "ai2d"} for user, answer in pairs]
    return {
        "images": ["1.png", "2.png"],
        "texts": turns,
        "source": "ai2d",
        "image_correspondence_ratings": [5],
    } | beside


def test_pictures_come_before_the_first_of_several_turns():
    found = said(read(texts(("What differs?", "The hat."), ("Is it red?", "Yes."))))
    assert found == [
        ("user", [FIRST, SECOND, "What differs?"]),
        ("assistant", ["The hat."]),
        ("user", ["Is it red?"]),
        ("assistant", ["Yes."]),
    ]


def test_marks_say_where_pictures_are_and_texts_need_none():
    marked = said(read(texts(("<image>One?", "Yes."), ("<image>Two?", "No."))))
    assert [content for _, content in marked] == [[FIRST, "One?"], ["Yes."], [SECOND, "Two?"], ["No."]]
    plain = read(texts(("One and one?", "Two."), images=[]))
    assert plain == Conversation(
        (Message("user", (Text("One and one?"),)), Message("assistant", (Text("Two."),))), thinking=False
    )


def test_instruction_and_input_are_one_question_after_the_history():
    record = {"instruction": "Translate.", "input": "Hund", "output": "dog", "history": [["Hi.", "Hello."]]}
    found = said(read(record | {"system": "Be brief.", "image": "1.png", "text": "Below is an instruction."}))
    assert found == [
        ("system", ["Be brief."]),
        ("user", [FIRST, "Hi."]),
        ("assistant", ["Hello."]),
        ("user", ["Translate.\nHund"]),
        ("assistant", ["dog"]),
    ]
    assert said(read({"instruction": "Say hi.", "input": "", "history": None, "output": "hi"}))[0][1] == ["Say hi."]


def test_a_prompt_and_its_completion_are_a_question_and_its_answer():
    """As TRL has them: texts, or lists of messages."""
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Read."}]
    answer = [{"role": "assistant", "content": "12"}]
    found = [("system", ["Be brief."]), ("user", [FIRST, "Read."]), ("assistant", ["12"])]
    assert said(read({"prompt": asked, "completion": answer, "images": ["1.png"]})) == found
    assert said(read({"prompt": "Read.", "completion": "12", "image": "1.png", "system": "Be brief."})) == found
    part = {"type": "image"}
    parts = [asked[0], {"role": "user", "content": [part, {"type": "text", "text": "Read."}]}]
    assert said(read({"prompt": parts, "completion": answer, "images": ["1.png"]})) == found


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (texts(("One?", "")), "an answer of the assistant is empty"),
        ({"texts": [{"user": "One?"}]}, "`assistant` of `texts` must be text, got NoneType None"),
        ({"texts": ["One?"]}, "one of `texts` must be an object with `user` and `assistant`, got str 'One?'"),
        ({"texts": []}, "`messages` must be a list of messages, got list []"),
        (texts(("<image>One?", "Yes.")), "1 marks <image>, but 2 files for them"),
        ({"instruction": "One?"}, "training needs a user turn and the assistant's last, got turns of: user"),
        ({"instruction": "One?", "output": ["a", "b"]}, "`output` must be text, got list ['a', 'b']"),
        ({"instruction": "One?", "output": "a", "history": ["Hi."]}, "one of `history` must be a pair"),
        (
            {"prompt": "One?", "completion": [{"role": "assistant", "content": "a"}]},
            "`completion` must be text, got list",
        ),
        ({"prompt": [USER], "completion": "a"}, "`prompt` must be text, got list"),
        ({"prompt": "One?"}, "a record needs `messages` or `conversations`, got prompt"),
        (
            {"prompt": [USER, ANSWER, USER], "completion": [ANSWER]},
            "`prompt` has an answer of the assistant, which would be learned too: use `messages` for that",
        ),
        (
            {"prompt": [USER], "completion": [ANSWER, USER, ANSWER]},
            "`completion` must have the assistant's answer only, got a message of: user",
        ),
        ({"prompt": "One?", "completion": "a", "label": False}, "`label` of a record says that its answer is bad"),
        ({"instruction": "One?", "output": "a", "kto_tag": False}, "`kto_tag` of a record says that its answer is bad"),
    ],
)
def test_what_is_wrong_is_told(record, message):
    with pytest.raises(BadRecord) as caught:
        read(record)
    assert message in str(caught.value)
