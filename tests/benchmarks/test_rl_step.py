"""The step written plainly is a twin of ours: the same rewards and the same gradient for the same answers."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers", reason="the transformers extra is not installed")
pytest.importorskip("trl", reason="trl is not installed")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from rl_peers import Peer, answered, plain_answers, plain_gradient, rewards_of, trl_step
from rl_step import OurStep, summary

from demiglace.integrations.transformers.rows import RowOptions, rows_of
from demiglace.model.hub import folder_of
from demiglace.recipes.hybrid_rl import numbers_of
from demiglace.rl.generator import Completion

SETTINGS = replace(numbers_of("nano").policy, batch_prompts=2, answers=3, short_limit=6, long_limit=9)


@pytest.fixture(scope="module")
def ours():
    return OurStep(folder_of(None), SETTINGS)


@pytest.fixture(scope="module")
def peer():
    return Peer.load(folder_of(None))


@pytest.fixture(scope="module")
def work(ours):
    return ours.work(0)


def said(ours, prompt):
    """A right answer, a wrong one, and one that is cut: of different lengths and worth."""
    tokenizer, roles = ours.processor.tokenizer, ours.objective.collector.generator.roles
    end = min(roles.ends)
    thoughts = [*tokenizer.encode("I look."), *roles.closing] if prompt.mode == "long" else []
    right, wrong = ([*thoughts, *tokenizer.encode(text), end] for text in (prompt.question.answer, "zebras"))
    return [right, wrong, tokenizer.encode("It is")]


def test_rewards_and_gradient_are_those_of_the_plain_step(ours, peer, work, monkeypatch):
    ends = ours.objective.collector.generator.roles.ends
    answers = [said(ours, prompt) for prompt in work.prompts]
    flat = [tuple(one) for some in answers for one in some]
    given = [Completion(one, (0.0,) * len(one), "end" if one[-1] in ends else "length") for one in flat]
    monkeypatch.setattr(ours.objective.collector.generator, "generate", lambda requests: given)
    for loss, _ in ours.objective(ours.learner, 0):
        loss.backward()

    groups = [peer.group(prompt, some) for prompt, some in zip(work.prompts, answers, strict=True)]
    rewards = [[one.value for one in rewards_of(group, work.settings)] for group in groups]
    assert rewards == [[one.value for one in scored.rewards] for scored in ours.objective.groups.scored]
    assert {prompt.mode for prompt in work.prompts} == {"short", "long"}
    assert all(some[0] > some[1] > some[2] for some in rewards)
    plain_gradient(peer.model, work, answers, rewards)

    theirs = dict(peer.model.named_parameters())
    learned = {name: value for name, value in ours.learner.named_parameters() if value.requires_grad}
    assert len(learned) > 40
    for name, value in learned.items():
        wanted = theirs[name.removeprefix("model.")].grad
        assert torch.allclose(value.grad, wanted, atol=1e-4 * float(wanted.abs().max().clamp(min=1e-3))), name


@pytest.mark.slow
def test_trl_takes_a_step_at_the_same_numbers(work):
    step = trl_step(folder_of(None), work)
    most = len(work.prompts) * SETTINGS.answers * SETTINGS.long_limit
    assert len(work.prompts) * SETTINGS.answers <= step["made_tokens"] <= most
    assert step["seconds"] > 0


def test_plain_answers_are_of_each_mode_and_end_where_they_end(peer, work):
    torch.manual_seed(0)
    answers = plain_answers(peer, work)
    assert [len(some) for some in answers] == [3, 3]
    for prompt, some in zip(work.prompts, answers, strict=True):
        assert all(1 <= len(one) <= SETTINGS.limit(prompt.mode) for one in some)
        assert not any(set(one[:-1]) & peer.roles.ends for one in some)


def test_pictures_by_number_are_those_of_the_prompts(peer, work):
    rows = rows_of([answered(sample, [65]) for sample in work.samples], RowOptions(), 0)
    by_number = {name: rows[name] for name in ("input_ids", "attention_mask", "mm_token_type_ids")}
    peer.model.shown = work.samples
    with torch.no_grad():
        wanted = peer.model.base_model(**rows)[0]
        assert torch.equal(peer.model.base_model(**by_number, pixel_values=torch.tensor([0, 1]))[0], wanted)


def test_ratios_are_of_one_round():
    found = {"ours": [{"seconds": 1.0}, {"seconds": 2.0}], "plain": [{"seconds": 4.0}, {"seconds": 20.0}]}
    assert summary(found)["times_ours"] == {"plain": 7.0}
    assert summary(found)["ways"]["ours"] == {"seconds": 1.5}
