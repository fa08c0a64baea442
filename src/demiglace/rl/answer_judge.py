"""Several answers of the policy to each prompt, split into claims, each checked by a verifier (RLAIF-V)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from demiglace.conversation import Conversation, Text
from demiglace.engine.sampling import SamplingParams
from demiglace.inference.answer import Answer
from demiglace.inference.demiglace import Demiglace
from demiglace.processing.chat_template import END_THINK, THINK
from demiglace.rl.claim_verdict import LEAST_MASS, ClaimVerdict
from demiglace.rl.claims import AtomicClaim, SplitAnswer, Splitter
from demiglace.rl.judged_answers import JudgedAnswer, JudgedAnswers, JudgedClaim
from demiglace.rl.prompts import Prompt
from demiglace.rl.rollout import Mode

ROWS = 64  # answers in progress at a time; ours
LEAST_CLAIMS = 32  # before a verifier can be rejected as unclear; ours
MOST_UNCLEAR = 0.5  # share of claims without a verdict; ours


class Verifier(Protocol):
    """A model that judges whether claims hold."""

    def verdicts(self, asked: Sequence[Conversation]) -> list[ClaimVerdict]:
        """A verdict on each question; ValueError if there is no answer."""


@dataclass(frozen=True)
class AnswerSettings:
    """How answers are sampled and judged; ValueError for numbers out of bounds.

    answers: to each prompt. short_limit, long_limit: the most tokens of an answer, by mode.
    least_mass: least probability of yes and no together. A claim with less has no verdict, and an answer with such a
        claim has no score.
    """

    answers: int = 10  # RLAIF-V
    short_limit: int = 1024  # ours
    long_limit: int = 8192  # as in hybrid RL
    temperature: float = 1.0  # as in hybrid RL; RLAIF-V is silent
    least_mass: float = LEAST_MASS

    def __post_init__(self) -> None:
        if self.answers < 2:
            raise ValueError(f"a pair needs at least 2 answers to a prompt, got {self.answers}")
        if min(self.short_limit, self.long_limit) < 1:
            raise ValueError(f"limits must be at least 1, got {self.short_limit} and {self.long_limit}")
        if not 0 < self.temperature <= 100:
            raise ValueError(f"the temperature lies in (0, 100], got {self.temperature}")
        if not 0 <= self.least_mass <= 1:
            raise ValueError(f"least_mass lies in [0, 1], got {self.least_mass}")


@dataclass(frozen=True)
class AnswerJudge:
    """policy: the model whose answers are judged. seed: of the run."""

    policy: Demiglace
    split: Splitter
    verifier: Verifier
    settings: AnswerSettings
    seed: int

    def judge(self, prompts: Sequence[Prompt]) -> list[JudgedAnswers]:
        """Judged answers to each prompt; equal questions about one are asked once. Errors as in policy and verifier."""
        answers = self._drawn(prompts)
        split = self._split(list(zip(prompts, answers, strict=True)))
        asked = {
            (place, claim.question): _question(prompts[place], claim)
            for place, some in enumerate(split)
            for one in some
            for claim in one.claims
        }
        verdicts = dict(zip(asked, self.verifier.verdicts(list(asked.values())), strict=True))
        judged = []
        for place, prompt in enumerate(prompts):
            own = tuple(
                self._judged(answer, one, [verdicts[place, claim.question] for claim in one.claims])
                for answer, one in zip(answers[place], split[place], strict=True)
            )
            judged.append(JudgedAnswers(prompt.number, prompt.domain, prompt.mode, prompt.question.text, own))
        return judged

    def _drawn(self, prompts: Sequence[Prompt]) -> list[list[Answer]]:
        """Answers to each prompt."""
        count = self.settings.answers
        asked = [prompt.conversation() for prompt in prompts for _ in range(count)]
        sampling = [self._sampling(prompt, place) for prompt in prompts for place in range(count)]
        answers = self.policy.batch(asked, sampling, ROWS)
        return [answers[at : at + count] for at in range(0, len(answers), count)]

    def _sampling(self, prompt: Prompt, place: int) -> SamplingParams:
        limit = self.settings.long_limit if prompt.mode == "long" else self.settings.short_limit
        temperature, seed = self.settings.temperature, prompt.answer_seed(self.seed, place)
        return SamplingParams(limit, temperature, top_p=1.0, top_k=0, repetition_penalty=1.0, seed=seed)

    def _split(self, drawn: Sequence[tuple[Prompt, list[Answer]]]) -> list[list[SplitAnswer]]:
        """Split every answer; all complete ones go through the splitter together."""
        problems = [[_problem(answer, prompt.mode) for answer in some] for prompt, some in drawn]
        whole = [
            (prompt.question.text, answer.text)
            for (prompt, some), own in zip(drawn, problems, strict=True)
            for answer, problem in zip(some, own, strict=True)
            if not problem
        ]
        split = iter(self.split(whole))
        return [[SplitAnswer(problem=one) if one else next(split) for one in some] for some in problems]

    def _judged(self, answer: Answer, split: SplitAnswer, verdicts: Sequence[ClaimVerdict]) -> JudgedAnswer:
        claims = tuple(JudgedClaim(*pair) for pair in zip(split.claims, verdicts, strict=True))
        unclear = [one for one in claims if not one.verdict.is_clear(self.settings.least_mass)]
        problem = split.problem
        if unclear:
            first = unclear[0]
            problem = f"{len(unclear)} claims without a verdict: {first.verdict.mass:.2g} to {first.claim.question}"
        return JudgedAnswer(_learned_text(answer), answer.new_tokens, claims, problem)


def _problem(answer: Answer, mode: Mode) -> str:
    """Why an answer cannot be split or learned from; "" if it can."""
    if answer.stopped_by != "end":
        return f"cut after {answer.new_tokens} tokens"
    if answer.thinking and mode == "short":  # nothing after the opening of a short answer may be reasoning
        return "reasons in a short answer"
    return "" if answer.text else "says nothing"


def _learned_text(answer: Answer) -> str:
    """The answer as training text, with its reasoning if it has any."""
    return f"{THINK}\n{answer.thinking}\n{END_THINK}\n\n{answer.text}" if answer.thinking else answer.text


def check_verifier(judged: Iterable[JudgedAnswers], least_mass: float) -> None:
    """ValueError if most claims so far have no verdict: such a verifier is unusable."""
    found = [one.verdict.mass for answers in judged for answer in answers.answers for one in answer.claims]
    unclear = sum(mass < least_mass for mass in found)
    if len(found) >= LEAST_CLAIMS and unclear > MOST_UNCLEAR * len(found):
        raise ValueError(
            f"the verifier says neither yes nor no to {unclear} of {len(found)} claims: both together have a "
            f"probability of {median(found):.2g} (median), less than {least_mass:g}; another model can be the verifier"
        )


def _question(prompt: Prompt, claim: AtomicClaim) -> Conversation:
    """The claim's question about everything that the prompt shows."""
    shown = [part for message in prompt.messages for part in message.content if not isinstance(part, Text)]
    return Conversation.ask(claim.question, *shown)
