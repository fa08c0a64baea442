"""Objectives on a tiny learner: each lowers its loss, and learned places are the answers' alone."""

from types import SimpleNamespace

import pytest
import torch

from demiglace.batch import IGNORE, PADDING
from demiglace.bootstrap import collate
from demiglace.bootstrap.objectives import (
    ColourObjective,
    GlyphObjective,
    ItemObjective,
    ReadingObjective,
    SumOfObjectives,
    TranscriptionObjective,
)
from demiglace.jobs.nano_samples import prompt
from demiglace.training.stage import Stage
from demiglace.training.trainer import Trainer


@pytest.fixture
def stream(samples) -> SimpleNamespace:
    return SimpleNamespace(batch=lambda number: samples, spec=SimpleNamespace(seed=0))


def losses(learner, objective, trainable, num_steps, folder):
    seen = []

    def watched(learner, step):
        for loss, figures in objective(learner, step):
            seen.append(float(loss.detach()))
            yield loss, figures

    numbers = {
        "learning_rate": 5e-3,
        "warmup": 3,
        "decay_share": 0.3,
        "min_lr_ratio": 0.2,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
    }
    stage = Stage("test", trainable, num_steps, save_every=1000, **numbers)
    Trainer(learner, stage, watched, folder).run()
    return seen


def test_the_encoder_learns_what_stands_under_a_patch(learner, stream, tmp_path):
    seen = losses(learner, GlyphObjective(stream), ("model.vpm", "patch_head"), 40, tmp_path)
    assert seen[-1] < 0.3 * seen[0]


def test_the_whole_learns_to_read(learner, stream, processor, tmp_path):
    reading = ReadingObjective(
        stream, [prompt(processor, "?")], processor.tokenizer, frame_weight=0.5, patch_weight=0.3
    )
    seen = losses(learner, reading, ("model", "patch_head", "book"), 120, tmp_path)
    assert seen[-1] < 0.3 * seen[0]


@pytest.mark.usefixtures("training_faces", "installed_prose")
def test_the_encoder_learns_colours(learner, processor, tmp_path):
    objective = ColourObjective(processor.config.slicing, batch_size=4, seed=0)
    seen = losses(learner, objective, ("model.vpm", "colour_head"), 40, tmp_path)
    assert sum(seen[-5:]) < 0.6 * sum(seen[:5])


def test_the_encoder_learns_forms_and_colours_of_items(learner, processor, tmp_path):
    objective = ItemObjective(processor.config.slicing, batch_size=8, seed=0)
    seen = losses(
        learner, objective, ("model.vpm", "model.resampler", "patch_head", "item_head", "token_item_head"), 60, tmp_path
    )
    assert sum(seen[-5:]) < 0.6 * sum(seen[:5])


def test_objectives_together_are_the_parts_of_one_step(learner, stream, processor):
    sees = GlyphObjective(stream)
    reads = ReadingObjective(stream, [prompt(processor, "?")], processor.tokenizer, frame_weight=0.5, patch_weight=0.0)
    parts = [float(loss.detach()) for loss, _ in SumOfObjectives([sees, reads])(learner, 3)]
    assert parts == [float(loss.detach()) for objective in (sees, reads) for loss, _ in objective(learner, 3)]


def test_frozen_parts_stay_while_the_resampler_learns(learner, stream, processor, tmp_path):
    before = {name: value.clone() for name, value in learner.model.named_parameters() if "resampler" not in name}
    reading = ReadingObjective(
        stream, [prompt(processor, "?")], processor.tokenizer, frame_weight=0.5, patch_weight=0.0
    )
    losses(learner, reading, ("model.resampler",), 3, tmp_path)
    assert all(torch.equal(value, learner.model.get_parameter(name)) for name, value in before.items())


@pytest.mark.usefixtures("installed_prose")
def test_the_decoder_learns_from_text_alone(learner, processor, tmp_path):
    objective = TranscriptionObjective([prompt(processor, "?")], processor.tokenizer, 4, max_characters=6, seed=0)
    seen = losses(learner, objective, ("model.llm", "book"), 30, tmp_path)
    assert sum(seen[-5:]) < 0.8 * sum(seen[:5])


def test_the_same_step_gives_the_same_loss(learner, stream, processor):
    reading = ReadingObjective(
        stream, [prompt(processor, "?")], processor.tokenizer, frame_weight=0.5, patch_weight=0.3
    )
    [(first, _)], [(second, _)] = reading(learner, 7), reading(learner, 7)
    assert torch.equal(first, second)


def test_only_the_answer_and_its_end_are_learned(processor):
    asked = prompt(processor, "Read?")
    batch = collate.rows([asked, asked], [processor.tokenizer.encode(text) for text in ("ab", "c")], None)
    begin = len(asked.tokens)
    assert batch.labels[0, begin:].tolist() == [*processor.tokenizer.encode("ab"), asked.end]
    assert batch.labels[1, begin:].tolist() == [*processor.tokenizer.encode("c"), asked.end, IGNORE]
    assert (batch.labels[:, :begin] == IGNORE).all()
    assert batch.segments[1].tolist() == [1] * (begin + 2) + [PADDING]


def test_visual_places_of_rows_are_placeholders(processor):
    asked = prompt(processor, "Read?")
    batch = collate.rows([asked] * 3, [[1], [2, 3], [4]], None)
    assert batch.tokens.flatten()[batch.visual_places].unique().tolist() == [processor.tokenizer.special["unk"]]
    assert len(batch.visual_places) == 3 * processor.config.num_queries
