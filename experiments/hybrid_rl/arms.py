"""The arms of the experiments with hybrid reinforcement learning, as recipes, and prompts as some of them want them."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
WIDE = Path(__file__).with_name("wide.toml")
STEPS = 24
POLICY = PolicySettings(batch_prompts=6, answers=8, short_limit=64, long_limit=160)
SENTENCES = replace(POLICY, batch_prompts=4, long_limit=192)
WIDE_POLICY = replace(POLICY, batch_prompts=32)
WIDE_SENTENCES = replace(SENTENCES, batch_prompts=24, by_std=True)  # by std as the paper's GRPO


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


@dataclass(frozen=True)
class Arm:
    """What the arms differ in. is_judged: whether there is a reward model."""

    policy: PolicySettings = POLICY
    long_share: float = 0.5
    learning_rate: float = 1e-4
    mixture: Path = MIXTURE
    prompts: type[Prompts] = Prompts
    is_judged: bool = False


WIDE_ARM = Arm(WIDE_POLICY, learning_rate=5e-5, mixture=WIDE)
ARMS = {
    "short": Arm(long_share=0.0),
    "long": Arm(long_share=1.0),
    "hybrid": Arm(),
    "no format": Arm(replace(POLICY, rewards=RewardSettings(tuple(term for term in TERMS if term != "format")))),
    "by std": Arm(replace(POLICY, by_std=True)),
    "reward model": Arm(is_judged=True),
    "reward model sees thoughts": Arm(replace(POLICY, rewards=RewardSettings(sees_thoughts=True)), is_judged=True),
    "sentences by rule": Arm(SENTENCES, long_share=1.0, prompts=RuleSentencePrompts),
    "sentences": Arm(SENTENCES, long_share=1.0, prompts=SentencePrompts),
    "wide": WIDE_ARM,
    "wide short": replace(WIDE_ARM, long_share=0.0),
    "wide long": replace(WIDE_ARM, long_share=1.0),
    "wide fast": replace(WIDE_ARM, learning_rate=2e-4),
    "wide sentences by rule": Arm(WIDE_SENTENCES, 1.0, 5e-5, WIDE, RuleSentencePrompts),
    "wide sentences": Arm(WIDE_SENTENCES, 1.0, 5e-5, WIDE, SentencePrompts),
}


def recipe_of(name: str, seed: int, steps: int, start: Path, judge: Path | None) -> HybridRlRecipe:
    """judge: folder of the reward model; arms that have none do without."""
    arm = ARMS[name]
    numbers = numbers_of(
        "nano", learning_rate=arm.learning_rate, num_steps=steps, long_share=arm.long_share, policy=arm.policy
    )
    mixture = read_mixture(arm.mixture)
    return HybridRlRecipe(mixture, numbers, start, judge if arm.is_judged else None, seed, save_every=4, keep=1)


def folder_of_arm(folder: Path, arm: str, seed: int) -> Path:
    return folder / f"{arm.replace(' ', '_')}-{seed}"
