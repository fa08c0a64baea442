"""A chat answers as its conversation alone would be answered, and looks at files once."""

from pathlib import Path

import pytest
from patterns import pattern

from demiglace import Conversation, Demiglace, SamplingParams, Video, VideoSampling
from demiglace.inference.chat import Chat

GREEDY = SamplingParams.greedy(10)
TRIPLES = VideoSampling(fps=5, package_frames=3, force_package_frames=True)


def test_a_chat_remembers_without_looking_again(
    assistant: Demiglace, clips: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    encode = assistant.model.vpm.forward
    monkeypatch.setattr(
        assistant.model.vpm,
        "forward",
        lambda patches, grids, *rest: seen.append(len(grids)) or encode(patches, grids, *rest),
    )
    chat = Chat(assistant, "Be brief.", GREEDY)
    said = []
    for text, sources in (("What?", [pattern(700, 500, 1)]), ("Why?", []), ("And now?", [Video(clips[0], TRIPLES)])):
        list(stream := chat.say(text, *sources, thinking=text == "Why?"))
        said.append(stream.answer)
    assert seen == [3, 4]
    last = Conversation(chat.messages[:-1])
    assert assistant.answer(last, GREEDY).text == said[-1].text
    assert [message.role for message in chat.messages] == ["system", *["user", "assistant"] * 3]


def test_a_chat_drops_a_turn_without_an_answer(assistant: Demiglace) -> None:
    chat = Chat(assistant, sampling=GREEDY)
    list(chat.say("First", pattern(90, 60, 0)))
    kept = chat.messages
    stream = chat.say("Second", pattern(90, 60, 1))
    next(stream._tokens)  # read, but nothing shown
    assert chat.messages == kept
    list(again := chat.say("Second", pattern(90, 60, 2)))
    assert again.answer.text == assistant.answer(Conversation(chat.messages[:-1]), GREEDY).text
