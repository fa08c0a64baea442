"""The arms of the experiments with hybrid reinforcement learning, as recipes, and prompts as some of them want them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from demiglace.conversation import Message, Text
from demiglace.data.mixture import Draw
from demiglace.data.mixture_file import read_mixture
from demiglace.recipes.hybrid_rl import HybridRlRecipe, numbers_of
from demiglace.rl.policy_settings import PolicySettings
from demiglace.rl.probability_reward import ScoredBy
from demiglace.rl.prompts import Prompt, Prompts
from demiglace.rl.rewards import TERMS, RewardSettings
from demiglace.scoring.question import in_a_sentence

MIXTURE = Path(__file__).parents[2] / "runs" / "rl.toml"
STEPS = 24
LEARNING_RATE = 1e-4
POLICY = PolicySettings(batch_prompts=6, answers=8, short_limit=64, long_limit=160)
SENTENCES = replace(POLICY, batch_prompts=4, long_limit=192)
JUDGED = ("reward model", "reward model sees thoughts")
LONG_SHARES = {"short": 0.0, "long": 1.0, "sentences by rule": 1.0, "sentences": 1.0}  # of the others 0.5
ARMS = {
    "short": POLICY,
    "long": POLICY,
    "hybrid": POLICY,
    "no format": replace(POLICY, rewards=RewardSettings(tuple(term for term in TERMS if term != "format"))),
    "by std": replace(POLICY, by_std=True),
    "reward model": POLICY,
    "reward model sees thoughts": replace(POLICY, rewards=RewardSettings(sees_thoughts=True)),
    "sentences by rule": SENTENCES,
    "sentences": SENTENCES,
}


def with_sentence(prompt: Prompt) -> Prompt:
    """The same, asked to be answered in a sentence."""
    question = in_a_sentence(prompt.question)
    *parts, _ = prompt.messages[-1].content
    return replace(prompt, question=question, messages=(Message("user", (*parts, Text(question.text))),))


class SentencePrompts(Prompts):
    """Sentences are asked for and are the references: long enough to be rewarded by probability."""

    def read(self, number: int, draw: Draw) -> Prompt:
        prompt = with_sentence(super().read(number, draw))
        question = replace(prompt.question, answer=prompt.question.spoken, choices=())
        return replace(prompt, question=question)


class RulePrompt(Prompt):
    @property
    def scored_by(self) -> ScoredBy:
        return "rule"


class RuleSentencePrompts(SentencePrompts):
    """The same, and none is rewarded by probability."""

    def read(self, number: int, draw: Draw) -> Prompt:
        return RulePrompt(**vars(super().read(number, draw)))


PROMPTS: dict[str, type[Prompts]] = {"sentences by rule": RuleSentencePrompts, "sentences": SentencePrompts}


def recipe_of(arm: str, seed: int, steps: int, start: Path, judge: Path | None) -> HybridRlRecipe:
    """judge: folder of the reward model; arms that do not say that they have one do without."""
    numbers = numbers_of(
        "nano",
        learning_rate=LEARNING_RATE,
        num_steps=steps,
        long_share=LONG_SHARES.get(arm, 0.5),
        policy=ARMS[arm],
    )
    mixture = read_mixture(MIXTURE)
    return HybridRlRecipe(mixture, numbers, start, judge if arm in JUDGED else None, seed, save_every=4, keep=1)


def folder_of_arm(folder: Path, arm: str, seed: int) -> Path:
    return folder / f"{arm.replace(' ', '_')}-{seed}"
