"""A step against its plain twin; a run that is stopped or killed goes on as if nothing had happened."""

import json
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from checkpoints import make_outspoken
from mixtures import small_model
from rl_objectives import SETTINGS, Messages, mean_byte, objective, stage

from demiglace.processing.sample import Sample
from demiglace.records.bad_record import BadRecord
from demiglace.rl.policy_objective import ONE_UPDATE
from demiglace.rl.rewards import RewardSettings
from demiglace.rl.rollout_batch import PolicyLearner
from demiglace.rl.rollout_log import read_rollouts
from demiglace.training import checkpoint
from demiglace.training.objective import CannotBegin
from demiglace.training.trainer import Trainer, freeze_all_but


def learner_of(model):
    learner = PolicyLearner(model)
    freeze_all_but(learner, ("model.llm",))
    return learner


def learned(learner, learn, step=0):
    """Loss, figures and gradients of a step."""
    learner.zero_grad()
    parts = []
    for loss, part in learn(learner, step):
        loss.backward()
        parts.append({"loss": loss.detach(), **part})
    names = {name for part in parts for name in part}  # read when all is over, as the trainer does
    figures = {name: sum(float(part.get(name, 0.0)) for part in parts) for name in names}
    gradients = {name: p.grad.clone() for name, p in learner.named_parameters() if p.grad is not None}
    return figures["loss"], figures, gradients


def plain(learner, processor, groups, by_std=False):
    """The mean over all tokens of the batch of advantage times log-probability, each answer in a row of its own."""
    model, terms, count = learner.model, [], 0
    for sample, scored in zip(groups.samples, groups.scored, strict=True):
        rewards = torch.tensor([reward.value for reward in scored.rewards])
        advantages = rewards - rewards.mean()
        advantages = advantages / (rewards.std() + 1e-6) if by_std else advantages
        for rollout, advantage in zip(scored.group.rollouts, advantages, strict=True):
            tokens = torch.cat([sample.tokens, torch.tensor(rollout.tokens)])
            row = Sample(tokens, sample.visual_places, sample.visual)
            logits = model.logits(model(processor.batch([row])))[0].float()
            start = len(sample.tokens) - 1
            log_probs = logits[start : start + len(rollout.tokens)].log_softmax(-1)
            terms.append(-advantage * log_probs.gather(1, torch.tensor(rollout.tokens).unsqueeze(1)).sum())
            count += len(rollout.tokens)
    return sum(terms) / count


@pytest.mark.parametrize(("micro", "by_std"), [(1, False), (2, True), (4, False)])
def test_a_step_learns_the_plain_policy_gradient_however_it_is_cut(model, processor, tmp_path, micro, by_std):
    learner, learn = learner_of(model), objective(model, processor, tmp_path, micro=micro, by_std=by_std)
    _, figures, gradients = learned(learner, learn)
    assert figures["trainable_groups"] == figures["groups"] == 4
    learner.zero_grad()
    plain(learner, processor, learn.groups, by_std).backward()
    for name, parameter in learner.named_parameters():
        if parameter.requires_grad:
            scale = max(1e-3, float(parameter.grad.abs().max()))
            assert torch.allclose(gradients[name], parameter.grad, atol=1e-4 * scale), name


def test_figures_of_a_step(model, processor, tmp_path):
    messages = Messages()
    learn = objective(model, processor, tmp_path, messages)
    _, figures, _ = learned(learner_of(model), learn)
    rollouts = [one for scored in learn.groups.scored for one in scored.group.rollouts]
    made = sum(len(one.tokens) for one in rollouts)
    assert figures["made_tokens"] == figures["learned_tokens"] == made
    assert figures["answer_tokens"] == pytest.approx(made / len(rollouts))
    assert figures["cut_share"] == pytest.approx(sum(one.is_cut for one in rollouts) / len(rollouts))
    assert {"reward/short", "reward/long", "preference/long", "cut_share/short", "rule_share"} <= figures.keys()
    assert {"prompts_s", "sampling_s", "scoring_s", "learning_s"} <= figures.keys()
    assert figures["learning_s"] > 0
    assert 0 <= figures["log_prob_gap"] < 1e-4
    assert figures["entropy"] > 0
    assert "clip_share" not in figures
    assert messages.lines == [ONE_UPDATE]
    assert {scored.group.domain for scored in learn.groups.scored} <= {"words", "colours"}


@pytest.mark.parametrize("updates", [1, 2])
def test_the_gap_shows_weights_that_the_sampler_does_not_know(model, processor, tmp_path, updates):
    learn = objective(model, processor, tmp_path, updates=updates)
    other = deepcopy(model)
    with torch.no_grad():
        other.llm.lm_head.weight.mul_(1.5)
    _, figures, _ = learned(learner_of(other), _without_loading(learn))
    assert figures["log_prob_gap"] > 0.01


def _without_loading(learn):
    learn.collector.generator.load = lambda weights, version: None
    return learn


def test_groups_without_a_spread_are_left_out_and_told(model, processor, tmp_path):
    messages = Messages()
    learn = objective(model, processor, tmp_path, messages, reward=lambda group, texts: [1.0] * len(texts))
    loss, figures, gradients = learned(learner_of(model), learn)
    assert figures["trainable_groups"] == figures["learned_tokens"] == loss == 0
    assert "entropy" not in figures
    assert 0 <= figures["log_prob_gap"] < 1e-4  # of one group, on which nothing is trained
    assert all(gradient.abs().max() == 0 for gradient in gradients.values())
    assert messages.lines[1] == "step 1: 0 of 4 groups can teach; prompts that are sometimes right teach more"


def test_flat_groups_stay_by_choice_and_thin_the_mean(model, processor, tmp_path):
    def some(group, texts):
        return [1.0] * len(texts) if group.prompt_id % 2 else mean(group)

    def mean(group):
        return [float(sum(one.tokens)) for one in group.rollouts]

    dropped = learned(learner_of(model), objective(model, processor, tmp_path / "a", reward=some))
    kept = learned(learner_of(model), objective(model, processor, tmp_path / "b", reward=some, drops_flat=False))
    assert dropped[1]["trainable_groups"] == kept[1]["trainable_groups"] == 2
    share = dropped[1]["learned_tokens"] / kept[1]["learned_tokens"]
    assert 0 < share < 1
    for name, gradient in dropped[2].items():
        assert torch.allclose(kept[2][name], gradient * share, atol=1e-6), name


def test_cut_answers_are_left_out_by_choice(model, processor, tmp_path):
    rewards = RewardSettings(cut="left out")
    learn = objective(model, processor, tmp_path, rewards=rewards, short_limit=40, long_limit=3)
    _, figures, _ = learned(learner_of(model), learn)
    kept = [
        rollout
        for scored in learn.groups.scored
        for rollout, advantage in zip(scored.group.rollouts, scored.advantages, strict=True)
        if advantage is not None
    ]
    assert not any(rollout.is_cut for rollout in kept)
    assert figures["learned_tokens"] <= sum(len(rollout.tokens) for rollout in kept) < figures["made_tokens"]


def run(model, processor, folder, steps, **changes):
    learner = PolicyLearner(model)
    learn = objective(model, processor, folder, **changes)
    return learner, learn, Trainer(learner, stage(steps), learn, folder)


def weights_of(learner):
    return {name: value.clone() for name, value in learner.state_dict().items()}


@pytest.mark.parametrize("updates", [1, 2])
def test_a_stopped_run_goes_on_exactly_also_within_a_batch(processor, tmp_path, updates):
    whole, _, trainer = run(outspoken(), processor, tmp_path / "whole", 4, updates=updates)
    assert trainer.run()
    for steps in (1, 3, 4):
        learner, _, trainer = run(outspoken(), processor, tmp_path / "parts", steps, updates=updates)
        assert trainer.run()
    assert all(torch.equal(value, weights_of(whole)[name]) for name, value in weights_of(learner).items())
    assert list(read_rollouts(tmp_path / "whole")) == list(read_rollouts(tmp_path / "parts"))
    lines = [json.loads(line) for line in (tmp_path / "parts" / "metrics.jsonl").read_text().splitlines()]
    wanted = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    for name in ("step", "loss", "grad_norm", "entropy"):
        assert [line[name] for line in lines] == [line[name] for line in wanted]


def outspoken():
    made = small_model()
    make_outspoken(made)
    return made.requires_grad_(True)


def test_killed_between_answers_and_update_it_draws_nothing_twice(processor, tmp_path):
    whole, _, trainer = run(outspoken(), processor, tmp_path / "whole", 2)
    trainer.run()
    learner, learn, trainer = run(outspoken(), processor, tmp_path / "parts", 2)
    learn._losses = _killed
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert checkpoint.latest(tmp_path / "parts") is None
    learner, learn, trainer = run(outspoken(), processor, tmp_path / "parts", 2)
    generate, drawn = learn.collector.generator.generate, []
    learn.collector.generator.generate = lambda requests: drawn.append(len(requests)) or generate(requests)
    trainer.run()
    assert drawn == [SETTINGS["batch_prompts"] * SETTINGS["answers"]]  # of the second step alone
    assert all(torch.equal(value, weights_of(whole)[name]) for name, value in weights_of(learner).items())


def _killed(learner, learned):
    raise KeyboardInterrupt
    yield


def _later_not_finite(group, texts):
    return [float("nan")] * len(texts) if group.prompt_id >= 8 else mean_byte(group, texts)


def test_bad_input_within_a_run_leaves_the_steps_before_it(processor, tmp_path):
    """The next checkpoint by the stage's own numbers would be that of step 100."""
    whole, _, trainer = run(outspoken(), processor, tmp_path / "whole", 3)
    trainer.run()
    learner, learn, trainer = run(outspoken(), processor, tmp_path / "parts", 3, reward=_later_not_finite)
    with pytest.raises(CannotBegin, match=r"prompt 8 of \w+: .* not finite"):
        trainer.run()
    assert checkpoint.num_steps(checkpoint.latest(tmp_path / "parts")) == 2
    learner, learn, trainer = run(outspoken(), processor, tmp_path / "parts", 3)
    learn.collector.batches.batch = _bad
    with pytest.raises(CannotBegin, match=r"a.jsonl:1: empty") as raised:
        trainer.run()
    assert isinstance(raised.value.__cause__, BadRecord)
    learner, learn, trainer = run(outspoken(), processor, tmp_path / "parts", 3)
    trainer.run()
    assert all(torch.equal(value, weights_of(whole)[name]) for name, value in weights_of(learner).items())


def _bad(number):
    raise BadRecord("a.jsonl:1", "empty")


def test_a_batch_under_way_whose_answers_are_lost_is_not_drawn_from_other_weights(processor, tmp_path):
    run(outspoken(), processor, tmp_path, 1, updates=2)[2].run()
    (tmp_path / "rollouts.jsonl").unlink()
    with pytest.raises(ValueError, match="has 0 of the 4 groups of batch 0, which is under way"):
        run(outspoken(), processor, tmp_path, 2, updates=2)[2].run()


def test_a_second_update_is_measured_against_the_first_policy(processor, tmp_path):
    model = outspoken()
    learner, learn = learner_of(model), objective(model, processor, tmp_path, updates=2)
    _, first, _ = learned(learner, learn, 0)
    assert first["clip_share"] == 0
    with torch.no_grad():
        model.llm.lm_head.weight.mul_(1.5)
    _, second, _ = learned(learner, learn, 1)
    assert second["clip_share"] > 0.1
    assert second["log_prob_gap"] < 1e-4  # of sampler and learner, before the first update
    assert "reward" not in second
    assert first["learned_tokens"] + second["learned_tokens"] == first["made_tokens"]


def test_a_step_learns_from_the_same_prompts_however_they_are_dealt_out(model, processor, tmp_path):
    learn = objective(model, processor, tmp_path, updates=2)
    learned(learner_of(model), learn)
    whole = learn.groups

    def prompts(step, *places):
        samples, scored = ([held[place] for place in places] for held in (whole.samples, whole.scored))
        learn.groups = replace(whole, samples=samples, scored=scored)
        return sorted(scored.group.prompt_id for _, scored in learn._trained_groups(step))

    for step in (0, 1):
        own, other = ([0, 3], [1, 2]) if step == 0 else ([1, 2], [0, 3])
        assert prompts(step, 0, 1, 2, 3) == own
        assert prompts(step, own[1]) == own[1:]
        assert prompts(step, *other) == []


@pytest.mark.parametrize("updates", [2, 4])
def test_each_step_of_a_batch_learns_from_both_modes(model, processor, tmp_path, updates):
    learn = objective(model, processor, tmp_path, updates=updates, batch_prompts=8)
    for step in range(updates, 2 * updates):
        learned(learner_of(model), learn, step)
        modes = [scored.group.mode for _, scored in learn._trained_groups(step)]
        assert sorted(modes) == ["long"] * (4 // updates) + ["short"] * (4 // updates)


@pytest.mark.parametrize("loss", ["grpo", "dr_grpo", "dapo", "gspo", "cispo"])
def test_every_loss_is_one_line_of_configuration(model, processor, tmp_path, loss):
    _, _, gradients = learned(learner_of(model), objective(model, processor, tmp_path, loss=loss))
    assert gradients["model.llm.lm_head.weight"].abs().max() > 0


def test_a_reward_that_is_not_finite_is_told_with_its_prompt(model, processor, tmp_path):
    learn = objective(model, processor, tmp_path, reward=lambda group, texts: [float("nan"), 0.0, 1.0])
    with pytest.raises(ValueError, match=r"prompt 0 of \w+: .* not finite"):
        learned(learner_of(model), learn)
    assert not (tmp_path / "rollouts.jsonl").exists()


def test_memory_that_runs_out_halves_a_part_once(model, processor, tmp_path):
    learn = objective(model, processor, tmp_path, micro=4)
    assert learn.halve()
    assert learn.micro_batch_size == 2
    assert not learn.halve()
    assert not objective(model, processor, tmp_path, micro=1).halve()


def test_what_a_bad_step_was_learned_from_is_there_to_be_saved(model, processor, tmp_path):
    learn = objective(model, processor, tmp_path)
    assert learn.seen() == {}
    learned(learner_of(model), learn)
    assert {"prompts", "answers", "owners", "advantages", "sampled_log_probs"} == learn.seen().keys()
    assert all(isinstance(value, torch.Tensor) for value in learn.seen().values())
