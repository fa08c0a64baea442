"""Whatever else is under way, an answer of the engine is the one that it gives alone in a static batch."""

import random
from dataclasses import replace

import pytest
import torch
from engine_requests import GREEDY, REQUESTS, all_steps, answer, assert_all_free, assert_same, by_request
from prompts import PROMPTS, outspoken, prompt

from demiglace.batch import STILL, Batch, Visual
from demiglace.engine import decode_window
from demiglace.engine.engine import Engine, EngineConfig, Failure
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import Step
from demiglace.engine.token_sampler import SampledToken, TokenSampler
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    return outspoken()


@pytest.fixture(scope="module")
def alone(model: MiniCPMV) -> list[list[SampledToken]]:
    return [answer(model, *request) for request in REQUESTS]


@pytest.mark.parametrize(
    ("block_size", "chunk", "num_blocks"), [(16, 2048, None), (4, 7, None), (1, 2048, 70), (4, 2, 20), (16, 40, 5)]
)
def test_requests_put_at_once_are_answered_as_alone(
    model: MiniCPMV, alone: list[list[SampledToken]], block_size: int, chunk: int, num_blocks: int | None
) -> None:
    config = EngineConfig(block_size, num_blocks, max_prefill_tokens=chunk)
    engine = Engine(model, config)
    numbers = [engine.add(batch, TokenSampler(params)) for batch, params in REQUESTS]
    found = by_request(all_steps(engine))
    for number, expected in zip(numbers, alone, strict=True):
        assert_same(found[number], expected)
    assert_all_free(engine)


def test_the_nano_model_answers_as_alone() -> None:
    """Of its preset, with random weights."""
    torch.manual_seed(0)
    model = MiniCPMV(preset("nano")).eval()
    pictures = torch.randn(2, 48, 588)
    places = torch.arange(4, 68)
    requests = []
    for number in (0, 1, 0, 1, 0):
        tokens = torch.cat([torch.arange(4), torch.full((64,), 300), torch.randint(256, (5 * number + 3,))]).unsqueeze(
            0
        )
        visual = Visual(pictures[number], torch.tensor([[6, 8]]), torch.tensor([1]), torch.tensor([STILL]))
        positions = torch.arange(tokens.shape[1]).unsqueeze(0)
        requests.append(Batch(tokens, positions, torch.ones_like(tokens), places, visual))
    engine = Engine(model, EngineConfig(max_prefill_tokens=100, num_blocks=20))
    numbers = [engine.add(one, TokenSampler(GREEDY)) for one in requests]
    found = by_request(all_steps(engine))
    for number, one in zip(numbers, requests, strict=True):
        assert_same(found[number], answer(model, one, GREEDY))
    assert_all_free(engine)


@pytest.mark.parametrize("seed", range(8))
def test_requests_that_come_and_go_are_answered_as_alone(
    model: MiniCPMV, alone: list[list[SampledToken]], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrivals between steps, neighbours that are cancelled, few blocks and rows; keys are moved every few steps."""
    chance = random.Random(seed)
    monkeypatch.setattr(decode_window, "SPARE_COLUMNS", chance.choice([1, 5, 128]))
    config = EngineConfig(
        block_size=chance.choice([2, 4, 8]), max_rows=chance.choice([2, 4, 9]), max_prefill_tokens=chance.choice([3, 9])
    )
    config = replace(config, num_blocks=64 // config.block_size, visual_bytes=chance.choice([0, 2000, 10**6]))
    engine, steps, asked, cancelled = Engine(model, config), [], {}, set()
    waiting = chance.choices(range(len(REQUESTS)), k=20)
    while waiting or not engine.is_idle:
        for _ in range(min(chance.randrange(3), len(waiting))):
            which = waiting.pop()
            batch, params = REQUESTS[which]
            asked[engine.add(batch, TokenSampler(params))] = which
        if asked and chance.random() < 0.1:
            cancelled.add(chance.choice(list(asked)))
            engine.cancel(max(cancelled))
        steps += engine.step()
    found = by_request(steps)
    for number, which in asked.items():
        count = len(found.get(number, [])) if number in cancelled else None
        assert_same(found.get(number, []), alone[which][:count])
    assert_all_free(engine)


def test_the_youngest_make_room_for_the_oldest(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(model, EngineConfig(block_size=4, num_blocks=6))
    preempted: list[int] = []
    preempt = engine.scheduler._preempt
    monkeypatch.setattr(engine.scheduler, "_preempt", lambda one: preempted.append(one.number) or preempt(one))
    prompts = [prompt([first, 8, 7, 6]) for first in (11, 12, 13)]
    for one in prompts:
        engine.add(one, TokenSampler(GREEDY))
    found = by_request(all_steps(engine))
    assert preempted
    assert 0 not in preempted
    for number, one in enumerate(prompts):
        assert_same(found[number], answer(model, one, GREEDY))


def test_a_request_that_fails_fails_alone(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    """One picture has no numbers, another cannot be encoded; both are in one batch with those that can."""
    nan, broken = prompt([5], [[(4, 6)]], [9, 10], seed=7), prompt([5], [[(3, 7)]], [9, 10], seed=8)
    nan.visual.patches[3, 4] = torch.nan
    forward = model.vpm.forward

    def unable(patches: torch.Tensor, grids: torch.Tensor, *rest: int) -> torch.Tensor:
        if [3, 7] in grids.tolist():
            raise RuntimeError("no memory")
        return forward(patches, grids, *rest)

    monkeypatch.setattr(model.vpm, "forward", unable)
    engine = Engine(model, EngineConfig(block_size=4))
    for batch in (nan, PROMPTS["image"], broken, PROMPTS["text"]):
        engine.add(batch, TokenSampler(GREEDY))
    steps = all_steps(engine)
    failures = {step.row: str(step.error) for step in steps if isinstance(step, Failure)}
    assert failures.keys() == {0, 2}
    assert "the model's logits for the next token are nan" in failures[0]
    assert failures[2] == "the pictures of request 2 cannot be encoded: no memory"
    found = by_request([step for step in steps if isinstance(step, Step)])
    assert_same(found[1], answer(model, PROMPTS["image"], GREEDY))
    assert_same(found[3], answer(model, PROMPTS["text"], GREEDY))
    assert_all_free(engine)


@torch.inference_mode()
def test_what_others_left_behind_does_not_matter(model: MiniCPMV) -> None:
    """Not even where it is no number, as after an answer that failed."""
    engine = Engine(model, EngineConfig(block_size=4))
    kept, gone = (engine.add(one, TokenSampler(GREEDY)) for one in (PROMPTS["video"], PROMPTS["sliced"]))
    steps = [step for _ in range(4) for step in engine.step()]
    engine.cancel(gone)
    window, paged = engine.runner.window, engine.runner.paged
    window.hold(engine.scheduler.running)
    for held in (window.keys, window.values):
        held[:, 1:] = torch.nan
        held[..., window.length :, :] = torch.nan
    for block in engine.blocks._free:
        if block not in engine.blocks._hashes:
            paged.keys[:, 4 * block : 4 * block + 4] = paged.values[:, 4 * block : 4 * block + 4] = torch.nan
    later = {"text": PROMPTS["text"]}
    numbers = [engine.add(one, TokenSampler(GREEDY)) for one in later.values()]
    steps += [step for _ in range(4) for step in engine.step()]
    later["longer"] = prompt([9, 8, 7, 6, *(step.sampled.token for step in steps if step.row == numbers[0])])
    later["unknown"] = prompt([40, 41])
    numbers += [engine.add(later[name], TokenSampler(GREEDY)) for name in ("longer", "unknown")]
    found = by_request([*(step for step in steps if step.row != gone), *all_steps(engine)])
    for number, one in zip((kept, *numbers), (PROMPTS["video"], *later.values()), strict=True):
        assert_same(found[number], answer(model, one, GREEDY))


def test_what_does_not_fit_is_refused_with_both_numbers(model: MiniCPMV) -> None:
    engine = Engine(model, EngineConfig(block_size=4, num_blocks=10))
    with pytest.raises(ValueError, match="41 tokens does not fit into the KV cache, which holds 40"):
        engine.add(prompt([3] * 41), TokenSampler(GREEDY))
    with pytest.raises(ValueError, match=r"64 tokens .* 64 positions .*max_position_embeddings"):
        engine.add(prompt([3] * 64), TokenSampler(GREEDY))
    with pytest.raises(ValueError, match="0 visual tokens, but the prompt has 4 places"):
        engine.add(replace(PROMPTS["image"], visual=None), TokenSampler(GREEDY))
    assert engine.is_idle


def test_an_answer_ends_where_blocks_or_positions_do(model: MiniCPMV) -> None:
    for config, count in ((EngineConfig(4, num_blocks=2), 6), (EngineConfig(4), 60)):
        engine = Engine(model, config)
        engine.add(prompt([3] * 3), TokenSampler(SamplingParams.greedy(100)))
        steps = all_steps(engine)
        assert len(steps) == count + (config.num_blocks is None)
        assert steps[-1].sampled.stopped_by == "length"


def test_a_sampler_stopped_between_steps_ends_its_request(model: MiniCPMV) -> None:
    engine, sampler = Engine(model), TokenSampler(GREEDY)
    engine.add(PROMPTS["text"], sampler)
    engine.step()
    sampler.stop()
    assert engine.step() == []
    assert engine.is_idle
    assert_all_free(engine)


def test_an_interrupted_step_can_be_taken_again(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(model, EngineConfig(block_size=2))
    number = engine.add(PROMPTS["image"], TokenSampler(GREEDY))
    steps = [*engine.step(), *engine.step()]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "logits", stop)
    with pytest.raises(KeyboardInterrupt):
        engine.step()
    monkeypatch.undo()
    found = by_request([*steps, *all_steps(engine)])
    assert_same(found[number], answer(model, PROMPTS["image"], GREEDY))
    assert_all_free(engine)


def test_memory_is_taken_as_it_is_needed(model: MiniCPMV) -> None:
    engine = Engine(model, EngineConfig(block_size=1))
    assert engine.runner.paged.keys.shape[1] == 1
    for first in range(5):
        engine.add(prompt([first, *range(1, 48)]), TokenSampler(SamplingParams.greedy(12)))
    all_steps(engine)
    assert engine.runner.paged.keys.shape[1] == 1 + 512 < engine.blocks.num_blocks
