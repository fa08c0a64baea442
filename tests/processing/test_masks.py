"""What is learned of a conversation, by id, against the shipped jinja rendered and encoded without our code."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import PIL.Image
import pytest
import tokenizers
import torch
from clips import make_clip
from jinja2.sandbox import ImmutableSandboxedEnvironment

from demiglace.batch import IGNORE
from demiglace.conversation import Conversation, Image, Message, Text, Video, VideoSampling
from demiglace.processing.chat_template import CHAT_TEMPLATE
from demiglace.processing.packing import pack
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample

IMAGE = "<image>" + "<unk>" * 64 + "</image>"
SLICE = "<slice>" + "<unk>" * 64 + "</slice>"
REASONED = "One, two.\nCheck: two.\n</think>\n\n"
LONG = f"<think>\n{REASONED}"
EMPTY = "<think>\n\n</think>\n\n"
SMALL, WIDE = PIL.Image.new("RGB", (56, 56), "red"), PIL.Image.new("RGB", (900, 440), "blue")
PACKAGED = VideoSampling(fps=5, package_frames=3, force_package_frames=True)

# What the messages of a case say where pictures are written out, and the texts that are to be learned.
Case = tuple[Conversation, list[tuple[str, str]], list[str]]


def short(*said: str) -> Conversation:
    """User and assistant in turn."""
    roles = ("user", "assistant") * len(said)
    return Conversation(tuple(Message(role, (Text(text),)) for role, text in zip(roles, said, strict=False)))


def shown(asked: Conversation, *parts: object) -> Conversation:
    first, *others = asked.messages
    return replace(asked, messages=(replace(first, content=(*parts, *first.content)), *others))


def told(asked: Conversation, system: str) -> Conversation:
    return replace(asked, messages=(Message("system", (Text(system),)), *asked.messages))


def cases(clip: Video) -> dict[str, Case]:
    long = replace(short("How many?", LONG + "Two."), thinking=True)
    turns = short("How many?", "Two.", "Sure?", LONG + "Yes.", "And blue?", "None.")
    last_long = replace(short("How many?", LONG + "Two.", "Sure?", LONG + "Yes."), thinking=True)
    return {
        "text": (short("Why?", "Because."), [("user", "Why?"), ("assistant", "Because.")], ["Because."]),
        "beyond ASCII": (short("Où?", "À 2 €."), [("user", "Où?"), ("assistant", "À 2 €.")], ["À 2 €."]),
        "system": (
            told(short("Why?", "Because."), "Be brief."),
            [("system", "Be brief."), ("user", "Why?"), ("assistant", "Because.")],
            ["Because."],
        ),
        "long": (long, [("user", "How many?"), ("assistant", LONG + "Two.")], [REASONED + "Two."]),
        "left open": (
            replace(long, thinking=None), [("user", "How many?"), ("assistant", LONG + "Two.")], [LONG + "Two."],
        ),
        "turns": (
            turns,
            [(message.role, message.content[0].text) for message in turns.messages],
            ["Two.", "Yes.", "None."],
        ),
        "turns with a system prompt, the last long": (
            told(last_long, "Think first."),
            [("system", "Think first."), *((message.role, message.content[0].text) for message in last_long.messages)],
            ["Two.", REASONED + "Yes."],
        ),
        "image": (
            shown(short("What?", "Red."), Image(SMALL)),
            [("user", f"<image_id>0</image_id>{IMAGE}\nWhat?"), ("assistant", "Red.")],
            ["Red."],
        ),
        "images, one in slices": (
            shown(replace(short("Which?", LONG + "Blue."), thinking=True), Image(SMALL), Image(WIDE)),
            [
                ("user", f"<image_id>0</image_id>{IMAGE}\n<image_id>1</image_id>{IMAGE}{SLICE}{SLICE}\nWhich?"),
                ("assistant", LONG + "Blue."),
            ],
            [REASONED + "Blue."],
        ),
        "video and image over two turns": (
            shown(short("When?", "Later.", "Sure?", "Yes."), clip, Image(SMALL)),
            [
                ("user", f"{IMAGE}\n{IMAGE}\n<image_id>0</image_id>{IMAGE}\nWhen?"),
                ("assistant", "Later."), ("user", "Sure?"), ("assistant", "Yes."),
            ],
            ["Later.", "Yes."],
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def processor(tiny_checkpoint: Path) -> Processor:
    return Processor.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """A clip of one second: five frames are looked at, in packages of 3 and 2."""
    path = make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", range(10), time_base=Fraction(1, 10), rate=10)
    return cases(Video(path, PACKAGED))


def rendered(turns: list[tuple[str, str]], **options: bool) -> str:
    """As transformers runs a chat template."""
    template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(CHAT_TEMPLATE)
    return template.render(messages=[{"role": role, "content": text} for role, text in turns], **options)


def expected(checkpoint: Path, conversation: Conversation, turns: list[tuple[str, str]]) -> tuple[list[int], list[int]]:
    """Ids of the rendered text, and labels: from the end of an opening to the end of its turn."""
    text = rendered(turns, add_generation_prompt=False)
    opening = {False: f"(?:{re.escape(EMPTY)})?", True: "(?:<think>\n)?", None: ""}[conversation.thinking]
    spans = [
        found.span(1) for found in re.finditer(rf"<\|im_start\|>assistant\n{opening}(.*?<\|im_end\|>)", text, re.DOTALL)
    ]
    encoded = tokenizers.Tokenizer.from_file(str(checkpoint / "tokenizer.json")).encode(text, add_special_tokens=False)
    labels = [
        id_ if any(start <= left < end for start, end in spans) else IGNORE
        for id_, (left, _) in zip(encoded.ids, encoded.offsets, strict=True)
    ]
    return encoded.ids, labels


NAMES = (
    "text", "beyond ASCII", "system", "long", "left open", "turns", "turns with a system prompt, the last long",
    "image", "images, one in slices", "video and image over two turns",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_answers_and_their_ends_are_learned_and_nothing_else(tiny_checkpoint, processor, known, name) -> None:
    conversation, turns, answers = known[name]
    sample = processor.training_sample(conversation)
    ids, labels = expected(tiny_checkpoint, conversation, turns)
    assert sample.tokens.tolist() == ids
    assert sample.labels.tolist() == labels
    learned = processor.tokenizer.decode(sample.labels[sample.labels != IGNORE].tolist())
    assert learned == "".join(f"{answer}<|im_end|>" for answer in answers)


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_that_is_answered_is_the_prompt_that_was_learned_from(processor, known, name) -> None:
    """By the letter in jinja, by the id in ours; in short mode the empty reasoning belongs to it."""
    conversation, turns, _ = known[name]
    mode = {} if conversation.thinking is None else {"enable_thinking": conversation.thinking}
    prompt = rendered(turns[:-1], add_generation_prompt=True, **mode)
    assert rendered(turns, add_generation_prompt=False).startswith(prompt)
    assert prompt.endswith({False: EMPTY, True: "<think>\n", None: "assistant\n"}[conversation.thinking])
    prepared = processor.prepare(replace(conversation, messages=conversation.messages[:-1])).tokens
    sample = processor.training_sample(conversation)
    assert processor.tokenizer.decode(prepared.tolist()) == prompt
    assert torch.equal(sample.tokens[: len(prepared)], prepared)
    answered = (sample.labels != IGNORE)[len(prepared) :]
    assert answered.tolist() == [True] * (len(answered) - 1) + [False]  # all but the line break after the end


def test_a_packed_row_learns_what_its_samples_learn(tiny_checkpoint, processor, known) -> None:
    samples: list[Sample] = [processor.training_sample(known[name][0]) for name in NAMES]
    length = sum(len(sample.tokens) for sample in samples) + 3
    row = pack([samples], length, processor.tokenizer.special["end_of_text"])
    wanted = [label for name in NAMES for label in expected(tiny_checkpoint, *known[name][:2])[1]]
    assert row.labels[0].tolist() == [*wanted, *[IGNORE] * 3]
    learned = row.labels != IGNORE
    assert torch.equal(row.labels[learned], row.tokens[learned])
    before = learned[0].nonzero()[:, 0] - 1
    assert torch.equal(row.segments[0, before], row.segments[learned])  # what predicts it is of its own sample
