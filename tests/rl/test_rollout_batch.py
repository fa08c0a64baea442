"""Answers behind a shared prompt have the log-probabilities and gradients of answers in rows of their own."""

import pytest
import torch

from demiglace.batch import Visual
from demiglace.rl.rollout_batch import PolicyLearner, RolloutBatch
from demiglace.rl.shared_encoder import SharedEncoder


def alone(model, processor, prompts, answers):
    """The plain twin: each prompt with each answer as a row of its own."""
    found = []
    for prompt, some in zip(prompts, answers, strict=True):
        for answer in some:
            batch = processor.batch([prompt])
            tokens = torch.cat([batch.tokens, torch.tensor([answer])], dim=1)
            positions = torch.arange(tokens.shape[1]).unsqueeze(0)
            row = type(batch)(tokens, positions, torch.ones_like(tokens), batch.visual_places, batch.visual)
            weighed = model.logits(model(row))[0].float().log_softmax(-1)
            start = batch.tokens.shape[1] - 1
            found.append((weighed[start : start + len(answer)], torch.tensor(answer)))
    log_probs = torch.cat([weighed.gather(1, answer.unsqueeze(1)).squeeze(1) for weighed, answer in found])
    entropies = torch.cat([-(weighed.exp() * weighed).sum(-1) for weighed, _ in found])
    return log_probs, entropies


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


def test_a_shared_prompt_gives_what_separate_rows_give(model, processor, prompts, answers):
    log_probs, entropy = PolicyLearner(model)(RolloutBatch.of(processor, prompts, answers))
    expected, entropies = alone(model, processor, prompts, answers)
    assert torch.allclose(log_probs, expected, atol=1e-5, rtol=0)
    assert torch.allclose(entropy, entropies, atol=1e-4)
    assert not entropy.requires_grad
    weights = torch.linspace(-1, 1, len(expected))
    found, wanted = gradients(model, log_probs @ weights), gradients(model, expected @ weights)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.allclose(found[name], value, atol=1e-5 * max(1.0, float(value.abs().max()))), name


def test_layers_that_keep_only_their_inputs_give_the_same(model, processor, prompts, answers):
    batch = RolloutBatch.of(processor, prompts, answers)
    found = []
    for checkpointing in (False, True):
        log_probs, _ = PolicyLearner(model, checkpointing)(batch)
        found.append((log_probs.detach(), gradients(model, log_probs @ torch.linspace(-1, 1, len(log_probs)))))
    (plain, wanted), (checkpointed, own) = found
    assert torch.equal(plain, checkpointed)
    assert own.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.allclose(own[name], value, atol=1e-6 * max(1.0, float(value.abs().max()))), name


def test_answers_of_one_token_run_all_layers_as_longer_ones_do(model, processor, prompts):
    """Processes that shard the weights gather them in every pass, forwards and backwards: one would wait forever."""
    calls = []
    model.llm.register_forward_hook(lambda *_: calls.append("forwards"))
    model.llm.model.layers[0].register_full_backward_hook(lambda *_: calls.append("backwards"))
    for some in ([[5], [6]], [[5, 7], [6]]):
        answers = [some] * len(prompts)
        calls.clear()
        log_probs, _ = PolicyLearner(model)(RolloutBatch.of(processor, prompts, answers))
        assert torch.allclose(log_probs, alone(model, processor, prompts, answers)[0], atol=1e-5)
        del calls[2:]
        log_probs.sum().backward()
        assert calls == ["forwards"] * 2 + ["backwards"] * 2


def test_one_prompt_without_padding(model, processor, prompts):
    answers = [[[5, 6, 7], [7, 8, 9]]]
    log_probs, _ = PolicyLearner(model)(RolloutBatch.of(processor, prompts[:1], answers))
    assert torch.allclose(log_probs, alone(model, processor, prompts[:1], answers)[0], atol=1e-5, rtol=0)


def test_features_of_a_frozen_encoder_are_taken_as_they_are(model, processor, prompts, answers):
    batch, encoder = RolloutBatch.of(processor, prompts, answers), SharedEncoder(model.vpm)
    expected, _ = PolicyLearner(model)(batch)
    with torch.inference_mode():
        encoder.features(batch.prompts.visual)
    assert encoder.num_encoded == 3
    found, _ = PolicyLearner(model)(batch, encoder.features)
    assert encoder.num_encoded == 3
    assert torch.allclose(found, expected, atol=1e-6)
    found.sum().backward()
    assert model.resampler.query.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in model.vpm.parameters())


def test_equal_pictures_are_encoded_once_until_they_are_forgotten(model, processor, prompts):
    encoder, visual = SharedEncoder(model.vpm), prompts[2].visual
    twice = torch.cat([visual.patches, visual.patches]), torch.cat([visual.grids, visual.grids])
    assert torch.allclose(encoder(*twice), model.vpm(*twice), atol=1e-6)
    assert encoder.num_encoded == 2
    encoder.forget()
    encoder(visual.patches, visual.grids)
    assert encoder.num_encoded == 4


def test_pictures_that_lack_static_patches_are_encoded_with_the_one_before_them(model):
    """As the engine hands them over: package by package, without the pictures that have no patch at all."""
    generator = torch.Generator().manual_seed(0)
    patches = torch.randn(4 + 1 + 4, 3 * 14**2, generator=generator)
    runs = torch.tensor([3, 1, 3, 3, 0, 2, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    whole = Visual(patches, torch.tensor([[2, 2]] * 4), torch.tensor([3, 1]), torch.tensor([0, 1, 2, -1]), runs)
    encoder = SharedEncoder(model.vpm)
    expected = model.vpm(whole.patches, whole.grids, kept=whole.kept)
    first = encoder(patches[:5], whole.grids[:2], None, False, whole.kept[:8])
    second = encoder(patches[5:], whole.grids[3:])
    assert encoder.num_encoded == 3
    assert torch.allclose(torch.cat([first, second]), expected, atol=1e-6)
    assert torch.equal(encoder.features(whole), torch.cat([first, second]))
    assert encoder.num_encoded == 3


def test_an_answer_without_a_token_is_refused(processor, prompts):
    with pytest.raises(ValueError, match="at least 1 token, but 1 of 2 have 0"):
        RolloutBatch.of(processor, prompts[:1], [[[1], []]])
