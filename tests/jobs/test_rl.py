"""A run with a reward model, and its prompts made once more."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("transformers")

from classifiers import write_classifier
from mixtures import let_sample, write_mixture, write_start

from demiglace.data.mixture_file import read_mixture
from demiglace.engine.sampling import SamplingParams
from demiglace.jobs.rl import prompts_of, run
from demiglace.recipes.hybrid_rl import HybridRlRecipe, numbers_of
from demiglace.rl.policy_settings import PolicySettings
from demiglace.rl.rollout_log import read_rollouts

MIXTURE = """
[[source]]
name = "pictures"
kind = "jsonl"
path = "pictures.jsonl"
media = "."
weights = { hybrid_rl = 1 }
"""


@pytest.fixture
def recipe(tmp_path):
    write_mixture(tmp_path)
    (tmp_path / "rl.toml").write_text(MIXTURE)
    policy = PolicySettings(batch_prompts=4, answers=3, short_limit=5, long_limit=5)
    numbers = numbers_of("nano", num_steps=1, policy=policy)
    start, judge = write_start(tmp_path / "start"), write_classifier(tmp_path / "judge", positions=400)
    return HybridRlRecipe(read_mixture(tmp_path / "rl.toml"), numbers, start, judge)


def test_a_reward_model_is_a_term_of_every_reward_and_part_of_what_a_run_is(recipe, machine, tmp_path):
    folder = tmp_path / "run"
    assert run(recipe, folder, machine) == folder / "model"
    line = json.loads((folder / "hybrid_rl" / "metrics.jsonl").read_text())
    assert line["preference"] == pytest.approx(0, abs=1e-6)  # of a mean in every group
    terms = [reward.terms for scored in read_rollouts(folder / "hybrid_rl") for reward in scored.rewards]
    assert len(terms) == 12
    assert all("preference" in one for one in terms)
    longer = replace(recipe, numbers=replace(recipe.numbers, num_steps=2))
    with pytest.raises(ValueError, match=r"has reward_model .*, not None"):
        run(replace(longer, reward_model=None), folder, machine)
    config = recipe.reward_model / "config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(ValueError, match=r"the reward model of the run .*config.json has changed"):
        run(longer, folder, machine)


def test_the_prompts_of_a_run_are_those_that_it_asked(recipe, machine, tmp_path):
    let_sample(recipe.start)
    run(replace(recipe, reward_model=None), tmp_path / "run", machine)
    assert SamplingParams.read(tmp_path / "run" / "model") == SamplingParams.read(recipe.start)
    prompts = prompts_of(tmp_path / "run")
    for scored in read_rollouts(tmp_path / "run" / "hybrid_rl"):
        number = scored.group.prompt_id
        prompt = prompts.read(number, prompts.draws(number, 1)[0])
        assert (prompt.question, prompt.mode, prompt.domain) == (scored.group.question, scored.group.mode, "pictures")
