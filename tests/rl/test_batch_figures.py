"""Means of a batch by mode and by domain, which are never of both."""

import pytest

from demiglace.rl.batch_figures import batch_figures, check_domains
from demiglace.rl.rollout import Group, Mode, Reward, Rollout
from demiglace.rl.rollout_log import ScoredGroup
from demiglace.scoring.question import Question
from demiglace.training.distributed import ALONE


def scored(mode: Mode, domain: str, reward: float) -> ScoredGroup:
    rollout = Rollout(0, mode, (1,), (-0.1,), 0, "end", "x")
    group = Group(Question("kind", "What?", "a", "a"), (rollout, rollout), domain)
    return ScoredGroup(group, "rule", (Reward(reward, {"accuracy": reward}),) * 2, (0.0, 0.0))


def test_means_are_by_mode_and_by_domain() -> None:
    found = batch_figures([scored("long", "charts", 1.0), scored("short", "maps", 0.0)], ["charts", "maps"], ALONE)
    means = {name: value for name, value in found.items() if name.startswith("reward")}
    assert means == {"reward": 0.5, "reward/long": 1, "reward/short": 0, "reward/charts": 1, "reward/maps": 0}


@pytest.mark.parametrize("name", ["long", "short"])
def test_a_domain_is_named_otherwise_than_a_mode(name: str) -> None:
    check_domains(["charts", "longer"])
    with pytest.raises(ValueError, match=f"a source is named '{name}', as a mode of answers"):
        check_domains(["charts", name])
