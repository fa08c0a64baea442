"""What is in a data set: counted, named, and shown as the model sees it."""

import json

import PIL.Image
import pytest
from known_sources import Numbered
from mixtures import NUM_QUERIES, small_processor

from demiglace.conversation import Conversation, Image, Message, Text, Video, VideoSampling
from demiglace.data.dataset_statistics import measure_dataset, shown
from demiglace.data.mixture import Mixture
from demiglace.data.sample_builder import SampleArrays, SampleBuilder
from demiglace.data.sources.jsonl import JsonFile


def builder(source, length=600):
    return SampleBuilder(Mixture((source,), (1.0,), (1.0,)), small_processor(), 0, length)


def test_records_are_counted_and_wrong_ones_named():
    source = Numbered("source", (5, 4), bad=frozenset({2}), lost=frozenset({3}))
    statistics = measure_dataset(builder(source), cost=lambda sample: float(len(sample.tokens)))
    assert (statistics.num_records, statistics.num_inspected, statistics.samples) == (9, 9, 5)
    assert sorted(where.split(": ")[0] for where in statistics.bad) == [
        "source[0]:2", "source[0]:3", "source[1]:2", "source[1]:3",
    ]  # fmt: skip
    assert statistics.flops == statistics.tokens > statistics.learned_tokens > 0
    assert statistics.visual_tokens == NUM_QUERIES * statistics.slices > 0
    assert sorted(statistics.lengths.tokens)[:4] == [0] * 4
    assert sum(statistics.lengths.tokens) == statistics.tokens


def test_what_is_too_long_is_named_and_of_many_records_some_are_looked_at():
    statistics = measure_dataset(builder(Numbered("source", (500,)), length=60), cost=lambda sample: 0.0, most=20)
    assert statistics.num_records == 500
    assert statistics.num_inspected == 20
    assert 0 < len(statistics.too_long) < 20
    assert statistics.longest <= 60


def test_what_is_looked_at_is_drawn_from_all_blocks(monkeypatch):
    read, plain = [], Numbered.read
    monkeypatch.setattr(
        Numbered, "read", lambda self, block, row, seed: read.append(block) or plain(self, block, row, seed)
    )
    measure_dataset(
        builder(Numbered("source", (50,) * 10, shuffled_blocks=1)), cost=lambda sample: 0.0, most=100, shows=False
    )
    assert min(read.count(block) for block in range(10)) > 2


def test_frames_of_videos_and_slices_of_images_are_told_apart(tmp_path):
    frames = [PIL.Image.new("RGB", (42, 42), (20 * number, 0, 0)) for number in range(6)]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:], duration=200)
    frames[0].save(tmp_path / "page.png")
    turns = [{"role": "user", "content": "<image><video>What?"}, {"role": "assistant", "content": "This."}]
    record = {"messages": turns, "images": ["page.png"], "videos": ["clip.gif"]}
    (tmp_path / "data.jsonl").write_text(json.dumps(record) + "\n")
    statistics = measure_dataset(builder(JsonFile("data", tmp_path / "data.jsonl")), cost=lambda sample: 0.0)
    assert statistics.bad == []
    assert statistics.slices == 1
    assert statistics.frames >= statistics.packages > 0


def test_reasoning_of_earlier_turns_is_counted_as_left_out(tmp_path):
    thought = {"role": "assistant", "content": "<think>\nFur.\n</think>\n\nA cat."}
    asked, plain = {"role": "user", "content": "What?"}, {"role": "assistant", "content": "A cat."}
    records = [
        [asked, thought, asked, thought, asked, plain],
        [asked, plain, asked, thought],
        [asked, thought, thought],
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps({"messages": turns}) + "\n" for turns in records))
    statistics = measure_dataset(builder(JsonFile("data", data)), cost=lambda sample: 0.0)
    assert (statistics.samples, statistics.left_out) == (3, 2)


def test_a_sample_is_shown_with_its_visual_tokens_and_what_is_learned():
    processor = small_processor()
    picture = PIL.Image.new("RGB", (42, 42))
    clip = Video(_animation(), VideoSampling(fps=5, package_frames=3, force_package_frames=True))
    asked = Message("user", (Image(picture), clip, Text("What is it?")))
    conversation = Conversation((asked, Message("assistant", (Text("A square."),))))
    text = shown(SampleArrays.of(processor.training_sample(conversation)), processor.tokenizer)
    assert text.count(f"[{NUM_QUERIES} visual tokens]") == 3
    assert text.endswith("【A square.<|im_end|>】\n")
    assert "What is it?<|im_end|>" in text.split("【")[0]


def _animation() -> bytes:
    import io

    data, frames = io.BytesIO(), [PIL.Image.new("RGB", (42, 42), (40 * number, 0, 0)) for number in range(6)]
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=200)
    return data.getvalue()


def test_a_missing_file_has_no_statistics(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        measure_dataset(builder(JsonFile("data", tmp_path / "none.jsonl")), cost=lambda sample: 0.0)
