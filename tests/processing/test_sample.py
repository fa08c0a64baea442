"""Samples joined to a batch: rows padded on the right, places, packages and labels."""

import pytest
import torch
from patterns import grey_clip as clip
from patterns import one_colour as picture

from demiglace.batch import IGNORE
from demiglace.conversation import Conversation, Image, Message, Text, Video, VideoSampling
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.sample import Sample
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

SMALL_SLICES = SlicingConfig(scale_resolution=28)  # overviews and slices of 2 x 2 patches


@pytest.fixture(scope="module")
def processor() -> Processor:
    return Processor(Tokenizer.bytes_only(), ProcessorConfig(SMALL_SLICES))


def packaged(num_frames: int) -> Video:
    return Video(clip(num_frames), VideoSampling(fps=2, package_frames=3, force_package_frames=True))


def test_batch(processor: Processor) -> None:
    long = processor.prepare(Conversation.ask("Why?", Image(picture(20, 20)), Image(picture(28, 56))))
    short = processor.prepare(Conversation.ask("Why?", packaged(6)))
    text = processor.prepare(Conversation.ask("Why?"))
    batch = processor.batch([text, long, short])
    lengths = [len(sample.tokens) for sample in (text, long, short)]
    assert batch.tokens.shape == batch.positions.shape == batch.segments.shape == (3, max(lengths))
    assert batch.segments.sum(dim=1).tolist() == lengths
    assert batch.labels is None
    for row, sample in enumerate((text, long, short)):
        assert torch.equal(batch.tokens[row, : lengths[row]], sample.tokens)
        assert batch.positions[row, : lengths[row]].tolist() == list(range(lengths[row]))
        assert batch.segments[row, : lengths[row]].min() == 1
    unk = processor.tokenizer.special["unk"]
    assert batch.visual_places.tolist() == (batch.tokens.flatten() == unk).nonzero().squeeze(1).tolist()
    assert batch.visual is not None
    assert batch.visual.package_sizes.tolist() == [1, 1, 1, 1, 3, 3]


def test_batch_of_labels(processor: Processor) -> None:
    def trained(answer: str) -> Sample:
        messages = (Message("user", (Text("a"),)), Message("assistant", (Text(answer),)))
        return processor.training_sample(Conversation(messages))

    batch = processor.batch([trained("b"), trained("bcd")])
    assert batch.labels is not None
    assert [(row != IGNORE).sum().item() for row in batch.labels] == [2, 4]
    assert batch.visual is None
    with pytest.raises(ValueError, match="got 1 of 2"):
        processor.batch([trained("b"), processor.prepare(Conversation.ask("a"))])
    with pytest.raises(ValueError, match="got 0 of 0"):
        processor.batch([])
