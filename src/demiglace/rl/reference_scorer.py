"""Computing the probability reward: the model scores references after the reasoning of each answer."""

from __future__ import annotations

from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.rl.generator import EngineGenerator
from demiglace.rl.probability_reward import mean_probability, probability_reward
from demiglace.rl.prompts import Prompt
from demiglace.rl.rollout import Group, Rollout
from demiglace.rl.rollout_batch import PolicyLearner, RolloutBatch


class ReferenceScorer:
    """Uses the same weights as the generator. RLPR's code takes the initial policy for the probability without
    reasoning, once a prompt; here both are the current policy's, since no prompt comes twice (ours)."""

    def __init__(self, generator: EngineGenerator) -> None:
        self.generator, self.learner = generator, PolicyLearner(generator.model)

    @property
    def processor(self) -> Processor:
        return self.generator.processor

    def rewards(self, prompt: Prompt, sample: Sample, group: Group) -> list[float]:
        """The reward of each answer; 0 if its reasoning is not closed. sample: the prompt for a long answer.

        Raises ValueError if the reference does not fit after prompt and reasoning.
        """
        reference = self.processor.tokenizer.encode(prompt.question.answer)
        thoughts = [self._thoughts(rollout) for rollout in group.rollouts]
        ended = [tokens for tokens in thoughts if tokens is not None]
        if not ended:
            return [0.0] * len(thoughts)
        self._check_room(prompt, len(sample.tokens) + max(map(len, ended)) + len(reference))
        short = self.processor.prepare(prompt.conversation("short"))
        without, *found = self._probabilities([short, sample], [[[]], ended], reference)
        rewards = iter([probability_reward(probability, without) for probability in found])
        return [0.0 if tokens is None else next(rewards) for tokens in thoughts]

    def _thoughts(self, rollout: Rollout) -> list[int] | None:
        """Tokens up to the answer, closed as in the chat template; None if the reasoning is not closed."""
        end = self.generator.roles.think_end
        if end is None or end not in rollout.tokens:
            return None
        return [*rollout.tokens[: rollout.tokens.index(end) + 1], *self.generator.roles.after_thoughts]

    def _probabilities(
        self, samples: list[Sample], beginnings: list[list[list[int]]], reference: list[int]
    ) -> list[float]:
        """Mean probability of the reference after each beginning of an answer."""
        answers = [[[*begun, *reference] for begun in some] for some in beginnings]
        batch = RolloutBatch.of(self.processor, samples, answers)
        found = self.learner.log_probs_by_answer(batch, self.generator.encode)
        return [mean_probability(probabilities[-len(reference) :]) for probabilities in found]

    def _check_room(self, prompt: Prompt, length: int) -> None:
        limit = self.generator.model.config.llm.max_position_embeddings
        if length > limit:
            raise ValueError(
                f"{prompt.name}: prompt, thoughts and reference have {length} tokens, the model {limit} positions"
            )
