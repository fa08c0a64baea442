"""Preference pairs from a model's own answers: sampled, judged claim by claim, paired; everything is saved at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from demiglace.engine.sampling import SamplingParams
from demiglace.inference.demiglace import Demiglace
from demiglace.jobs.machine import Machine
from demiglace.model import weights
from demiglace.processing.processor import Processor
from demiglace.recipes.preference import PreferenceRecipe, VerifierChoice
from demiglace.records.bad_record import BadRecord
from demiglace.rl.answer_judge import AnswerJudge, Verifier, check_verifier
from demiglace.rl.claims import Splitter, Writer, split_by_model, split_by_rule
from demiglace.rl.engine_verifier import EngineVerifier
from demiglace.rl.judged_answers import AnswerLog, JudgedAnswers
from demiglace.rl.preference_pairs import PreferencePair, choose_pairs, mean_longer, read_pairs, write_pairs
from demiglace.rl.prompts import Prompt, Prompts
from demiglace.rl.server_verifier import ServerVerifier, only_model

PAIRS_FILE = "pairs.jsonl"
PROMPTS_AT_ONCE = 8  # ours; if a process is killed, the answers and verdicts of so many prompts are lost


@dataclass(frozen=True)
class JudgedPairs:
    """Samples and judges the answers that `folder` lacks, in all processes."""

    recipe: PreferenceRecipe
    prompts: Prompts
    folder: Path
    machine: Machine

    def make(self, should_stop: Callable[[], bool]) -> list[PreferencePair] | None:
        """The pairs of the run, which are also saved; None if it was stopped.

        Raises ValueError if there are no pairs, and what the verifier raises.
        """
        path, log = self.folder / PAIRS_FILE, AnswerLog(self.folder, self.machine.ranks.rank)
        if path.exists():
            return read_pairs(path)
        if not self._answer_all(log, should_stop):
            return None
        judged = list(log.read().values())
        check_verifier(judged, self.recipe.numbers.answers.least_mass)  # again: all may be of a run that it ended
        pairs = choose_pairs(judged, self.recipe.numbers.pairs_of_a_prompt)
        self.machine.log(summary(judged, pairs))
        if not pairs:
            raise ValueError(f"the answers to {len(judged)} prompts make 0 pairs: {summary(judged, pairs)}")
        self.machine.ranks.first(lambda: write_pairs(path, pairs))
        return pairs

    def _answer_all(self, log: AnswerLog, should_stop: Callable[[], bool]) -> bool:
        """False if it was stopped."""
        ranks, least_mass = self.machine.ranks, self.recipe.numbers.answers.least_mass
        numbers = range(self.recipe.numbers.prompts)
        parts = [numbers[at : at + PROMPTS_AT_ONCE] for at in range(0, len(numbers), PROMPTS_AT_ONCE)]
        known = log.read()
        judge = _judge(self.recipe, self.prompts.seed, self.machine) if known.keys() < set(numbers) else None
        rounds = range(0, len(parts), ranks.count)
        for start in track(rounds, "answers", disable=not ranks.is_first, transient=True):
            if should_stop():
                return False
            for part in parts[start + ranks.rank : start + ranks.rank + 1]:
                missing = self._read([number for number in part if number not in known])
                if judge is not None and missing:
                    judged = judge.judge(missing)
                    log.add(judged)
                    known |= {answers.prompt_id: answers for answers in judged}
                    check_verifier(known.values(), least_mass)
        ranks.wait()
        return True

    def _read(self, numbers: Sequence[int]) -> list[Prompt]:
        """The usable prompts."""
        found = []
        for number in numbers:
            try:
                found.append(self.prompts.read(number, self.prompts.draws(number, 1)[0]))
            except BadRecord as error:
                if not self.machine.skip_bad:
                    raise
                self.machine.log(f"left out: {error}")
        return found


def summary(judged: Sequence[JudgedAnswers], pairs: Sequence[PreferencePair]) -> str:
    """A summary of answers, claims and pairs in one line."""
    answers = [answer for prompt in judged for answer in prompt.answers]
    claims = [claim for answer in answers for claim in answer.claims]
    rejected = sum(claim.verdict.is_rejected for claim in claims)
    problems = sum(answer.score is None for answer in answers)
    counts = f"{len(answers)} answers, {problems} without a score; {len(claims)} claims, {rejected} rejected"
    balance = f", chosen answers longer by {mean_longer(pairs):.2f} tokens" if pairs else ""
    return f"{counts}; {len(pairs)} pairs{balance}"


def _judge(recipe: PreferenceRecipe, seed: int, machine: Machine) -> AnswerJudge:
    policy = _assistant(recipe.start, machine)
    verifier, write = _verifier(recipe.verifier, policy, machine)
    split: Splitter = split_by_rule if recipe.verifier.claims == "rule" else split_by_model(write)
    return AnswerJudge(policy, split, verifier, recipe.numbers.answers, seed)


def _verifier(choice: VerifierChoice, policy: Demiglace, machine: Machine) -> tuple[Verifier, Writer]:
    """The verifier of claims, and its function for answering prompts."""
    if choice.address is not None:
        server = ServerVerifier(choice.address, choice.model or only_model(choice.address), choice.patience)
        return server, server.write
    own = EngineVerifier(policy if choice.folder is None else _assistant(choice.folder, machine))
    return own, own.write


def _assistant(folder: Path, machine: Machine) -> Demiglace:
    model = weights.load(folder, machine.dtype).to(machine.device).requires_grad_(False)
    return Demiglace(model, Processor.load(folder), SamplingParams())
