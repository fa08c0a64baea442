"""Rows answer as if alone, cached as if computed anew, and stop where they should."""

from dataclasses import replace

import pytest
import torch
from prompts import PROMPTS, joined, outspoken, prompt, samplers

from demiglace.batch import PADDING, Batch, Visual
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import Step, generate
from demiglace.model.minicpmv import MiniCPMV


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    return outspoken()


GREEDY = SamplingParams.greedy(12)


def said(
    model: MiniCPMV, batch: Batch, sampling: SamplingParams = GREEDY, stop_ids: set[int] = frozenset()
) -> list[int]:
    return [
        step.sampled.token for step in generate(model, batch, samplers(*[sampling] * len(batch.tokens), ends=stop_ids))
    ]


def by_row(steps: list[Step], num_rows: int) -> list[list[int]]:
    return [[step.sampled.token for step in steps if step.row == row] for row in range(num_rows)]


def test_prompts_matter(model: MiniCPMV) -> None:
    """The other tests compare answers: they must differ between prompts, and with what is seen."""
    answers = [tuple(said(model, row)) for row in PROMPTS.values()]
    answers.append(tuple(said(model, prompt([5], [[(4, 6)]], [9, 10], seed=9))))
    assert len(set(answers)) == len(answers)
    assert all(len(set(answer)) > 2 for answer in answers)


@pytest.mark.parametrize("order", [list(PROMPTS), list(PROMPTS)[::-1]], ids=["forwards", "backwards"])
def test_a_batch_says_what_each_row_says_alone(model: MiniCPMV, order: list[str]) -> None:
    rows = [PROMPTS[name] for name in order]
    sampling = [SamplingParams.greedy(length) for length in (12, 3, 9, 1)]
    steps = list(generate(model, joined(rows), samplers(*sampling)))
    alone = [said(model, row, params) for row, params in zip(rows, sampling, strict=True)]
    assert by_row(steps, 4) == alone
    assert [step.row for step in steps if step.sampled.stopped_by == "length"] == [3, 1, 2, 0]


@pytest.mark.parametrize("name", PROMPTS)
def test_cached_is_computed_anew(model: MiniCPMV, name: str) -> None:
    batch, tokens = PROMPTS[name], []
    for _ in range(GREEDY.max_new_tokens):
        with torch.no_grad():
            tokens.append(int(model.logits(model(batch)[0, -1]).argmax()))
        length = batch.tokens.shape[1]
        batch = replace(
            batch,
            tokens=torch.cat([batch.tokens, torch.tensor([tokens[-1:]])], dim=1),
            positions=torch.arange(length + 1).unsqueeze(0),
            segments=torch.ones(1, length + 1, dtype=torch.int64),
        )
    assert said(model, PROMPTS[name]) == tokens


def test_a_seed_says_the_same_whoever_else_is_in_the_batch(model: MiniCPMV) -> None:
    drawn = [SamplingParams(10, temperature=1.5, top_p=1.0, seed=seed) for seed in range(4)]
    rows = list(PROMPTS.values())
    together = by_row(list(generate(model, joined(rows), samplers(*drawn))), 4)
    assert together == [said(model, row, params) for row, params in zip(rows, drawn, strict=True)]
    assert said(model, rows[0], drawn[0]) != said(model, rows[0], drawn[1])


def test_a_row_ends_at_its_stop_token_and_the_others_go_on(model: MiniCPMV) -> None:
    rows = [PROMPTS["text"], PROMPTS["video"]]
    alone = [said(model, row) for row in rows]
    stop = next(token for token in alone[0][2:] if token not in alone[1] and token not in alone[0][:2])
    steps = list(generate(model, joined(rows), samplers(GREEDY, GREEDY, ends={stop})))
    assert by_row(steps, 2) == [alone[0][: alone[0].index(stop) + 1], alone[1]]
    assert [(step.row, step.sampled.stopped_by) for step in steps if step.sampled.stopped_by] == [
        (0, "end"),
        (1, "length"),
    ]


def test_the_model_is_not_asked_again_after_the_last_token(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    forward = model.forward
    monkeypatch.setattr(
        model, "forward", lambda batch, *rest: asked.append(batch.tokens.shape[1]) or forward(batch, *rest)
    )
    said(model, PROMPTS["image"], SamplingParams.greedy(3))
    assert asked == [7, 1, 1]


def test_pictures_are_looked_at_once(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Visual] = []
    look = model.visual_tokens
    monkeypatch.setattr(model, "visual_tokens", lambda visual, *rest: looked.append(visual) or look(visual, *rest))
    said(model, PROMPTS["sliced"])
    assert looked == [PROMPTS["sliced"].visual]


def test_a_prompt_too_long_is_refused_at_once_with_both_numbers(model: MiniCPMV) -> None:
    long = joined([PROMPTS["text"], prompt([3] * 64), PROMPTS["image"]])
    with pytest.raises(ValueError, match=r"64 tokens .* 64 positions .*max_position_embeddings"):
        generate(model, long, samplers(GREEDY, GREEDY, GREEDY))


def test_an_answer_ends_where_positions_do(model: MiniCPMV) -> None:
    steps = list(generate(model, prompt([3] * 60), samplers(GREEDY)))
    assert [step.sampled.stopped_by for step in steps] == [None, None, None, "length"]


def test_sampling_must_fit_the_rows(model: MiniCPMV) -> None:
    with pytest.raises(ValueError, match="1 rows, but 2 samplers"):
        generate(model, PROMPTS["text"], samplers(GREEDY, GREEDY))


def test_token_0_is_seen_in_the_prompt(model: MiniCPMV) -> None:
    """The released code takes every 0 ("!" in its vocabulary) for padding."""
    batch = prompt([7, 0, 8])
    before = said(model, batch)
    kept = model.llm.model.embed_tokens.weight[0].clone()
    with torch.no_grad():
        model.llm.model.embed_tokens.weight[0].copy_(-3 * kept)
        after = said(model, batch)
        model.llm.model.embed_tokens.weight[0].copy_(kept)
    assert before != after


def test_what_padding_holds_does_not_matter(model: MiniCPMV) -> None:
    batch = joined([PROMPTS["text"], PROMPTS["video"]])
    filled = replace(batch, tokens=torch.where(batch.segments == PADDING, 17, batch.tokens))
    assert said(model, filled) == said(model, batch)
