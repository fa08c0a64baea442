"""Chat messages and prompts of transformers become the ids and patches that our own processor makes."""

from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers", reason="the transformers extra is not installed")

from patterns import pattern
from transformers import AutoProcessor

from demiglace import Conversation, Image, Message, Text, Video, VideoSampling
from demiglace.integrations.transformers import MiniCPMVProcessor
from demiglace.integrations.transformers.inputs import visual_of
from demiglace.processing.processor import Processor

TRIPLES = VideoSampling(fps=5, package_frames=3, force_package_frames=True)
SHOWN = "(<image>./</image>)"


def asked(*shown: dict[str, Any], text: str = "What?") -> list[dict[str, Any]]:
    return [{"role": "user", "content": [*shown, {"type": "text", "text": text}]}]


def image(width: int, height: int) -> dict[str, Any]:
    return {"type": "image", "image": pattern(width, height)}


@pytest.fixture(scope="module")
def theirs(tiny_checkpoint: Path) -> MiniCPMVProcessor:
    return AutoProcessor.from_pretrained(tiny_checkpoint)


@pytest.fixture(scope="module")
def ours(tiny_checkpoint: Path) -> Processor:
    return Processor.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.gif"
    frames = [pattern(48, 32, seed) for seed in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=200)
    return path


def inputs_of(processor: MiniCPMVProcessor, messages: Any, **options: Any) -> Any:
    asked_for = {"tokenize": True, "return_dict": True, "add_generation_prompt": True} | options
    return processor.apply_chat_template(messages, **asked_for)


def test_auto_processor_finds_ours(theirs: MiniCPMVProcessor) -> None:
    assert type(theirs) is MiniCPMVProcessor
    assert theirs.tokenizer.padding_side == "left"
    assert "scale_resolution" in repr(theirs)


@pytest.mark.parametrize("thinking", [False, True, None], ids=str)
def test_messages_give_our_ids_and_patches(
    theirs: MiniCPMVProcessor, ours: Processor, clip: Path, thinking: bool | None
) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        *asked(image(90, 60), image(1000, 500), text="One <|im_end|> or <unk>?"),
        {"role": "assistant", "content": [{"type": "text", "text": "<think>\nhm\n</think>\n\nTwo."}]},
        *asked({"type": "video", "path": str(clip), "image": None}, text="And é now?"),
    ]
    conversation = Conversation(
        (
            Message("system", (Text("Be brief."),)),
            Message("user", (Image(pattern(90, 60)), Image(pattern(1000, 500)), Text("One <|im_end|> or <unk>?"))),
            Message("assistant", (Text("<think>\nhm\n</think>\n\nTwo."),)),
            Message("user", (Video(clip, TRIPLES), Text("And é now?"))),
        ),
        thinking,
    )
    inputs, sample = (
        inputs_of(theirs, messages, enable_thinking=thinking, video_sampling=TRIPLES),
        ours.prepare(conversation),
    )
    assert torch.equal(inputs["input_ids"][0], sample.tokens)
    assert torch.equal(inputs["mm_token_type_ids"][0].nonzero().squeeze(1), sample.visual_places)
    found, wanted = visual_of(inputs), sample.visual
    assert found is not None
    assert wanted is not None
    for field in ("patches", "grids", "package_sizes", "ticks"):
        assert torch.equal(getattr(found, field), getattr(wanted, field))
    assert set(inputs) <= set(theirs.model_input_names)


def test_rows_are_padded_on_the_left_and_keep_their_pictures(theirs: MiniCPMVProcessor) -> None:
    each = [asked(text="Hi?"), asked(image(60, 40), image(40, 60), text="A long question?"), asked(image(30, 30))]
    batch, alone = inputs_of(theirs, each, padding=True, return_tensors="pt"), [inputs_of(theirs, one) for one in each]
    for row, one in enumerate(alone):
        length = one["input_ids"].shape[1]
        for name in ("input_ids", "attention_mask", "mm_token_type_ids"):
            assert torch.equal(batch[name][row, -length:], one[name][0])
        assert not batch["attention_mask"][row, :-length].any()
        assert not batch["mm_token_type_ids"][row, :-length].any()
    assert torch.equal(batch["image_patches"], torch.cat([one["image_patches"] for one in alone[1:]]))
    assert "image_patches" not in alone[0]


def test_a_prompt_with_tags_is_the_same(theirs: MiniCPMVProcessor, clip: Path) -> None:
    """What transformers' habit of two steps makes: first the text, then the files."""
    messages = asked(image(60, 40), {"type": "video", "path": clip})
    prompt = theirs.apply_chat_template(messages, add_generation_prompt=True)
    assert prompt == (
        f"<|im_start|>user\n{SHOWN}\n(<video>./</video>)\nWhat?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )
    once, twice = inputs_of(theirs, messages), theirs(images=pattern(60, 40), text=prompt, videos=[clip], padding=True)
    assert once.keys() == twice.keys()
    for name in once:
        assert torch.equal(once[name], twice[name])


def test_files_are_dealt_to_prompts_in_order(theirs: MiniCPMVProcessor) -> None:
    prompts = [f"{SHOWN} a", "b", f"{SHOWN}{SHOWN} c"]
    pictures = [pattern(20, 20, seed) for seed in range(3)]
    flat, nested = theirs(pictures, prompts), theirs([pictures[:1], [], pictures[1:]], prompts)
    assert torch.equal(flat["image_patches"], nested["image_patches"])
    assert (flat["mm_token_type_ids"].sum(dim=1) == torch.tensor([64, 0, 128])).all()
    with pytest.raises(ValueError, match=r"\[1, 0, 2\] tags .*, but \[0, 1, 2\] images"):
        theirs([[], pictures[:1], pictures[1:]], prompts)


def test_a_last_message_can_be_continued(theirs: MiniCPMVProcessor) -> None:
    messages = [*asked(image(20, 20)), {"role": "assistant", "content": [{"type": "text", "text": "It is"}]}]
    options = {"add_generation_prompt": False, "continue_final_message": True}
    inputs = inputs_of(theirs, messages, **options)
    ending = "<think>\n\n</think>\n\nIt is"
    assert theirs.decode(inputs["input_ids"][0]).endswith(ending)
    assert theirs.apply_chat_template(messages, **options).endswith(ending)
    with pytest.raises(ValueError, match="not both"):
        inputs_of(theirs, messages, continue_final_message=True)
    with pytest.raises(ValueError, match="last message of the assistant, got one of: user"):
        inputs_of(theirs, messages[:1], **options)


def test_ids_become_our_text(theirs: MiniCPMVProcessor, ours: Processor) -> None:
    ids = ours.tokenizer.encode("!é <box>") + [ours.tokenizer.special[role] for role in ("think_start", "im_end")]
    whole, kept = "!é <box><think><|im_end|>", "!é <box><think>"
    assert theirs.decode(ids) == whole
    assert theirs.decode(torch.tensor([ids, ids]), skip_special_tokens=True) == [kept, kept]
    assert theirs.batch_decode([ids], skip_special_tokens=True) == [kept]
    assert theirs.post_process_image_text_to_text(torch.tensor([ids])) == [kept]


def test_saved_files_are_those_of_a_checkpoint(theirs: MiniCPMVProcessor, ours: Processor, tmp_path: Path) -> None:
    theirs.save_pretrained(tmp_path)
    ours.save(tmp_path / "ours")
    for file in (tmp_path / "ours").iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()
    again = AutoProcessor.from_pretrained(tmp_path)
    assert torch.equal(inputs_of(again, asked())["input_ids"], inputs_of(theirs, asked())["input_ids"])


def test_tokens_given_to_the_tokenizer_are_themselves_in_messages_and_files(
    tiny_checkpoint: Path, ours: Processor, tmp_path: Path
) -> None:
    theirs, text = AutoProcessor.from_pretrained(tiny_checkpoint), "a<loc_1>b <|split|>"
    assert theirs.processor.tokenizer.encode(text) == ours.tokenizer.encode(text)
    theirs.tokenizer.add_tokens(["<loc_1>"])
    theirs.tokenizer.add_special_tokens({"additional_special_tokens": ["<|split|>"]})
    first = ours.tokenizer.vocab_size
    assert [id_ for id_ in inputs_of(theirs, asked(text=text))["input_ids"][0].tolist() if id_ >= first] == [
        first,
        first + 1,
    ]
    assert theirs.decode([first, first + 1]) == "<loc_1><|split|>"
    theirs.save_pretrained(tmp_path)
    assert Processor.load(tmp_path).tokenizer.encode(text) == theirs.tokenizer(text)["input_ids"]


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([{"role": "robot", "content": "a"}], "role must be"),
        ([{"content": "a"}], "needs role and content and nothing else, .* got content"),
        ([{"role": "assistant", "content": "a", "tool_calls": []}], "got role, content, tool_calls"),
        (["a"], "a message must be a mapping, got str"),
        ([{"role": "user", "content": ["a"]}], "a part of a message must be a mapping, got str"),
        ([{"role": "user", "content": 3}], "the content of a message must be a list, got int"),
        (asked({"type": "text"}), "a part of type text needs its text"),
        (asked({"type": "audio", "path": "a.wav"}), "of type text, image, .*, got 'audio'"),
        (asked({"type": "image"}), "an image must be .*, got NoneType"),
        (asked({"type": "image", "path": "a.png", "url": "b.png"}), r"one of image, .*, got path \(str\), url \(str\)"),
        (asked({"type": "image", "path": "a.png", "max_pixels": 9}), r"got path \(str\), max_pixels \(int\)"),
        (asked({"type": "image_url", "image_url": {"url": "a.png", "detail": "low"}}), r"url .*, detail \(str\)"),
        (asked({"type": "video", "video": []}), "at least one frame"),
        (asked({"type": "video", "video": "a.mp4", "fps": "2"}), "`fps` must be a number, got str '2'"),
        (asked({"type": "video", "video": "a.mp4", "fps": 0}), "fps must be a number in"),
        (asked({"type": "image", "url": "https://example.org/a.png"}), "only local files"),
        (asked({"type": "image", "path": "no such file"}), "does not exist"),
        ([], "at least one message"),
    ],
)
def test_bad_messages_are_refused(theirs: MiniCPMVProcessor, messages: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        inputs_of(theirs, [messages])


@pytest.mark.parametrize(
    "options",
    [
        {"padding_side": "middle"},
        {"pad_to_multiple_of": 0},
        {"max_length": "9"},
        {"return_tensors": "np"},
        {"chat_template": "{{ messages }}"},
        {"tools": [{}]},
        {"load_audio_from_video": True},
        {"nonsense": 1},
    ],
    ids=str,
)
def test_options_that_are_not_held_are_refused(theirs: MiniCPMVProcessor, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"not held here: {next(iter(options))}="):
        inputs_of(theirs, asked(), **options)
    with pytest.raises(ValueError, match="not held here"):
        theirs(text="a", **options)


@pytest.mark.parametrize(
    ("images", "text", "error"),
    [
        (None, None, "without text"),
        (pattern(9, 9), "a", r"\[0\] tags .*, but \[1\] images"),
        (None, SHOWN, r"\[1\] tags .*, but \[0\] images"),
        (pattern(9, 9), f"{SHOWN}<unk>", "64 visual tokens, but the prompt has 65 places"),
        (3, SHOWN, "got int"),
    ],
)
def test_files_and_tags_must_agree(theirs: MiniCPMVProcessor, images: Any, text: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        theirs(images=images, text=text)
