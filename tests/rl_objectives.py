"""Objectives over a small model whose answers are worth what a made-up reward model says."""

from dataclasses import dataclass

import torch

from demiglace.data.mixture import Mixture
from demiglace.data.sources.generated_questions import GeneratedQuestions
from demiglace.rl.generator import EngineGenerator
from demiglace.rl.policy_objective import PolicyObjective
from demiglace.rl.policy_settings import PolicySettings
from demiglace.rl.prompts import Prompts
from demiglace.rl.rollout_collector import RolloutCollector
from demiglace.rl.rollout_log import RolloutLog
from demiglace.training.stage import Stage

SOURCES = (
    GeneratedQuestions("words", text_share=1.0),
    GeneratedQuestions("colours", topics={"colours": 1.0}, text_share=0.0, smallest=100, largest=100),
)
SETTINGS = {"batch_prompts": 4, "answers": 3, "short_limit": 6, "long_limit": 6}


def mean_byte(group, texts):
    """Worth more with larger bytes: every group has a spread."""
    return [sum(rollout.tokens) / len(rollout.tokens) for rollout in group.rollouts]


@dataclass
class Messages:
    """Messages of a run, and its bad records."""

    lines: list
    bad: list

    def __init__(self):
        self.lines, self.bad = [], []


def objective(
    model, processor, folder, messages=None, sources=SOURCES, micro=2, frozen=True, reward=mean_byte, **changes
):
    messages = messages or Messages()
    settings = PolicySettings(**{**SETTINGS, **changes})
    mixture = Mixture(sources, (1.0,) * len(sources), (1.0,) * len(sources))
    collector = RolloutCollector(
        Prompts(mixture, 0.5, seed=0),
        EngineGenerator(model, processor, frozen),
        settings,
        RolloutLog(folder),
        messages.bad.append,
        reward_model=reward,
    )
    return PolicyObjective(
        collector, messages.lines.append, micro_batch_size=micro, device=torch.device("cpu"), dtype=torch.float32
    )


def stage(num_steps, **changes):
    settings = {"learning_rate": 1e-3, "warmup": 0, "decay_share": 0.0, "min_lr_ratio": 1.0, "weight_decay": 0.0}
    settings |= {"max_grad_norm": 1.0, "save_every": 100, "muon": False}
    return Stage("hybrid_rl", ("model.llm",), num_steps, **{**settings, **changes})
