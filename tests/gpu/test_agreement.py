"""A GPU computes what the CPU computes: float32 to 1e-4, bfloat16 within the bounds stated; and nobody waits for it."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from demiglace.batch import IGNORE, PADDING, Batch
from demiglace.bootstrap import collate
from demiglace.bootstrap.collate import LabelledPictures, Prompt
from demiglace.bootstrap.computation import Computation
from demiglace.bootstrap.learner import SLOTS_PER_TOKEN, Learner, learner_from_seed
from demiglace.bootstrap.objectives import ReadingObjective
from demiglace.model.folded_resampler import FoldedResampler
from demiglace.model.kv_cache import KVCache
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset
from demiglace.processing.tokenizer import Tokenizer
from demiglace.training.distributed import full_tensor, shard_layers
from demiglace.training.optim import Muon, orthogonalise
from demiglace.training.supervised import LanguageLearner

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("full_precision")]

EXACT = 1e-4  # largest difference in float32, of numbers about 1
BFLOAT16 = 0.03  # difference in bfloat16 as a share of the norm: 8 bits of mantissa, some ten layers


def on(model: MiniCPMV, device: torch.device, dtype: torch.dtype) -> MiniCPMV:
    return copy.deepcopy(model).to(device, dtype)


def assert_agree(
    compute: Callable[[MiniCPMV, Batch], Tensor], model: MiniCPMV, batch: Batch, device: torch.device
) -> None:
    """`compute` gives the same on the device as on the CPU, in float32 and in bfloat16."""
    expected = compute(model, batch)
    exact = compute(on(model, device, torch.float32), batch.to(device)).cpu()
    torch.testing.assert_close(exact, expected, atol=EXACT, rtol=EXACT)
    rough = compute(on(model, device, torch.bfloat16), batch.to(device, torch.bfloat16)).cpu().float()
    assert rough.shape == expected.shape
    assert torch.linalg.vector_norm(rough - expected) < BFLOAT16 * torch.linalg.vector_norm(expected)


def features(model: MiniCPMV, batch: Batch) -> Tensor:
    assert batch.visual is not None
    return model.vpm(batch.visual.patches, batch.visual.grids)


def visual_tokens(model: MiniCPMV, batch: Batch) -> Tensor:
    assert batch.visual is not None
    return model.visual_tokens(batch.visual)


def folded_tokens(model: MiniCPMV, batch: Batch) -> Tensor:
    visual, folded = batch.visual, FoldedResampler(model.resampler)
    assert visual is not None
    return folded(features(model, batch), visual.grids, visual.package_sizes, visual.ticks)


def logits(model: MiniCPMV, batch: Batch) -> Tensor:
    return model.logits(model(batch))[batch.segments != PADDING]


def last_logits_from_cache(model: MiniCPMV, batch: Batch) -> Tensor:
    """Of the last five tokens of the first row, one after the other behind the rest of them."""
    row = Batch(batch.tokens[:1], batch.positions[:1], batch.segments[:1], batch.visual_places[:0])
    llm, weight = model.config.llm, model.llm.lm_head.weight
    cache = KVCache(llm.num_layers, 1, llm.num_kv_heads, 200, llm.head_dim, weight.dtype, weight.device)
    found = []
    for begin, end in [(0, 187), *((place, place + 1) for place in range(187, 192))]:
        piece = (held[:, begin:end] for held in (row.tokens, row.positions, row.segments))
        found.append(model.logits(model(Batch(*piece, row.visual_places), cache)[:, -1]))
    return torch.cat(found[1:])


@pytest.mark.parametrize(
    "compute", [features, visual_tokens, folded_tokens, logits, last_logits_from_cache], ids=lambda one: one.__name__
)
def test_the_device_computes_what_the_cpu_computes(compute, model, batch, device):
    assert_agree(compute, model, batch, device)


def test_packed_samples_compute_what_they_compute_alone(model, batch, device):
    placed = on(model, device, torch.float32)
    tokens, half = batch.tokens[:1].to(device), 96
    positions = torch.arange(half, device=device).repeat(1, 2)
    segments = torch.tensor([[1] * half + [2] * half], device=device)
    none = torch.empty(0, dtype=torch.int64, device=device)
    packed = placed(Batch(tokens, positions, segments, none))
    alone = [
        placed(Batch(tokens[:, piece], positions[:, :half], torch.ones_like(positions[:, :half]), none))
        for piece in (slice(0, half), slice(half, None))
    ]
    torch.testing.assert_close(packed, torch.cat(alone, dim=1), atol=EXACT, rtol=EXACT)


class TwoPictures:
    """A stream of one batch of two pictures of one size, with labels at random."""

    class spec:
        seed = 0

    def batch(self, number: int) -> LabelledPictures:
        rng, patches, size = np.random.default_rng(number), 24, 14**2
        visual = collate._stills(rng.standard_normal((2 * patches, 3 * size), dtype=np.float32), [(4, 6)] * 2)

        def drawn(most: int, *shape: int) -> Tensor:
            return torch.from_numpy(rng.integers(0, most, shape))

        labels = collate.PictureLabels(
            drawn(90, 2 * patches, 8), drawn(2, 2 * patches, 8), drawn(64, 2 * patches),
            drawn(90, 2 * 64, SLOTS_PER_TOKEN), drawn(2, 2 * 64, SLOTS_PER_TOKEN),
        )  # fmt: skip
        return LabelledPictures(visual, labels, ["a few words", "more"], [np.arange(11), np.arange(4)])


def reading(how: Computation) -> ReadingObjective:
    prompt = Prompt(torch.arange(70), torch.arange(3, 67), end=300)
    return ReadingObjective(TwoPictures(), [prompt], Tokenizer.bytes_only(), 0.5, 0.3, 0.3, how)


def gradients(learner: Learner, how: Computation) -> tuple[Tensor, dict[str, Tensor]]:
    learner = copy.deepcopy(learner).to(how.device)
    ((loss, _),) = reading(how)(learner, 0)
    loss.backward()
    return loss.detach().cpu(), {
        name: parameter.grad.cpu() for name, parameter in learner.named_parameters() if parameter.grad is not None
    }


def test_losses_over_all_places_and_their_gradients_are_those_over_labelled_ones(device):
    learner = learner_from_seed(preset("nano"), 0)
    expected, wanted = gradients(learner, Computation())
    loss, found = gradients(learner, Computation(device, fixed_shapes=True))
    torch.testing.assert_close(loss, expected, atol=EXACT, rtol=EXACT)
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        difference = torch.linalg.vector_norm(gradient - wanted[name])
        assert difference <= 1e-3 * torch.linalg.vector_norm(wanted[name]) + 1e-6, name
    rough, _ = gradients(learner, Computation(device, torch.bfloat16, fixed_shapes=True))
    assert abs(float(rough / expected) - 1) < BFLOAT16


def test_a_step_of_training_waits_for_nothing(device):
    if device.type != "cuda":
        pytest.skip("only a GPU can be waited for")
    learner = learner_from_seed(preset("nano"), 0).to(device)
    objective = reading(Computation(device, torch.bfloat16, fixed_shapes=True))
    matrices = [weight for name, weight in learner.named_parameters() if ".layers." in name and weight.ndim == 2]
    optimizer = Muon(matrices, lr=1e-3, weight_decay=0.0)
    for step in range(3):
        torch.cuda.set_sync_debug_mode("error" if step == 2 else "default")  # the first steps warm up
        try:
            for loss, _ in objective(learner, step):
                loss.backward()
            torch.nn.utils.clip_grad_norm_(matrices, 1.0)
            optimizer.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_a_stack_of_matrices_is_orthogonalised_as_each(device):
    matrices = torch.randn(3, 48, 20, generator=torch.Generator().manual_seed(0))
    stacked = orthogonalise(matrices.to(device)).cpu()
    for found, matrix in zip(stacked, matrices, strict=True):
        torch.testing.assert_close(found, orthogonalise(matrix), atol=1e-3, rtol=1e-3)


@pytest.fixture
def group(device) -> Iterator[None]:
    """Processes that train together, of which this is the only one."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29571"}
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_sharded_weights_learn_as_whole_ones(group, model, batch, device):
    """FSDP2 on one device."""
    learners = [LanguageLearner(copy.deepcopy(model).to(device).requires_grad_()) for _ in range(2)]
    shard_layers(learners[1], 1)
    asked = replace(batch, labels=batch.tokens.masked_fill(batch.segments == PADDING, IGNORE)).to(device)
    for learner in learners:
        loss, _ = learner(asked)
        (loss / 300).backward()
    for (name, whole), sharded in zip(learners[0].named_parameters(), learners[1].parameters(), strict=True):
        gradient = full_tensor(sharded.grad)
        torch.testing.assert_close(gradient, whole.grad, atol=EXACT, rtol=1e-3, msg=name)


def test_layers_compile_as_one_graph_each_and_compute_the_same(model, batch, device):
    """`fullgraph` raises where anything breaks the graph."""
    placed, compiled = on(model, device, torch.float32), on(model, device, torch.float32)
    for layer in (*compiled.vpm.encoder.layers, *compiled.llm.model.layers, compiled.resampler.attn):
        layer.compile(fullgraph=True, dynamic=False)
    torch._dynamo.reset()
    found, expected = logits(compiled, batch.to(device)), logits(placed, batch.to(device))
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    assert len(torch._dynamo.utils.counters["graph_break"]) == 0
