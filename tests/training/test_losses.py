"""Losses of policy gradients and preferences against what their papers write, an answer and a token at a time."""

import math

import pytest
import torch

from demiglace.training.losses import POLICY_LOSSES, ClipBounds, LearnedTokens, PairLogProbs, dpo_loss, policy_loss

BOUNDS = ClipBounds()
LENGTHS = (3, 1, 4)
ADVANTAGES = (0.5, -1.0, 0.25)
LIMIT = 10


def tokens(moved=0.5, seed=0):
    """Three answers whose probabilities have moved; advantages are those of their answers."""
    generator = torch.Generator().manual_seed(seed)
    old = -torch.rand(sum(LENGTHS), generator=generator) * 3 - 0.1
    log_probs = (old + moved * torch.randn(len(old), generator=generator)).requires_grad_()
    advantages = torch.tensor(ADVANTAGES).repeat_interleave(torch.tensor(LENGTHS))
    return LearnedTokens(log_probs, old, advantages, LENGTHS)


def batch_loss(name, learned, bounds=BOUNDS):
    loss = policy_loss(name)
    losses, _ = loss.tokens(learned, bounds)
    return (losses * loss.weights(LENGTHS)).sum() / loss.total(len(LENGTHS), sum(LENGTHS), LIMIT)


def by_hand(name, learned):
    """The sums of the papers, written out in plain numbers."""
    new, old = learned.log_probs.tolist(), learned.old.tolist()
    answers, start = [], 0
    for length, advantage in zip(LENGTHS, ADVANTAGES, strict=True):
        pairs = list(zip(new[start : start + length], old[start : start + length], strict=True))
        ratios = [math.exp(n - o) for n, o in pairs]
        if name == "gspo":
            ratios = [math.prod(ratios) ** (1 / length)] * length
        if name == "cispo":
            answers.append([min(r, 1.28) * advantage * n for r, (n, _) in zip(ratios, pairs, strict=True)])
        else:
            answers.append([min(r * advantage, min(max(r, 0.8), 1.28) * advantage) for r in ratios])
        start += length
    if name in ("grpo", "gspo"):
        return -sum(sum(one) / len(one) for one in answers) / len(LENGTHS)
    total = sum(sum(one) for one in answers)
    return -total / (len(LENGTHS) * LIMIT if name == "dr_grpo" else sum(LENGTHS))


@pytest.mark.parametrize("name", POLICY_LOSSES)
def test_each_is_what_its_paper_writes(name):
    learned = tokens()
    assert float(batch_loss(name, learned).detach()) == pytest.approx(by_hand(name, learned), rel=1e-5)


@pytest.mark.parametrize("name", POLICY_LOSSES)
def test_on_the_sampling_policy_all_are_the_plain_policy_gradient(name):
    learned = tokens(moved=0.0)
    loss = policy_loss(name)
    _, is_clipped = loss.tokens(learned, BOUNDS)
    assert not is_clipped.any()
    batch_loss(name, learned).backward()
    weights = loss.weights(LENGTHS)
    wanted = -learned.advantages * weights / loss.total(len(LENGTHS), sum(LENGTHS), LIMIT)
    assert torch.allclose(learned.log_probs.grad, wanted, atol=1e-6)


def test_the_clip_holds_back_what_has_moved_far_enough_already():
    log_probs = torch.log(torch.tensor([1.5, 1.5, 0.5, 0.5, 1.25])).requires_grad_()
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0])
    learned = LearnedTokens(log_probs, torch.zeros(5), advantages, (5,))
    losses, is_clipped = policy_loss("dapo").tokens(learned, BOUNDS)
    assert is_clipped.tolist() == [True, False, False, True, False]
    losses.sum().backward()
    assert (log_probs.grad == 0).tolist() == is_clipped.tolist()


def test_cispo_learns_from_the_tokens_that_the_clip_would_leave_out():
    log_probs = torch.log(torch.tensor([1.5, 1.0])).requires_grad_()
    losses, is_bounded = policy_loss("cispo").tokens(
        LearnedTokens(log_probs, torch.zeros(2), torch.ones(2), (2,)), BOUNDS
    )
    losses.sum().backward()
    assert is_bounded.tolist() == [True, False]
    assert torch.allclose(log_probs.grad, torch.tensor([-1.28, -1.0]))


@pytest.mark.parametrize("name", POLICY_LOSSES)
def test_the_loss_does_not_depend_on_how_a_batch_is_cut(name):
    learned, loss = tokens(), policy_loss(name)
    total = loss.total(len(LENGTHS), sum(LENGTHS), LIMIT)
    parts, start = 0.0, 0
    for length in LENGTHS:
        some = slice(start, start + length)
        part = LearnedTokens(learned.log_probs[some], learned.old[some], learned.advantages[some], (length,))
        losses, _ = loss.tokens(part, BOUNDS)
        parts += float((losses * loss.weights((length,))).sum().detach()) / total
        start += length
    assert parts == pytest.approx(float(batch_loss(name, learned).detach()), rel=1e-5)


def test_nothing_learned_is_no_division_by_zero():
    for loss in POLICY_LOSSES.values():
        assert loss.total(0, 0, LIMIT) == 1.0


def test_an_unknown_loss_or_clip_is_told():
    with pytest.raises(ValueError, match="unknown policy loss 'ppo'; choose from grpo, dr_grpo, dapo, gspo, cispo"):
        policy_loss("ppo")
    with pytest.raises(ValueError, match=r"got 1.5 and 0.28"):
        ClipBounds(low=1.5)


def test_dpo_is_the_log_odds_of_the_reference_free_bradley_terry_model():
    policy = PairLogProbs(torch.tensor([-3.0, -5.0], requires_grad=True), torch.tensor([-4.0, -2.0]))
    reference = PairLogProbs(torch.tensor([-3.5, -4.0]), torch.tensor([-3.0, -2.5]))
    losses, margins = dpo_loss(policy, reference, beta=0.5)
    by_hand = [0.5 * ((-3.0 + 3.5) - (-4.0 + 3.0)), 0.5 * ((-5.0 + 4.0) - (-2.0 + 2.5))]
    assert margins.tolist() == pytest.approx(by_hand)
    assert losses.tolist() == pytest.approx([math.log(1 + math.exp(-margin)) for margin in by_hand])
    losses.sum().backward()
    assert policy.chosen.grad.tolist() == pytest.approx([-0.5 / (1 + math.exp(margin)) for margin in by_hand])


def test_dpo_begins_at_a_coin_toss():
    held = PairLogProbs(torch.tensor([-30.0]), torch.tensor([-2.0]))
    losses, margins = dpo_loss(held, held, beta=0.1)
    assert losses.tolist() == pytest.approx([math.log(2)])
    assert margins.tolist() == [0]
