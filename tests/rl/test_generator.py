"""What the sampler draws is what the learner weighs: the same pixels, the same log-probabilities."""

from dataclasses import replace

import pytest
import torch

from demiglace.conversation import Conversation
from demiglace.rl.generator import AnswerRequest, EngineGenerator, sampling_model
from demiglace.rl.rollout_batch import PolicyLearner, RolloutBatch


def requests(prompts, count=4, limit=12):
    return [
        AnswerRequest(f"prompt {number}", prompt, is_long=number == 2, limit=limit, seed=100 * number + sample)
        for number, prompt in enumerate(prompts)
        for sample in range(count)
    ]


def log_probs_gap(model, processor, prompts, completions, count=4, encode=None):
    tokens = [[one.tokens for one in completions[at : at + count]] for at in range(0, len(completions), count)]
    with torch.no_grad():
        found, _ = PolicyLearner(model)(RolloutBatch.of(processor, prompts, tokens), encode)
    sampled = torch.tensor([log_prob for one in completions for log_prob in one.log_probs])
    return float((found - sampled).abs().max())


@pytest.mark.parametrize("is_frozen", [True, False])
def test_sampler_and_learner_agree_on_every_log_probability(model, processor, prompts, is_frozen):
    generator = EngineGenerator(model, processor, is_frozen)
    completions = generator.generate(requests(prompts))
    assert len({one.tokens for one in completions}) > 6
    assert log_probs_gap(model, processor, prompts, completions, encode=generator.encode) < 1e-4


def test_a_learner_that_sees_other_pixels_is_found_out(model, processor, prompts):
    completions = EngineGenerator(model, processor, is_encoder_frozen=True).generate(requests(prompts))
    visual = prompts[0].visual
    blind = [replace(prompts[0], visual=replace(visual, patches=-visual.patches)), *prompts[1:]]
    assert log_probs_gap(model, processor, blind, completions) > 0.01


def test_each_picture_is_encoded_once_for_sampling_and_update(model, processor, prompts):
    generator = EngineGenerator(model, processor, is_encoder_frozen=True)
    completions = generator.generate(requests(prompts))
    log_probs_gap(model, processor, prompts, completions, encode=generator.encode)
    assert generator.encoder.num_encoded == 3


def test_new_weights_are_answered_with_and_nothing_old(model, processor, prompts):
    generator = EngineGenerator(model, processor, is_encoder_frozen=False)
    generator.load([], 0)
    before = generator.generate(requests(prompts))
    assert [one.tokens for one in generator.generate(requests(prompts))] == [one.tokens for one in before]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)), alpha=0.1)
    generator.load(model.named_parameters(), 1)
    after = generator.generate(requests(prompts))
    assert generator.version == 1
    assert [one.tokens for one in after] != [one.tokens for one in before]
    assert log_probs_gap(model, processor, prompts, after) < 1e-4


def test_a_copy_takes_the_weights_over(model, processor, prompts):
    copied = sampling_model(model, is_sharded=True, dtype=torch.float32)
    assert copied is not model
    assert sampling_model(model, is_sharded=False, dtype=torch.float32) is model
    generator = EngineGenerator(copied, processor, is_encoder_frozen=True)
    with torch.no_grad():
        model.llm.lm_head.weight.mul_(0.5)
    generator.load([("llm.lm_head.weight", model.llm.lm_head.weight)], 1)
    assert log_probs_gap(model, processor, prompts, generator.generate(requests(prompts))) < 1e-4


def test_structure_is_never_drawn(model, processor, prompts):
    structural = processor.tokenizer.special["unk"]
    with torch.no_grad():
        model.llm.lm_head.weight[structural] = 50 * model.llm.lm_head.weight.abs().max()
    generator = EngineGenerator(model, processor, is_encoder_frozen=True)
    assert structural in generator.roles.forbidden
    drawn = {token for one in generator.generate(requests(prompts)) for token in one.tokens}
    assert not drawn & generator.roles.forbidden


def test_a_prompt_that_cannot_be_answered_is_named_and_the_others_are_let_go(model, processor, prompts):
    generator = EngineGenerator(model, processor, is_encoder_frozen=True)
    long = processor.prepare(Conversation.ask("word " * 300))
    with pytest.raises(ValueError, match=r"prompt 3 of words: a prompt of 15\d\d tokens"):
        generator.generate([*requests(prompts[:1], 1), AnswerRequest("prompt 3 of words", long, False, 4, 0)])
    with torch.no_grad():
        model.llm.lm_head.weight.fill_(float("nan"))
    generator.load([], 1)
    with pytest.raises(ValueError, match="prompt 0: the model's logits for the next token are nan"):
        generator.generate(requests(prompts))
    assert generator.engine.is_idle
