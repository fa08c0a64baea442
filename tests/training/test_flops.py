"""Operations by formula, against those that are counted while the model runs."""

import pytest
import torch
from mixtures import small_model, small_processor
from still_frames import frames, without
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from demiglace.batch import IGNORE
from demiglace.conversation import Conversation, Image, Message, Text
from demiglace.processing.packing import pack
from demiglace.training.flops import (
    Learning,
    llm_flops,
    measure_peak,
    model_flops,
    picture_flops,
    resampler_flops,
    vision_flops,
)


@pytest.fixture(scope="module")
def batch():
    from PIL import Image as Pillow

    samples = []
    for width in (40, 90):
        asked = Conversation.ask("What?", Image(Pillow.new("RGB", (width, 40))))
        answered = Conversation((*asked.messages, Message("assistant", (Text("A picture."),))))
        samples.append(small_processor().training_sample(answered))
    return pack([samples, samples[:1]], 256, 0)


def counted(run):
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        run()
    return counter.get_total_flops()


def test_the_encoder_costs_what_is_counted(batch):
    model, visual = small_model(), batch.visual
    assert vision_flops(model.config, batch) == counted(lambda: model.vpm(visual.patches, visual.grids))


def test_static_patches_cost_nothing():
    model = small_model()
    visual = without(frames([(3, 4)] * 4, [(2, 5)], values=model.config.vision.patch_size**2 * 3))
    run = counted(lambda: model.vpm(visual.patches, visual.grids, kept=visual.kept))
    assert picture_flops(model.config, visual) == run


def test_the_resampler_costs_what_is_counted_but_for_its_queries(batch):
    model, visual = small_model(), batch.visual
    features = model.vpm(visual.patches, visual.grids)
    run = counted(lambda: model.resampler(features, visual.grids, visual.package_sizes, visual.ticks))
    queries = 2 * model.config.resampler.num_queries * model.config.resampler.hidden_size**2
    assert resampler_flops(model.config, batch) == run - queries


def test_the_decoder_costs_what_is_counted_of_what_is_seen(batch):
    model, llm = small_model(), small_model().config.llm
    learned = batch.labels[:, 1:] != IGNORE

    def forward():
        hidden = model.llm(
            model.merge_visual_tokens(batch, torch.zeros(len(batch.visual_places), 32)), batch.positions, batch.segments
        )
        model.logits(hidden[:, :-1][learned])

    rows, length = batch.tokens.shape
    lengths = [int((row == number).sum()) for row in batch.segments for number in row.unique() if number]
    layer = llm.hidden_size * (2 * 32 + 2 * 16 + 3 * llm.intermediate_size)
    padding = 2 * llm.num_layers * layer * (rows * length - sum(lengths))
    pairs_hidden = rows * length**2 - sum(size * (size + 1) // 2 for size in lengths)
    hidden = 4 * llm.num_layers * 32 * pairs_hidden
    assert llm_flops(model.config, batch) == counted(forward) - padding - hidden


def test_backward_costs_twice_as_much_where_everything_learns(batch):
    config = small_model().config
    parts = [vision_flops(config, batch), resampler_flops(config, batch), llm_flops(config, batch)]
    assert model_flops(config, batch, Learning.of(("model",))) == 3 * sum(parts)
    first = model_flops(config, batch, Learning.of(("model.resampler",)))
    assert first == parts[0] + 2 * parts[1] + 2 * parts[2]
    second = model_flops(config, batch, Learning.of(("model.resampler", "model.vpm")))
    assert second == 3 * parts[0] + 3 * parts[1] + 2 * parts[2]


def test_a_part_of_which_only_some_layers_learn_learns():
    """Otherwise RL would take the encoder as frozen, and its last layer would stay as it was."""
    assert Learning.of(("model.vpm.encoder.layers.1", "model.llm")) == Learning(True, False, True)
    assert Learning.of(("model.resampler.proj",)) == Learning(False, True, False)


def test_a_machine_does_more_than_nothing():
    assert 1e6 < measure_peak(torch.device("cpu"), torch.float32) < 1e18
