"""Memory by formula against the tensors that are alive at once in real steps, and how it is dealt out."""

from dataclasses import replace

import pytest
import torch
from live_memory import LiveMemory
from mixtures import small_config

from demiglace.batch import STILL, Batch, Visual
from demiglace.data.dataset_statistics import DatasetStatistics
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import generate
from demiglace.engine.token_sampler import TokenSampler
from demiglace.model.adapters import Lora, add_adapters
from demiglace.model.minicpmv import MiniCPMV
from demiglace.planning.job_plan import with_answers
from demiglace.planning.memory import serving_memory, training_memory
from demiglace.planning.training_setup import PARTS, TrainingSetup
from demiglace.rl.rollout_batch import PolicyLearner, RolloutBatch
from demiglace.training.supervised import LanguageLearner
from demiglace.training.trainer import freeze_all_but

LENGTH = 256
GRID = 8  # patches a side of every picture


def config():
    small = small_config()
    return replace(
        small,
        vision=replace(small.vision, hidden_size=64, intermediate_size=256, num_layers=3),
        resampler=replace(small.resampler, hidden_size=64, feature_size=64),
        llm=replace(small.llm, hidden_size=64, intermediate_size=192, num_layers=4, num_heads=4, num_kv_heads=2),
    )


def batch(pictures, setup):
    """Rows of two samples, the first with all pictures in front; every second token is learned."""
    rows, queries = setup.micro_batch_rows, small_config().resampler.num_queries
    tokens = torch.full((rows, LENGTH), 7)
    positions = torch.arange(LENGTH // 2).repeat(rows, 2)
    segments = torch.tensor([1, 2]).repeat_interleave(LENGTH // 2).repeat(rows, 1)
    labels = torch.full((rows, LENGTH), -100)
    labels[:, ::2] = 5
    if not pictures:
        return Batch(tokens, positions, segments, torch.zeros(0, dtype=torch.int64), None, labels)
    one = torch.ones(pictures, dtype=torch.int64)
    patches = torch.zeros(pictures * GRID**2, 3 * 14**2)
    visual = Visual(patches, torch.full((pictures, 2), GRID), one, STILL * one)
    return Batch(tokens, positions, segments, torch.arange(pictures * queries), visual, labels)


def measured(setup, pictures):
    """Bytes of the weights, and of the most that a second step has alive beside them."""
    torch.manual_seed(0)
    model, kind = MiniCPMV(config()), getattr(torch, setup.dtype)
    if setup.is_full:
        freeze_all_but(model, tuple(PARTS[part] for part in setup.parts))
        learner = LanguageLearner(model, setup.activation_checkpointing)
    else:
        pytest.importorskip("peft")
        adapted = add_adapters(model.to(kind), setup.parts, setup.lora)
        learner = LanguageLearner(adapted.base_model.model, setup.activation_checkpointing)
    weights = sum(value.nbytes for value in learner.parameters())
    learned = [value for value in learner.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(learned)
    with LiveMemory() as live:
        made = batch(pictures, setup)
        for _ in range(2):
            live.peak = live.now
            for _ in range(setup.batch_rows // setup.micro_batch_rows):
                with torch.autocast("cpu", kind, kind != torch.float32):
                    loss, counted = learner(made)
                loss.backward()
                del loss, counted
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    return weights + live.peak


def seen_of(pictures, setup):
    rows = setup.micro_batch_rows
    return DatasetStatistics(
        rows, samples=2 * rows, tokens=rows * LENGTH, learned_tokens=rows * LENGTH // 2, patches=pictures * GRID**2
    )


ALL = ("encoder", "resampler", "decoder")
SETUPS = {
    "full decoder": TrainingSetup("full", ("decoder",)),
    "all": TrainingSetup("full", ALL),
    "all, two rows at once": TrainingSetup("full", ALL, micro_batch_rows=2),
    "all, gradients added up": TrainingSetup("full", ALL, batch_rows=2),
    "all, checkpointed": TrainingSetup("full", ALL, activation_checkpointing=True),
    "resampler": TrainingSetup("full", ("resampler",)),
    "encoder and resampler": TrainingSetup("full", ("encoder", "resampler")),
    "lora": TrainingSetup("lora", ("decoder",), Lora(8)),
    "lora, checkpointed": TrainingSetup("lora", ("decoder",), Lora(8), activation_checkpointing=True),
    "lora in encoder and decoder": TrainingSetup("lora", ("encoder", "decoder"), Lora(8)),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", SETUPS)
def test_the_most_that_is_alive_at_once_is_predicted(name, dtype):
    setup = replace(SETUPS[name], dtype=dtype, length=LENGTH)
    setup = replace(setup, batch_rows=max(setup.micro_batch_rows, 2 if "added" in name else 1))
    pictures = 0 if name in ("full decoder", "lora", "lora, checkpointed") else 8
    predicted = training_memory(setup, config(), seen_of(pictures, setup)).total
    assert predicted == pytest.approx(measured(setup, pictures), rel=0.15)


@pytest.mark.parametrize("group", [2, 8])
@pytest.mark.parametrize("prompt", [24, 120])
def test_a_step_on_answers_takes_what_reinforcement_learning_predicts(prompt, group):
    limit, setup = 64, TrainingSetup("full", ("resampler", "decoder"))
    learner = PolicyLearner(MiniCPMV(config()))
    freeze_all_but(learner.model, tuple(PARTS[part] for part in setup.parts))
    optimizer = torch.optim.AdamW([value for value in learner.parameters() if value.requires_grad])
    asked = replace(batch(1, setup), labels=None)
    asked = replace(
        asked, tokens=asked.tokens[:, :prompt], positions=torch.arange(prompt)[None], segments=torch.ones(1, prompt)
    )
    with LiveMemory() as live:
        made = RolloutBatch(asked, torch.full((group, limit), 7), (limit,) * group, torch.zeros(group, dtype=int))
        for _ in range(2):
            live.peak = live.now
            learner(made)[0].sum().backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    seen = DatasetStatistics(1, samples=1, tokens=prompt, patches=GRID**2)
    rows, row_setup = with_answers(seen, config(), setup, limit, group)
    predicted = training_memory(row_setup, config(), rows).total
    weights = sum(value.nbytes for value in learner.parameters())
    assert predicted == pytest.approx(weights + live.peak, rel=0.15)


@pytest.mark.parametrize("pictures", [1, 12])
def test_an_answer_takes_what_serving_predicts(pictures):
    model, setup = MiniCPMV(config()).eval(), TrainingSetup(length=LENGTH)
    weights = sum(value.nbytes for value in model.parameters())
    made = replace(batch(pictures, setup), labels=None)
    new = 8
    with LiveMemory() as live:
        list(generate(model, made, [TokenSampler(SamplingParams.greedy(new))]))
    predicted = serving_memory(config(), 4, LENGTH + new, 1, pictures * GRID**2)
    batch_bytes = 3 * 8 * LENGTH + 4 * pictures * GRID**2 * 3 * 14**2  # there before
    assert predicted.total == pytest.approx(weights + live.peak + batch_bytes, rel=0.15)


def test_what_adapters_or_checkpointing_spare():
    seen, full = seen_of(8, SETUPS["all"]), SETUPS["all"]
    whole = training_memory(full, config(), seen)
    spared = training_memory(replace(full, activation_checkpointing=True), config(), seen)
    adapted = training_memory(replace(full, method="lora", parts=("decoder",)), config(), seen)
    assert spared.activations < whole.activations
    assert spared.optimizer == whole.optimizer > 5 * adapted.optimizer
