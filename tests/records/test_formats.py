"""Records of each format become the conversation they mean, and what is wrong with one is said."""

import base64
import io
import pickle
from pathlib import Path

import PIL.Image
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from demiglace.conversation import Conversation, Image, Message, Text, Video
from demiglace.records.bad_record import BadRecord
from demiglace.records.formats import parse_json, read_record

PICTURE, CLIP = Image(Path("media/a.png")), Video(Path("media/a.mp4"))
OTHER = Image(Path("media/b.png"))
SAID = Message("assistant", (Text("A cat."),))


def find(reference: str) -> Path:
    return Path("media") / reference


def read(record, attached=()) -> Conversation:
    return read_record(record, "data.jsonl:17", find, attached)


def asked(*content) -> Conversation:
    return Conversation((Message("user", content), SAID))


def openai(*parts) -> dict:
    return {"messages": [{"role": "user", "content": list(parts)}, {"role": "assistant", "content": "A cat."}]}


def llava(question: str, **beside) -> dict:
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": "A cat."}]
    return {"id": "1", "conversations": turns} | beside


def official(question: str, image) -> dict:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": "A cat."}]
    return {"id": "1", "image": image, "conversations": turns}


WHAT = {"type": "text", "text": "What?"}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "a.png"}},
        {"type": "image_url", "image_url": "a.png"},
        {"type": "image", "image": "a.png"},
        {"type": "image", "path": "a.png"},
        {"type": "image", "image": {"bytes": None, "path": "a.png"}, "text": None},
    ],
)
def test_pictures_in_messages(part):
    assert read(openai(part, WHAT)) == asked(PICTURE, Text("What?"))


@pytest.mark.parametrize(
    "part", [{"type": "video", "video": "a.mp4"}, {"type": "video_url", "video_url": {"url": "a.mp4"}}]
)
def test_videos_in_messages(part):
    assert read(openai(WHAT, part)) == asked(Text("What?"), CLIP)


def png() -> bytes:
    file = io.BytesIO()
    PIL.Image.new("L", (4, 4)).save(file, "PNG")
    return file.getvalue()


def test_bytes_in_place_of_paths():
    base64_ = base64.b64encode(png()).decode()
    address = f"data:image/png;base64,{base64_}"
    for image in (address, base64_, png(), {"bytes": png(), "path": "never/opened.png"}, {"bytes": base64_}):
        assert read(openai({"type": "image", "image": image})) == asked(Image(png()))


@pytest.mark.parametrize(
    ("record", "content"),
    [
        (llava("<image>\nWhat?", image="a.png"), (PICTURE, Text("What?"))),
        (llava("What is this: <image>", image=["a.png"]), (Text("What is this:"), PICTURE)),
        (llava("<image><image> Same?", images=["a.png", "b.png"]), (PICTURE, OTHER, Text("Same?"))),
        (llava("What?", image="a.png"), (PICTURE, Text("What?"))),
        (llava("<video>\nWhat?", video="a.mp4"), (CLIP, Text("What?"))),
        (llava("<image>\nWhat?", video="a.mp4"), (CLIP, Text("What?"))),
        (llava("<video> and <image>", image="a.png", video="a.mp4"), (CLIP, Text("and"), PICTURE)),
        (llava("What?", image=None), (Text("What?"),)),
        (official("<image>\nWhat?", "a.png"), (PICTURE, Text("What?"))),
        (official("What?", "a.png"), (PICTURE, Text("What?"))),
        (
            official("First <image_01>, then <image_00>", {"<image_00>": "a.png", "<image_01>": "b.png"}),
            (Text("First"), OTHER, Text(", then"), PICTURE),
        ),
        (official("Same?", {"<image_00>": "a.png", "<image_01>": "b.png"}), (PICTURE, OTHER, Text("Same?"))),
        (openai({"type": "image"}, WHAT) | {"images": ["a.png"]}, (PICTURE, Text("What?"))),
    ],
)
def test_files_beside_the_messages_come_to_their_marks(record, content):
    assert read(record) == asked(*content)


def test_marks_are_text_where_nothing_is_beside_the_messages():
    about = "What does <image> mean in SVG?"
    assert read(openai({"type": "text", "text": about})) == asked(Text(about))
    assert read(
        llava("Show me", image="a.png")
        | {"conversations": [{"from": "human", "value": "<image>\nHow?"}, {"from": "gpt", "value": "With <image>."}]}
    ).messages[1].content == (Text("With <image>."),)


def test_what_comes_with_a_record_is_shown_where_it_names_nothing():
    with_it = ("image", png())
    assert read(openai(WHAT), [with_it, with_it]) == asked(Image(png()), Image(png()), Text("What?"))
    assert read(llava("One: <image>"), [with_it]) == asked(Text("One:"), Image(png()))
    assert read(openai(WHAT, {"type": "image", "image": "b.png"}), [with_it]) == asked(Text("What?"), OTHER)


def test_turns_and_system_prompts_are_kept_in_order():
    turns = [("system", "Be brief."), ("human", "Hi"), ("gpt", "Hello."), ("human", "Bye"), ("gpt", "So long.")]
    record = {"conversations": [{"from": role, "value": text} for role, text in turns]}
    conversation = read(record)
    assert [(m.role, m.content[0].text) for m in conversation.messages] == [
        ({"human": "user", "gpt": "assistant"}.get(role, role), text) for role, text in turns
    ]
    assert read({"system": "Be brief.", "conversations": record["conversations"][1:]}) == conversation
    assert read({"system_prompt": "Be brief.", "conversations": record["conversations"][1:]}) == conversation
    assert read(record | {"system": "Be brief.", "system_prompt": "Be brief."}) == conversation
    with pytest.raises(BadRecord, match=r"a system prompt must come first, got turns of: system, system, user"):
        read(record | {"system_prompt": "Be long."})


def test_reasoning_makes_a_long_answer():
    record = llava("What?")
    record["conversations"][1]["value"] = "<think>\nFur.\n</think>\n\nA cat."
    assert read(record).thinking is True
    record["conversations"][1]["value"] = "<think>\n\n</think>\n\nA cat."
    assert read(record).thinking is False


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_beside_an_answer_is_learned_with_it(key):
    record = {"messages": [USER, {"role": "assistant", "content": "A cat.", key: "\nFur.\n"}]}
    conversation = read(record)
    assert conversation.thinking is True
    assert "".join(part.text for part in conversation.messages[-1].content) == "<think>\nFur.\n</think>\n\nA cat."
    assert read({"messages": [USER, {"role": "assistant", "content": "A cat.", key: None}]}).thinking is False


USER, SYSTEM = {"role": "user", "content": "Hi"}, {"role": "system", "content": "Be brief."}
ANSWER = {"role": "assistant", "content": "Hello."}


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (["messages"], "a record must be an object, got list"),
        ({"prompt": "a", "answer": "b"}, "needs `messages` or `conversations`, got prompt, answer"),
        ({}, "got nothing"),
        (
            {"messages": [{**USER, "thinking": "Fur."}, ANSWER]},
            "`thinking` must be text of the assistant, got str 'Fur.'",
        ),
        (
            {"messages": [USER, {**ANSWER, "reasoning": ["Fur."]}]},
            "`reasoning` must be text of the assistant, got list",
        ),
        (
            {"messages": [USER, {**ANSWER, "content": "<think>a</think>b", "reasoning": "Fur."}]},
            "an answer has 2 marks </think>, at most 1 ends its reasoning",
        ),
        ({"messages": [USER, ANSWER], "conversations": [USER, ANSWER]}, "got messages, conversations"),
        ({"messages": "Hi"}, "`messages` must be a list of messages, got str 'Hi'"),
        ({"messages": []}, r"got list \[\]"),
        ({"messages": [USER, "Hello."]}, "a message must be an object, got str"),
        ({"messages": [{"role": "tool", "content": "1"}, ANSWER]}, "`role` must be one of .*, got str 'tool'"),
        ({"conversations": [{"from": ["human"], "value": "Hi"}]}, "`from` must be one of .*, got list"),
        ({"messages": [USER, {"role": "assistant"}]}, "content of a message must be .*, got NoneType"),
        ({"messages": [USER, {"role": "assistant", "content": 3}]}, "got int 3"),
        ({"messages": [USER, ANSWER | {"content": " \n"}]}, "an answer of the assistant is empty"),
        ({"messages": [USER, ANSWER | {"content": "<think>hm</think>"}]}, "an answer of the assistant is empty"),
        ({"messages": [USER, ANSWER | {"content": "\ud83d"}]}, "surrogates not allowed"),
        ({"messages": [USER, ANSWER | {"weight": 0}]}, "`weight` of an answer is not supported, got int 0: all"),
        ({"messages": [USER, ANSWER | {"loss": False}, USER, ANSWER]}, "`loss` of an answer is not supported, got"),
        ({"messages": [USER, ANSWER | {"train": 0.5}]}, "`train` of an answer is not supported, got float 0.5"),
        ({"messages": [USER, ANSWER | {"tool_calls": [{"id": "1"}]}]}, "`tool_calls` of an answer is not learned"),
        (
            {"messages": [USER, ANSWER | {"trainable": False}]},
            "`trainable` of an answer is not supported, got bool False",
        ),
        ({"messages": [USER, ANSWER | {"train_detail": [{"begin_offset": 0}]}]}, "`train_detail` of an answer is not"),
        (
            {"messages": [USER, ANSWER], "tools": [{"type": "function"}]},
            "`tools` of a record is not shown to the model",
        ),
        ({"messages": [USER]}, "assistant's last, got turns of: user"),
        ({"messages": [SYSTEM, ANSWER]}, "training needs a user turn"),
        ({"messages": [USER, SYSTEM, ANSWER]}, "must come first, got turns of: user, system, assistant"),
        ({"messages": [USER, ANSWER | {"content": [{"type": "image", "image": "a.png"}]}]}, "only the user shows"),
        (openai({"type": "audio"}), "a part must be of type .*, got str 'audio'"),
        (openai({"type": ["image"]}), "a part must be of type .*, got list"),
        (openai({"type": "text", "text": 5}), "needs `text`, got int 5"),
        (openai("What?"), "a part of `content` must be an object"),
        (openai({"type": "image"}), "1 marks <image>, but 0 files"),
        (openai({"type": "image", "image": 7}), "must be named by a path, got int 7"),
        (openai({"type": "image", "image": {}}), "1 marks <image>, but 0 files"),
        (openai({"type": "image", "image": {"width": 3}}), "must be named by a path, got NoneType"),
        (openai({"type": "image", "image": "https://a.example/b.png"}), "is an address; only local files"),
        (openai({"type": "image", "image": "data:image/png,abc"}), "must be in base64"),
        (openai({"type": "image", "image": "data:image/png;base64,a?"}), "base64 is broken"),
        (llava("<image>\nWhat?"), "1 marks <image>, but 0 files"),
        (llava("<image> <image>", image="a.png"), "2 marks <image>, but 1 files"),
        (llava("<image>", image=["a.png", "b.png"]), "1 marks <image>, but 2 files"),
        (llava("<image>", image="a.png", video="a.mp4"), "0 marks <video>, but 1 files"),
        (official("<image_00> <image_02>", {"<image_00>": "a.png", "<image_01>": "b.png"}), "0 marks <image_01>"),
        (llava("What?", image=[None]), "must be named by a path, got NoneType"),
    ],
)
def test_mistakes_are_told_with_their_place(record, why):
    with pytest.raises(BadRecord, match=why) as caught:
        read(record)
    assert caught.value.where == "data.jsonl:17"
    assert str(caught.value).startswith("data.jsonl:17: ")


def test_an_answer_may_say_that_it_is_learned():
    plain = {"messages": [USER, ANSWER]}
    asked = USER | {"loss": False, "train": False, "weight": 0}  # which is so of every question
    weighed = {"messages": [asked, ANSWER | {"weight": 1, "loss": True, "train": None, "tool_calls": []}]}
    weighed |= {"tools": [], "functions": None}
    assert read(weighed) == read(plain)


def test_what_cannot_be_found_is_a_bad_record():
    def nothing(reference):
        raise ValueError(f"{reference} does not exist")

    with pytest.raises(BadRecord, match=r"data.jsonl:17: `image`: a.png does not exist"):
        read_record(llava("What?", image="a.png"), "data.jsonl:17", nothing)


def test_a_bad_record_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(BadRecord("a.jsonl:3", "no JSON")))
    assert (error.where, error.why, str(error)) == ("a.jsonl:3", "no JSON", "a.jsonl:3: no JSON")


@pytest.mark.parametrize("data", [b"{", b"", b"\xff{}", b'{"a": nope}', b"[" * 100_000])
def test_broken_json_is_told(data):
    with pytest.raises(ValueError, match="not valid JSON: "):
        parse_json(data)


def test_deep_references_are_refused_at_once():
    deep: object = "a.png"
    for _ in range(900):
        deep = {"path": deep}
    with pytest.raises(BadRecord, match="got dict"):
        read(llava("What?", image=deep))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["user", "gpt", "<image>"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "conversations", "role", "content", "from", "value", "image", "type", "text"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


TURNS = st.fixed_dictionaries(
    {
        "messages": st.tuples(
            st.fixed_dictionaries({"role": st.just("user"), "content": st.text(max_size=8) | JSON}),
            st.fixed_dictionaries({"role": st.just("assistant"), "content": st.text(max_size=8) | JSON}),
        ).map(list)
    }
)


@settings(max_examples=60, deadline=None)
@given(JSON | TURNS)
@example({"messages": [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "That."}]})
def test_any_record_is_a_conversation_or_a_bad_record(record):
    try:
        conversation = read(record)
    except BadRecord:
        return
    assert conversation.messages[-1].role == "assistant"
