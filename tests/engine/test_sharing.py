"""Beginnings, packages and pictures that are equal are computed once, and nothing of old weights is used."""

from dataclasses import replace

import pytest
import torch
from engine_requests import GREEDY, REQUESTS, SHARED, all_steps, answer, assert_same, by_request
from prompts import PROMPTS, outspoken, prompt

from demiglace.engine.engine import Engine, EngineConfig
from demiglace.engine.token_sampler import TokenSampler
from demiglace.model.minicpmv import MiniCPMV


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    return outspoken()


def computed_tokens(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each coming pass of the model is given."""
    counts: list[int] = []
    run = engine.runner.run
    monkeypatch.setattr(engine.runner, "run", lambda batch: counts.append(sum(batch.counts)) or run(batch))
    return counts


def seen_pictures(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures the encoder is given each time from now on."""
    counts: list[int] = []
    forward = model.vpm.forward
    monkeypatch.setattr(
        model.vpm, "forward", lambda patches, grids, *rest: counts.append(len(grids)) or forward(patches, grids, *rest)
    )
    return counts


def test_a_beginning_is_computed_once(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(model, EngineConfig(block_size=4))
    counts = computed_tokens(engine, monkeypatch)
    for batch, params in REQUESTS[5:8]:  # 18, 19 and 17 tokens
        engine.add(batch, TokenSampler(replace(params, max_new_tokens=1)))
    all_steps(engine)
    assert counts == [18, 19 - 16 + 17 - 16]
    engine.add(prompt([*SHARED[:12], 1, 2]), TokenSampler(GREEDY))
    engine.step()
    assert counts[2:] == [2]


def test_an_answer_is_the_beginning_of_the_next_prompt(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(model, EngineConfig(block_size=4))
    engine.add(PROMPTS["text"], TokenSampler(GREEDY))
    said = [step.sampled.token for step in all_steps(engine)]
    longer = prompt([9, 8, 7, 6, *said, 40, 41])
    counts = computed_tokens(engine, monkeypatch)
    number = engine.add(longer, TokenSampler(GREEDY))
    assert_same(by_request(all_steps(engine))[number], answer(model, longer, GREEDY))
    assert counts[0] == 4 + 12 + 2 - 12  # of the 15 tokens with keys and values three blocks are full


def test_other_pictures_are_another_beginning(model: MiniCPMV) -> None:
    """The tokens are the same, so only the hash of the pictures tells."""
    engine = Engine(model, EngineConfig(block_size=4))
    pictures = [prompt([5], [[(4, 6)]], [9, 10], seed=seed) for seed in (1, 2, 1)]
    pictures[2] = replace(pictures[2], visual=replace(pictures[2].visual, grids=torch.tensor([[6, 4]])))
    found = []
    for one in pictures:
        number = engine.add(one, TokenSampler(GREEDY))
        found.append(by_request(all_steps(engine))[number])
        assert_same(found[-1], answer(model, one, GREEDY))
    assert len({round(tokens[0].log_probability, 4) for tokens in found}) == 3


def test_a_picture_is_looked_at_once(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, counts = Engine(model), seen_pictures(model, monkeypatch)
    questions = [prompt([first], [[(4, 6)]], [9, 10], seed=1) for first in range(5, 13)]
    for one in questions:
        engine.add(one, TokenSampler(GREEDY))
    all_steps(engine)
    engine.add(questions[0], TokenSampler(GREEDY))
    all_steps(engine)
    assert counts == [1]


def test_frames_that_are_equal_are_encoded_once(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures, shown in turn in packages of three."""
    clip = prompt([20], [[(4, 5)] * 3] * 4, [25], seed=3)
    frames = list(clip.visual.patches.split(20))
    repeated = torch.cat([frames[number // 2 % 2] for number in range(12)])
    still = replace(clip, visual=replace(clip.visual, patches=repeated))
    expected = answer(model, still, GREEDY)
    engine, counts = Engine(model), seen_pictures(model, monkeypatch)
    number = engine.add(still, TokenSampler(GREEDY))
    assert_same(by_request(all_steps(engine))[number], expected)
    assert counts == [2]


def test_nothing_of_old_weights_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither features nor blocks, be it of prompts to come or of answers under way."""
    model = outspoken()
    engine, batch = Engine(model, EngineConfig(block_size=2)), PROMPTS["image"]
    engine.add(batch, TokenSampler(GREEDY))
    before = by_request(all_steps(engine))[0]
    under_way = engine.add(prompt([7, 7, 8]), TokenSampler(GREEDY))
    steps = [*engine.step(), *engine.step(), *engine.step()]
    with torch.no_grad():
        model.vpm.post_layernorm.weight.mul_(-1)
        model.llm.model.layers[0].self_attn.v_proj.weight.mul_(-1)
    engine.weights_changed()
    counts = seen_pictures(model, monkeypatch)
    again = engine.add(batch, TokenSampler(GREEDY))
    found = by_request([*steps, *all_steps(engine)])
    assert counts == [1]
    assert_same(found[again], answer(model, batch, GREEDY))
    assert [one.token for one in found[again]] != [one.token for one in before]
    said = [one.token for one in found[under_way]]
    rest = answer(model, prompt([7, 7, 8, *said[:3]]), GREEDY)
    assert said[3:] == [one.token for one in rest[: len(said) - 3]]
