"""Beams of an engine come to the answer that they come to in a static batch, whatever else is under way."""

import random
from dataclasses import replace

import pytest
import torch
from engine_requests import GREEDY, GROWN, REQUESTS, SHARED, all_steps, assert_all_free, assert_same, by_request
from prompts import PROMPTS, outspoken, prompt

from demiglace.batch import Batch
from demiglace.engine.beam_groups import BeamGroups, _Cohort
from demiglace.engine.engine import Engine, EngineConfig, Failure
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import Step, generate
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import SampledToken, TokenSampler
from demiglace.model.minicpmv import MiniCPMV

ROLES = TokenRoles(frozenset({8, 47, 48}), frozenset({3}))
BEAMS = replace(GREEDY, num_beams=3)
SEARCHES: list[tuple[Batch, SamplingParams]] = [
    (PROMPTS["text"], BEAMS),
    (PROMPTS["image"], replace(BEAMS, num_beams=2, length_penalty=-1.0)),
    (PROMPTS["sliced"], replace(BEAMS, early_stopping=True)),
    (PROMPTS["video"], replace(BEAMS, early_stopping="never", length_penalty=2.0)),
    (GROWN, replace(BEAMS, ignore_eos=True, max_new_tokens=20)),
    (prompt([*SHARED, 3]), replace(BEAMS, repetition_penalty=1.3)),
    (prompt(SHARED), replace(BEAMS, max_new_tokens=1)),
    (prompt([6]), replace(BEAMS, num_beams=8, min_new_tokens=6)),
]
MIXED = [pair for pairs in zip(SEARCHES, REQUESTS, strict=False) for pair in pairs]


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    return outspoken()


def answer(model: MiniCPMV, batch: Batch, params: SamplingParams) -> list[SampledToken]:
    return [step.sampled for step in generate(model, batch, [TokenSampler(params, ROLES)])]


@pytest.fixture(scope="module")
def alone(model: MiniCPMV) -> list[list[SampledToken]]:
    return [answer(model, *request) for request in MIXED]


@pytest.mark.parametrize(
    ("block_size", "chunk", "num_blocks", "max_rows"),
    [(16, 2048, None, 256), (4, 7, None, 8), (1, 2048, 150, 256), (4, 2, 40, 9), (2, 40, 90, 12)],
)
def test_beams_beside_others_end_as_alone(
    model: MiniCPMV,
    alone: list[list[SampledToken]],
    block_size: int,
    chunk: int,
    num_blocks: int | None,
    max_rows: int,
) -> None:
    engine = Engine(model, EngineConfig(block_size, num_blocks, max_rows, chunk))
    numbers = [engine.add(batch, TokenSampler(params, ROLES)) for batch, params in MIXED]
    found = by_request(all_steps(engine))
    for number, expected in zip(numbers, alone, strict=True):
        assert_same(found[number], expected)
    assert_all_free(engine)


@pytest.mark.parametrize("seed", range(8))
def test_beams_that_come_and_go_end_as_alone(model: MiniCPMV, alone: list[list[SampledToken]], seed: int) -> None:
    """Arrivals between steps, cancelled neighbours, weights that are said to have changed, few blocks and rows."""
    chance = random.Random(seed)
    size = chance.choice([1, 2, 4])
    config = EngineConfig(size, 160 // size, max_rows=chance.choice([8, 11]), max_prefill_tokens=chance.choice([5, 40]))
    engine, steps, asked, cancelled = Engine(model, config), [], {}, set()
    waiting = chance.choices(range(len(MIXED)), k=20)
    while waiting or not engine.is_idle:
        for _ in range(min(chance.randrange(3), len(waiting))):
            which = waiting.pop()
            batch, params = MIXED[which]
            asked[engine.add(batch, TokenSampler(params, ROLES))] = which
        if asked and chance.random() < 0.1:
            cancelled.add(chance.choice(list(asked)))
            engine.cancel(max(cancelled))
        if chance.random() < 0.03:
            engine.weights_changed()
        steps += engine.step()
    found = by_request(steps)
    for number, which in asked.items():
        count = len(found.get(number, [])) if number in cancelled else None
        assert_same(found.get(number, []), alone[which][:count])
    assert_all_free(engine)


def test_beams_share_the_blocks_of_what_they_have_in_common(model: MiniCPMV) -> None:
    engine = Engine(model, EngineConfig(block_size=4))
    engine.add(prompt(SHARED), TokenSampler(replace(BEAMS, ignore_eos=True), ROLES))
    engine.step()
    engine.step()
    held = [beam.blocks for beam in engine.scheduler.running]
    assert [blocks[:4] for blocks in held] == [held[0][:4]] * 3  # of 17 tokens four blocks are full
    assert len({blocks[4] for blocks in held}) == 3
    assert engine.blocks.num_blocks - engine.blocks.num_free == 4 + 3


def test_the_youngest_beams_make_room_together_and_begin_anew(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(model, EngineConfig(block_size=2, num_blocks=24))
    preempted: list[int] = []
    preempt = engine.scheduler._preempt
    monkeypatch.setattr(engine.scheduler, "_preempt", lambda one: preempted.append(one.number) or preempt(one))
    params = replace(BEAMS, ignore_eos=True)
    prompts = [prompt([first, 9, 7, 6, 5]) for first in (11, 12, 13)]
    for one in prompts:
        engine.add(one, TokenSampler(params, ROLES))
    found = by_request(all_steps(engine))
    assert preempted
    assert 0 not in preempted
    for number, one in enumerate(prompts):
        assert_same(found[number], answer(model, one, params))
    assert_all_free(engine)


def test_a_search_that_fails_fails_alone(model: MiniCPMV) -> None:
    nan = prompt([5], [[(4, 6)]], [9, 10], seed=7)
    nan.visual.patches[3, 4] = torch.nan
    engine = Engine(model, EngineConfig(block_size=4))
    for batch in (PROMPTS["image"], nan, PROMPTS["text"]):
        engine.add(batch, TokenSampler(BEAMS, ROLES))
    steps = all_steps(engine)
    (failure,) = [step for step in steps if isinstance(step, Failure)]
    assert failure.row == 1
    assert "the model's logits for the next token are nan" in str(failure.error)
    found = by_request([step for step in steps if isinstance(step, Step)])
    assert_same(found[0], answer(model, PROMPTS["image"], BEAMS))
    assert_same(found[2], answer(model, PROMPTS["text"], BEAMS))
    assert_all_free(engine)


def test_beams_without_room_are_refused_or_end_there(model: MiniCPMV) -> None:
    engine = Engine(model, EngineConfig(block_size=4, num_blocks=10, max_rows=8))
    with pytest.raises(ValueError, match="9 beams, but 8 rows run at a time"):
        engine.add(PROMPTS["text"], TokenSampler(replace(BEAMS, num_beams=9)))
    with pytest.raises(ValueError, match="35 tokens does not fit into the KV cache, which holds 32 in 3 beams"):
        engine.add(prompt([3] * 35), TokenSampler(BEAMS))
    engine.add(prompt([3] * 8), TokenSampler(replace(BEAMS, max_new_tokens=50)))
    steps = all_steps(engine)
    assert (
        len(steps) == 9
    )  # two blocks are shared, of the eight others each beam has two; the last token needs no place
    assert steps[-1].sampled.stopped_by == "length"


def test_beams_end_at_the_room_there_is_whatever_is_asked_for_at_least(model: MiniCPMV) -> None:
    engine = Engine(model, EngineConfig(block_size=4, num_blocks=10))
    long = replace(BEAMS, max_new_tokens=50, min_new_tokens=40, ignore_eos=True)
    for batch, params in ((PROMPTS["text"], GREEDY), (prompt([3] * 8), long)):
        engine.add(batch, TokenSampler(params, ROLES))
    found = by_request(all_steps(engine))
    assert_same(found[0], answer(model, PROMPTS["text"], GREEDY))
    assert_same(found[1], answer(model, prompt([3] * 8), replace(long, max_new_tokens=9, min_new_tokens=9)))
    near_the_end = answer(model, prompt([3] * 60), long)  # of 64 positions
    assert (len(near_the_end), near_the_end[-1].stopped_by) == (4, "length")


@pytest.mark.parametrize("step", range(3))
@pytest.mark.parametrize("error", [ValueError("no numbers"), RuntimeError("out of memory")])
def test_whatever_a_search_raises_ends_its_request_alone(
    model: MiniCPMV, monkeypatch: pytest.MonkeyPatch, error: Exception, step: int
) -> None:
    """In a search of its own, for it has another number of beams; at its beginning and later."""
    engine, follow = Engine(model, EngineConfig(block_size=4)), BeamGroups._follow

    def failing(groups: BeamGroups, cohort: _Cohort, parent_of: object) -> None:
        follow(groups, cohort, parent_of)
        if cohort.search.beams == 2 and cohort.search.begun.tokens.shape[2] > step:
            raise error

    params = [GREEDY, BEAMS, replace(BEAMS, num_beams=2, ignore_eos=True)]
    for one in params:
        engine.add(PROMPTS["image"], TokenSampler(one, ROLES))
    monkeypatch.setattr(BeamGroups, "_follow", failing)
    steps = all_steps(engine)
    (failure,) = [one for one in steps if isinstance(one, Failure)]
    assert (failure.row, failure.error) == (2, error)
    found = by_request([one for one in steps if isinstance(one, Step)])
    for number in (0, 1):
        assert_same(found[number], answer(model, PROMPTS["image"], params[number]))
    assert_all_free(engine)
