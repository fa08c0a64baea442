"""A step of DPO against its plain twin: each answer in a row of its own."""

import math
from copy import deepcopy

import pytest
import torch
from checkpoints import make_outspoken
from mixtures import small_model, small_processor
from preferences import preference

from demiglace.conversation import Conversation
from demiglace.processing.sample import Sample
from demiglace.rl.pair_batches import PairBatches, answer_tokens
from demiglace.rl.rollout_batch import PolicyLearner
from demiglace.training.distributed import ALONE, ProcessGroup
from demiglace.training.losses import PairLogProbs
from demiglace.training.preference import PreferenceObjective, pair_log_probs

COUNT, BETA = 6, 0.5


@pytest.fixture
def learner():
    model = small_model()
    make_outspoken(model)
    return PolicyLearner(model)


@pytest.fixture(scope="module")
def pairs():
    return PairBatches(small_processor(), preference, positions=1024)


@pytest.fixture
def reference(learner, pairs):
    with torch.no_grad():
        return pair_log_probs(learner, pairs.batch(range(COUNT)))


def objective(pairs, reference, micro=2, batch=4, ranks=ALONE, nll_weight=0.0):
    settings = BETA, batch, 0, ranks, nll_weight
    microbatches = {"micro_batch_size": micro, "device": torch.device("cpu"), "dtype": torch.float32}
    return PreferenceObjective(pairs, range(COUNT), reference, *settings, **microbatches)


def learned(learner, learn, step):
    """Loss, figures and gradients."""
    learner.zero_grad()
    total, figures = 0.0, {}
    for loss, part in learn(learner, step):
        loss.backward()
        total += float(loss.detach())
        figures = {name: figures.get(name, 0.0) + float(value) for name, value in part.items()}
    gradients = {name: p.grad.clone() for name, p in learner.named_parameters() if p.grad is not None}
    return total, figures, gradients


def plain_log_prob(learner, pair, text):
    processor = small_processor()
    prompt = processor.prepare(Conversation(pair.messages, thinking=False))
    answer = torch.tensor(answer_tokens(processor, text, is_long=False))
    row = Sample(torch.cat([prompt.tokens, answer]), prompt.visual_places, prompt.visual)
    logits = learner.model.logits(learner.model(processor.batch([row])))[0].float()
    weighed = logits[len(prompt.tokens) - 1 : len(row.tokens) - 1].log_softmax(-1)
    return weighed.gather(1, answer.unsqueeze(1)).sum()


def moved(learner):
    other = deepcopy(learner)
    with torch.no_grad():
        other.model.llm.lm_head.weight.mul_(1.1)
    return other


@pytest.mark.parametrize("micro", [1, 2, 3, 4])
def test_a_step_is_that_of_separate_rows_however_it_is_cut(learner, pairs, reference, micro):
    learn, other = objective(pairs, reference, micro), moved(learner)
    loss, figures, gradients = learned(other, learn, step=0)
    other.zero_grad()
    margins, chosen = [], []
    for place in learn._places(0):
        pair = preference(place)
        good, bad = (plain_log_prob(other, pair, text) for text in (pair.chosen, pair.rejected))
        margins.append(BETA * ((good - reference.chosen[place]) - (bad - reference.rejected[place])))
        chosen.append(float(good))
    plain = -torch.nn.functional.logsigmoid(torch.stack(margins)).mean()
    plain.backward()
    assert loss == pytest.approx(float(plain), abs=1e-5)
    assert figures["margin"] == pytest.approx(float(sum(margins)) / 4, abs=1e-4)
    assert figures["pair_accuracy"] == sum(float(margin) > 0 for margin in margins) / 4
    assert figures["chosen_log_prob"] == pytest.approx(sum(chosen) / 4, abs=1e-4)
    for name, parameter in other.named_parameters():
        if parameter.grad is not None and name in gradients:
            scale = max(1e-3, float(parameter.grad.abs().max()))
            assert torch.allclose(gradients[name], parameter.grad, atol=1e-4 * scale), name


def test_the_first_step_is_a_coin_toss_and_later_ones_prefer(learner, pairs, reference):
    learn = objective(pairs, reference, batch=COUNT)
    first, figures, _ = learned(learner, learn, 0)
    assert first == pytest.approx(math.log(2), abs=1e-5)
    assert figures["margin"] == pytest.approx(0, abs=1e-4)
    optimizer = torch.optim.SGD(learner.parameters(), lr=1e-3)
    for step in range(1, 6):
        last, figures, _ = learned(learner, learn, step)
        optimizer.step()
    assert last < first - 0.1
    assert figures["margin"] > 0


def test_the_chosen_answers_own_likelihood_is_a_mean_over_its_tokens(learner, pairs, reference):
    other, places = moved(learner), objective(pairs, reference)._places(0)
    plain, *_ = learned(other, objective(pairs, reference), step=0)
    found, *_ = learned(other, objective(pairs, reference, nll_weight=0.5), step=0)
    chosen = [preference(place).chosen for place in places]
    lengths = [len(answer_tokens(small_processor(), text, is_long=False)) for text in chosen]
    with torch.no_grad():
        means = [plain_log_prob(other, preference(place), text) for place, text in zip(places, chosen, strict=True)]
    by_hand = sum(-float(total) / length for total, length in zip(means, lengths, strict=True)) / len(places)
    assert found - plain == pytest.approx(0.5 * by_hand, rel=1e-5)


def test_every_pair_comes_once_an_epoch_and_processes_share_a_step(pairs, reference):
    whole = objective(pairs, reference, batch=4)
    places = [place for step in range(3) for place in whole._places(step)]
    assert sorted(places[:COUNT]) == sorted(places[COUNT:]) == list(range(COUNT))
    assert places[:COUNT] != places[COUNT:]

    class Seen:
        def batch(self, numbers):
            seen.extend(numbers)
            return pairs.batch(numbers)

    seen: list[int] = []
    for rank in range(2):
        half = objective(Seen(), reference, batch=4, ranks=ProcessGroup(rank, 2))
        list(half(PolicyLearner(small_model()), 0))
    assert seen == whole._places(0)


def test_half_as_much_at_once_is_the_same_step(learner, pairs, reference):
    learn, other = objective(pairs, reference, micro=4), moved(learner)
    loss, _, _ = learned(other, learn, 0)
    assert learn.halve()
    assert not learn.halve()
    assert learn.micro_batch_size == 2
    assert learned(other, learn, 0)[0] == pytest.approx(loss, abs=1e-6)


def test_what_a_part_was_learned_from_is_at_hand(learner, pairs, reference):
    learn = objective(pairs, PairLogProbs(reference.chosen, reference.rejected))
    assert learn.seen() == {}
    learned(learner, learn, 0)
    assert len(learn.seen()["answers"]) == 4
