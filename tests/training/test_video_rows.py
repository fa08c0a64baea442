"""Clips in packages of every size beside images and text: packed, padded and one by one are the same."""

from dataclasses import replace

import PIL.Image
import pytest
import torch
from mixtures import small_config, small_processor

from demiglace.conversation import Conversation, Image, Message, Part, Text, Video, VideoSampling
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.packing import pack
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.synthesis.clips.clip import encode
from demiglace.synthesis.clips.kinds import held_out_question
from demiglace.training.supervised import LanguageLearner


@pytest.fixture(scope="module")
def processor() -> Processor:
    return small_processor()


@pytest.fixture(scope="module")
def learner() -> LanguageLearner:
    torch.manual_seed(0)
    model = MiniCPMV(small_config())
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return LanguageLearner(model)


@pytest.fixture(scope="module")
def samples(processor) -> list[Sample]:
    """A clip in packages of each size, clips and images in turn, text alone, an image alone."""
    files = [encode(held_out_question("count", number, side=84).clip, 20, "mp4") for number in range(2)]
    still = [Image(PIL.Image.new("RGB", size, colour)) for size, colour in (((40, 60), "red"), ((70, 30), "blue"))]

    def clip(number: int, fps: float, size: int) -> Video:
        return Video(files[number], VideoSampling(fps, 10, size, force_package_frames=True))

    def sample(answer: str, *parts: Part) -> Sample:
        asked = Conversation.ask("What is it?", *parts).messages
        return processor.training_sample(Conversation((*asked, Message("assistant", (Text(answer),)))))

    return [
        *(sample("One clip.", clip(size % 2, 1.7 + size, size)) for size in (3, 1, 6, 2, 5, 4)),
        sample(
            "This and that.",
            clip(0, 4.0, 6),
            still[0],
            clip(1, 3.0, 4),
            still[1],
            clip(0, 1.0, 1),
        ),
        sample("Nothing is shown."),
        sample("A picture.", still[1]),
    ]


def test_what_is_compared_is_mixed(samples) -> None:
    packages = [[] if sample.visual is None else sample.visual.package_sizes.tolist() for sample in samples]
    assert {size for sizes in packages for size in sizes} == {1, 2, 3, 4, 5, 6}
    assert sum(len(sizes) > 1 and sizes[-1] < sizes[0] for sizes in packages[:6]) >= 2  # shorter at the end
    assert len({len(sizes) for sizes in packages}) > 3
    assert len({tuple(grid) for sample in samples if sample.visual for grid in sample.visual.grids.tolist()}) > 2


@torch.no_grad()
def test_hidden_states_do_not_know_their_neighbours(processor, learner, samples) -> None:
    model = learner.model
    padded = model(processor.batch(samples))
    backwards = model(pack([samples[:2:-1], samples[2::-1]], sum(len(sample.tokens) for sample in samples), 0))
    starts = {}
    for row, held in enumerate(([8, 7, 6, 5, 4, 3], [2, 1, 0])):
        start = 0
        for number in held:
            starts[number], start = (row, start), start + len(samples[number].tokens)
    for number, sample in enumerate(samples):
        size, (row, start) = len(sample.tokens), starts[number]
        alone = model(processor.batch([sample]))[0]
        torch.testing.assert_close(padded[number, :size], alone, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(backwards[row, start : start + size], alone, atol=2e-5, rtol=1e-4)


def test_losses_and_gradients_add_up(processor, learner, samples) -> None:
    def learned(batches):
        learner.zero_grad()
        loss = sum(learner(batch)[0] for batch in batches)
        loss.backward()
        return loss.detach(), {name: value.grad.clone() for name, value in learner.named_parameters()}

    length = sum(len(sample.tokens) for sample in samples)
    ways = [
        [processor.batch([sample]) for sample in samples],
        [processor.batch(samples)],
        [pack([samples], length, 0)],
        [pack([samples[:4], samples[4:]], length, 0)],
    ]
    (loss, gradients), *others = [learned(batches) for batches in ways]
    for other_loss, other in others:
        torch.testing.assert_close(other_loss, loss, rtol=1e-5, atol=0)
        for name, gradient in gradients.items():
            scale = float(gradient.abs().max())
            torch.testing.assert_close(other[name], gradient, rtol=1e-3, atol=1e-4 * scale + 1e-9, msg=name)


@torch.no_grad()
def test_when_a_frame_is_counts(processor, learner, samples) -> None:
    """Else the tests above would not see times mixed up between packages."""
    batch = processor.batch([samples[3]])
    other = replace(batch, visual=replace(batch.visual, ticks=batch.visual.ticks.flip(0)))
    assert (learner.model(batch) - learner.model(other)).abs().max() > 1e-3
