"""Requests put to an engine, and what each is answered alone."""

from dataclasses import replace

import torch
from prompts import PROMPTS, prompt

from demiglace.batch import Batch
from demiglace.engine.engine import Engine, Failure
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import Step, generate
from demiglace.engine.token_sampler import SampledToken, TokenSampler
from demiglace.model.minicpmv import MiniCPMV

GREEDY = SamplingParams.greedy(12)
DRAWN = SamplingParams(10, temperature=1.5, top_p=1.0, seed=3)
GROWN = prompt([5], [[(4, 6)]], [9, 10], [30, 31, 32, 33], [[(2, 3)] * 2, [(2, 3)]], [34], seed=1)
SHARED = [*range(20, 37)]  # the beginning of several prompts
REQUESTS = [
    *((one, GREEDY) for one in PROMPTS.values()),
    (GROWN, SamplingParams.greedy(20)),
    (prompt([*SHARED, 3]), GREEDY),
    (prompt([*SHARED, 4, 5]), SamplingParams.greedy(30)),
    (prompt(SHARED), GREEDY),
    (prompt([*SHARED, 3], [[(2, 2)]], [7], seed=4), DRAWN),
    (prompt([*SHARED, 3], [[(2, 2)]], [7], seed=5), DRAWN),
    (PROMPTS["sliced"], replace(DRAWN, seed=4)),
    (prompt([6]), SamplingParams.greedy(40)),
]


def answer(model: MiniCPMV, batch: Batch, params: SamplingParams) -> list[SampledToken]:
    return [step.sampled for step in generate(model, batch, [TokenSampler(params)])]


def all_steps(engine: Engine) -> list[Step | Failure]:
    steps = []
    while not engine.is_idle:
        steps += engine.step()
    return steps


def by_request(steps: list[Step | Failure]) -> dict[int, list[SampledToken]]:
    found: dict[int, list[SampledToken]] = {}
    for step in steps:
        assert isinstance(step, Step), step
        found.setdefault(step.row, []).append(step.sampled)
    return found


def assert_same(found: list[SampledToken], expected: list[SampledToken]) -> None:
    assert [(one.token, one.stopped_by) for one in found] == [(one.token, one.stopped_by) for one in expected]
    wanted = [one.log_probability for one in expected]
    torch.testing.assert_close([one.log_probability for one in found], wanted, atol=1e-5, rtol=0)


def assert_all_free(engine: Engine) -> None:
    assert engine.blocks.num_free == engine.blocks.num_blocks
    assert not any(engine.blocks.references)
