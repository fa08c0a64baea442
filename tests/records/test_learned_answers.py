"""A record that says that an answer is not to be learned is a bad record, since all answers are learned."""

import pytest
from chat_records import ANSWER, find

from demiglace.conversation import Conversation
from demiglace.records.bad_record import BadRecord
from demiglace.records.formats import read_record

USER = {"role": "user", "content": "What?"}


def read(answer: dict, **beside: object) -> Conversation:
    return read_record({"messages": [USER, answer], **beside}, "data.jsonl:17", find)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"weight": 0}, "got int 0"),
        ({"loss": False}, "got bool False"),
        ({"loss_scale": 0.0}, "got float 0.0"),
        ({"loss_weight": 0}, "got int 0"),
        ({"train": 0.5}, "got float 0.5"),
        ({"train_on_turn": False}, "got bool False"),
        ({"trainable": False}, "got bool False"),
        ({"mask": True}, "got bool True"),
        ({"masked": 1}, "got int 1"),
        ({"loss_mask": 0}, "got int 0"),
        ({"step_loss_mask": 0}, "got int 0"),
    ],
)
def test_an_answer_that_is_not_to_be_learned(fields: dict[str, object], why: str) -> None:
    (key,) = fields
    with pytest.raises(BadRecord, match=f"`{key}` of an answer is not supported, {why}: all answers are learned"):
        read(ANSWER | fields)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"label": False}, "`label` of a record says that its answer is bad, got False: all answers are learned"),
        ({"kto_tag": False}, "`kto_tag` of a record says that its answer is bad, got False"),
        ({"weight": 0.5}, "`weight` of a record is not supported, got float 0.5: all records weigh the same"),
        ({"sample_weight": 0}, "`sample_weight` of a record is not supported, got int 0"),
        ({"mask_history": True}, "`mask_history` of a record is not supported, got bool True: all answers are learned"),
    ],
)
def test_a_record_whose_answers_are_not_to_be_learned(fields: dict[str, object], why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        read(ANSWER, **fields)


def test_a_record_may_say_that_its_answers_are_learned() -> None:
    answer = ANSWER | {"mask": False, "masked": 0, "loss_scale": 1.0, "loss_weight": 1, "train_on_turn": True}
    assert read(answer, label=True, kto_tag=None, mask_history=False, weight=1.0) == read(ANSWER)
    assert read(ANSWER | {"loss_mask": 1, "step_loss_mask": 1}, weight="250 g") == read(ANSWER)


THOUGHT = ANSWER | {"reasoning_content": "It has whiskers."}
NO_REASONING, REASONING = (
    "the last answer has no reasoning, which trains the short mode",
    "the last answer has reasoning",
)


@pytest.mark.parametrize(
    ("answer", "fields", "why"),
    [
        (ANSWER, {"enable_thinking": True}, f"`enable_thinking` is True, but {NO_REASONING}"),
        (
            THOUGHT,
            {"enable_thinking": False},
            f"`enable_thinking` is False, but {REASONING}, which trains the long mode",
        ),
        (THOUGHT, {"chat_template_kwargs": {"enable_thinking": False}}, f"enable_thinking` is False, but {REASONING}"),
        (ANSWER, {"chat_template_kwargs": {"thinking": True}}, f"kwargs.thinking` is True, but {NO_REASONING}"),
        (ANSWER, {"enable_thinking": "no"}, f"`enable_thinking` is 'no', but {NO_REASONING}"),
        (
            ANSWER,
            {"chat_template_kwargs": {"custom_instructions": "Be brief."}},
            r"custom_instructions` is not in the temp",
        ),
        (ANSWER, {"chat_template_kwargs": "fast"}, "`chat_template_kwargs` must be an object, got str 'fast'"),
    ],
)
def test_a_mode_that_the_answer_does_not_train_is_refused(answer: dict, fields: dict[str, object], why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        read(answer, **fields)


def test_a_mode_that_the_answer_trains_may_be_named() -> None:
    unset = {"custom_instructions": "", "python_tools": [], "thinking": None}  # as smoltalk2 has them in every row
    assert read(ANSWER, enable_thinking=False, chat_template_kwargs={"enable_thinking": False} | unset) == read(ANSWER)
    assert read(THOUGHT, enable_thinking=True, chat_template_kwargs={"thinking": True}) == read(THOUGHT)
    asked = {"messages": [USER], "constraints": [{"kind": "words", "exactly": 1}]}
    read_record(asked | {"enable_thinking": True}, "data.jsonl:17", find)  # there is no answer to train


@pytest.mark.parametrize("label", [0, "cat", [False]])
def test_a_label_that_is_a_class_says_nothing_about_the_answer(label: object) -> None:
    assert read(ANSWER, label=label) == read(ANSWER)
