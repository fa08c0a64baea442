"""A packed row computes what its samples compute alone."""

from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch
from checkpoints import tiny_config
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from demiglace.batch import IGNORE, PADDING, Batch
from demiglace.conversation import Conversation, Image, Message, Text
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.packing import choose, pack
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.sample import Sample
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

LENGTH = 300
END = 7  # any token will do as padding


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """Text, an image in slices, an image, text."""
    processor = Processor(Tokenizer.bytes_only(), ProcessorConfig(SlicingConfig(scale_resolution=28)))
    rng = np.random.default_rng(0)

    def sample(question: str, answer: str, *sizes: tuple[int, int]) -> Sample:
        pictures = [PIL.Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]
        asked = Conversation.ask(question, *map(Image, pictures))
        answered = Message("assistant", (Text(answer),))
        return processor.training_sample(replace(asked, messages=(*asked.messages, answered)))

    return [
        sample("Why?", "Because."),
        sample("What is it?", "Noise.", (60, 30)),
        sample("And this?", "More noise.", (20, 30)),
        sample("Where?", "Here and there."),
    ]


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    torch.manual_seed(0)
    built = MiniCPMV(tiny_config(384))
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return built.requires_grad_(False)


def rows_of(samples: list[Sample]) -> list[list[Sample]]:
    return [[samples[0], samples[2], samples[3]], [samples[1], samples[0]]]


def packed(samples: list[Sample]) -> Batch:
    longest = max(sum(len(sample.tokens) for sample in row) for row in rows_of(samples))
    return pack(rows_of(samples), longest + 5, END)


def loss_sum(model: MiniCPMV, hidden: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of the labels as training takes them: each is predicted one place before."""
    logits = model.logits(hidden[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORE, reduction="sum")


def test_packed_rows_compute_what_their_samples_compute_alone(model: MiniCPMV, samples: list[Sample]) -> None:
    batch = packed(samples)
    hidden, alone_loss = model(batch), torch.zeros(())
    for number, row in enumerate(rows_of(samples)):
        for segment, sample in enumerate(row, 1):
            alone = pack([[sample]], len(sample.tokens), END)
            expected = model(alone)
            torch.testing.assert_close(
                hidden[number][batch.segments[number] == segment], expected[0], atol=1e-5, rtol=0
            )
            alone_loss += loss_sum(model, expected, alone.labels)
    torch.testing.assert_close(loss_sum(model, hidden, batch.labels), alone_loss, rtol=1e-5, atol=0)


def test_it_is_the_segments_that_keep_samples_apart(model: MiniCPMV, samples: list[Sample]) -> None:
    batch = packed(samples)
    merged = replace(batch, segments=(batch.segments != PADDING).long())
    assert (model(merged) - model(batch))[batch.segments > 1].abs().max() > 1e-2


def test_the_processors_padded_batch_is_one_sample_a_row(samples: list[Sample]) -> None:
    processor = Processor(Tokenizer.bytes_only(), ProcessorConfig())
    padded = processor.batch(samples)
    rows = pack([[sample] for sample in samples], padded.tokens.shape[1], processor.tokenizer.special["end_of_text"])
    for name in ("tokens", "segments", "visual_places", "labels"):
        assert torch.equal(getattr(rows, name), getattr(padded, name)), name
    assert torch.equal(rows.visual.patches, padded.visual.patches)
    real = rows.segments != PADDING
    assert torch.equal(rows.positions[real], padded.positions[real])


def text(*tokens: int) -> Sample:
    ids = torch.tensor(tokens)
    return Sample(ids, torch.empty(0, dtype=torch.int64), labels=ids)


def test_fields_of_a_row() -> None:
    batch = pack([[text(1, 2, 3), text(4, 5)], [text(6)]], 6, END)
    assert batch.tokens.tolist() == [[1, 2, 3, 4, 5, END], [6, *[END] * 5]]
    assert batch.segments.tolist() == [[1, 1, 1, 2, 2, PADDING], [1, *[PADDING] * 5]]
    assert batch.positions.tolist() == [[0, 1, 2, 0, 1, 0], [0] * 6]
    assert batch.visual is None


def test_the_first_token_of_a_sample_is_not_predicted_from_the_one_before() -> None:
    batch = pack([[text(1, 2, 3), text(4, 5)]], 6, END)
    assert batch.labels.tolist() == [[IGNORE, 2, 3, IGNORE, 5, IGNORE]]


def test_without_labels_there_are_none() -> None:
    assert pack([[replace(text(1, 2), labels=None)]], 2, END).labels is None


def test_too_much_for_a_row_and_half_a_labelling_are_refused() -> None:
    with pytest.raises(ValueError, match="5 tokens, more than the 4"):
        pack([[text(1, 2, 3), text(4, 5)]], 4, END)
    with pytest.raises(ValueError, match="got 1 of 2"):
        pack([[text(1), replace(text(2), labels=None)]], 4, END)


@settings(deadline=None)
@given(st.lists(st.integers(1, LENGTH), min_size=1, max_size=30))
def test_a_row_takes_the_oldest_and_nothing_more_would_fit(lengths: list[int]) -> None:
    chosen = choose(lengths, LENGTH, [(0, 0)] * len(lengths))
    held = sum(lengths[index] for index in chosen)
    assert chosen[0] == 0
    assert chosen == sorted(set(chosen))
    assert held <= LENGTH
    assert all(held + size > LENGTH for index, size in enumerate(lengths) if index not in chosen)


@pytest.mark.parametrize(
    ("lengths", "chosen"),
    [
        ([50, 10, 60, 30, 30, 20], [0, 1, 2]),  # as they come
        ([50, 10, 70, 20, 60, 60], [0, 1, 4]),  # the longest behind them, the earlier of equals
        ([50, 40, 70, 20], [0, 2]),  # one of the first is left out for a fuller row
    ],
)
def test_the_oldest_come_first_and_then_what_fits_best(lengths: list[int], chosen: list[int]) -> None:
    assert choose(lengths, 120, [(0, 0)] * len(lengths)) == chosen


def test_nothing_is_chosen_before_the_rest_of_an_earlier_epoch() -> None:
    turns = [(0, 0), (0, 0), (0, 1), (1, 4), (0, 1)]
    assert choose([50, 80, 30, 20, 50], 100, turns) == [0, 3]
    assert choose([50, 20, 30, 90, 20], 100, turns) == [0, 1, 2]


def test_what_is_longer_than_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="13 tokens does not fit a row of 12"):
        choose([13, 1], 12, [(0, 0), (0, 0)])
