"""Pairs of a run whose prompts are all answered."""

from types import SimpleNamespace

import pytest
from preferences import judged, judged_answer

from demiglace.jobs.judged_pairs import JudgedPairs
from demiglace.recipes.preference import numbers_of
from demiglace.rl.answer_judge import AnswerSettings
from demiglace.rl.judged_answers import AnswerLog


def test_a_verifier_that_ended_a_run_ends_it_again(machine, tmp_path):
    """It is found out after the last prompt too, when the same command has nothing left to ask."""
    unclear, clear = [(0.01, 0.02)] * 20, [(0.1, 0.8)]
    AnswerLog(tmp_path).add([judged(judged_answer("a", *unclear), judged_answer("b", *unclear))])
    AnswerLog(tmp_path).add([judged(judged_answer("c", *clear), judged_answer("d", (0.8, 0.1)), prompt_id=1)])
    numbers = numbers_of("nano", prompts=2)
    assert numbers.answers.least_mass == AnswerSettings().least_mass
    pairs = JudgedPairs(SimpleNamespace(numbers=numbers), None, tmp_path, machine)
    with pytest.raises(ValueError, match="neither yes nor no to 40 of 42 claims"):
        pairs.make(lambda: False)
    assert not (tmp_path / "pairs.jsonl").exists()
