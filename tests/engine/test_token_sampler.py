"""An answer goes on by the tokens it may have, ends where it should, and tells what the model itself gave them."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from demiglace.engine.sampling import SamplingParams, penalised
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import SampledToken, TokenSampler, next_tokens
from demiglace.processing.tokenizer import BYTES_ONLY_SIZE, Tokenizer

SIZE = 12
ROLES = TokenRoles(frozenset({10, 11}), frozenset({0, 3}), think_start=7, think_end=8, closing=(6, 8, 6, 6))
GREEDY = SamplingParams.greedy(20)
DRAWN = SamplingParams(20, temperature=1.0, top_p=1.0, top_k=0, repetition_penalty=1.0, seed=3)


def logits_of(count: int, seed: int = 0) -> Tensor:
    return 3 * torch.randn(count, SIZE, generator=torch.Generator().manual_seed(seed))


def answer(params: SamplingParams, roles: TokenRoles = ROLES, is_thinking: bool = False) -> list[SampledToken]:
    sampler, found = TokenSampler(params, roles, is_thinking), []
    for logits in logits_of(1000):
        found.append(sampler.next(logits))
        if sampler.stopped_by:
            break
    return found


def tokens_of(params: SamplingParams, roles: TokenRoles = ROLES, is_thinking: bool = False) -> list[int]:
    return [sampled.token for sampled in answer(params, roles, is_thinking)]


@pytest.mark.parametrize("temperature", [0.0, 1.0, 5.0])
def test_forbidden_tokens_are_never_drawn(temperature: float) -> None:
    params = replace(DRAWN, temperature=temperature, max_new_tokens=1000, ignore_eos=True)
    assert set(tokens_of(params)) == set(range(SIZE)) - ROLES.forbidden - ROLES.ends
    assert set(tokens_of(params, TokenRoles())) == set(range(SIZE))


def test_an_answer_ends_at_an_end_or_its_length() -> None:
    sampled = answer(DRAWN)
    assert [one.stopped_by for one in sampled] == [None] * (len(sampled) - 1) + ["end"]
    assert sampled[-1].token in ROLES.ends
    short = answer(replace(DRAWN, max_new_tokens=len(sampled) - 1))
    assert [one.token for one in short] == [one.token for one in sampled[:-1]]
    assert short[-1].stopped_by == "length"


def test_an_answer_is_no_longer_than_there_is_room() -> None:
    sampler = TokenSampler(replace(GREEDY, ignore_eos=True), ROLES)
    sampler.fit(30)
    assert sampler.max_new_tokens == 20
    sampler.fit(2)
    assert [sampler.next(logits).stopped_by for logits in logits_of(2)] == [None, "length"]


def test_no_answer_ends_before_its_shortest_length() -> None:
    shortest = len(tokens_of(DRAWN))
    for least in (0, shortest, shortest + 1, 20):
        found = tokens_of(replace(DRAWN, min_new_tokens=least))
        assert ROLES.ends.isdisjoint(found[:least])
    assert len(tokens_of(replace(DRAWN, min_new_tokens=20))) == 20
    assert shortest < 20


@pytest.mark.parametrize("budget", [0, 1, 5])
def test_thoughts_are_closed_at_their_budget(budget: int) -> None:
    roles = replace(ROLES, forbidden=ROLES.forbidden | {8}, ends=frozenset())
    params = replace(DRAWN, thinking_budget=budget, temperature=2.0)
    found = tokens_of(params, roles, is_thinking=True)
    assert found[budget : budget + 4] == [6, 8, 6, 6]
    assert len(found) == 20
    assert tokens_of(params, replace(roles, forbidden=roles.forbidden | {7}), is_thinking=False).count(8) == 0


def test_thoughts_that_the_model_opens_count_too_however_often() -> None:
    sampler = TokenSampler(replace(GREEDY, thinking_budget=3), replace(ROLES, ends=frozenset()))
    likely = [torch.zeros(SIZE).index_fill(0, torch.tensor([token]), 9.0) for token in (1, 7, 2, 8, 7, 4, 5, 9, 9)]
    found = [sampler.next(logits).token for logits in likely + [likely[-1]] * 4]
    assert found == [1, 7, 2, 8, 7, 4, 5, 6, 8, 6, 6, 9, 9]


def test_thoughts_that_end_in_time_are_left_alone() -> None:
    params = replace(DRAWN, ignore_eos=True)
    plain = tokens_of(params, is_thinking=True)
    assert 8 in plain[:-1]
    assert tokens_of(replace(params, thinking_budget=20), is_thinking=True) == plain


def test_penalties_are_those_of_a_plain_implementation() -> None:
    (logits,), said = logits_of(1), Counter([1, 1, 4, 9, 1])
    params = replace(
        DRAWN, repetition_penalty=1.3, presence_penalty=0.7, frequency_penalty=0.4, logit_bias={4: 2, 0: -5}
    )
    expected = []
    for token, value in enumerate(logits.tolist()):
        value += {4: 2, 0: -5}.get(token, 0)
        if token in said:
            value = value / 1.3 if value > 0 else value * 1.3
            value -= 0.4 * said[token] + 0.7
        expected.append(value)
    assert penalised(logits, said, params).tolist() == pytest.approx(expected, abs=1e-5)
    assert torch.equal(logits, logits_of(1)[0])


def test_filters_are_those_of_transformers() -> None:
    """Which tokens may be drawn, and how often each is."""
    transformers = pytest.importorskip("transformers", reason="the transformers extra is not installed")
    params = replace(DRAWN, temperature=1.7, top_k=7, top_p=0.9, min_p=0.08, repetition_penalty=1.4, max_new_tokens=1)
    for row in range(20):
        logits, said = logits_of(20)[row : row + 1], torch.tensor([[2, 5, 2]])
        expected = logits
        for step in (
            transformers.RepetitionPenaltyLogitsProcessor(1.4),
            transformers.TemperatureLogitsWarper(1.7),
            transformers.TopKLogitsWarper(7),
            transformers.TopPLogitsWarper(0.9),
            transformers.MinPLogitsWarper(0.08),
        ):
            expected = step(said, expected)
        kept = set(expected[0].isfinite().nonzero().flatten().tolist())
        found = set()
        for seed in range(300):
            sampler = TokenSampler(replace(params, max_new_tokens=9, seed=seed))
            for token in said[0].tolist():
                sampler.take(token, 0.0)
            found.add(sampler.next(logits[0]).token)
        assert found <= kept
        assert found >= {token for token in kept if expected[0].softmax(dim=0)[token] > 0.05}


@pytest.mark.parametrize(
    "changes", [{}, {"temperature": 1.3, "top_k": 4, "seed": 0}, {"presence_penalty": 1.5}, {"min_p": 0.3}]
)
def test_what_is_told_is_the_models_own(changes: dict[str, Any]) -> None:
    for sampled, logits in zip(answer(replace(GREEDY, **changes, logprobs=4)), logits_of(20), strict=False):
        expected = logits.log_softmax(dim=0)
        assert sampled.log_probability == pytest.approx(float(expected[sampled.token]), abs=1e-5)
        assert [token for token, _ in sampled.alternatives] == expected.argsort(descending=True)[:4].tolist()
        for token, log_probability in sampled.alternatives:
            assert log_probability == pytest.approx(float(expected[token]), abs=1e-5)


def test_alternatives_are_told_when_asked_for() -> None:
    assert answer(GREEDY)[0].alternatives == answer(replace(GREEDY, logprobs=0))[0].alternatives == ()
    assert len(answer(replace(GREEDY, logprobs=20))[0].alternatives) == SIZE


def test_rows_together_are_rows_alone() -> None:
    params = [GREEDY, DRAWN, replace(GREEDY, repetition_penalty=1.2), replace(GREEDY, logprobs=2, thinking_budget=2)]
    together = [TokenSampler(one, ROLES, is_thinking=True) for one in params]
    alone = [TokenSampler(one, ROLES, is_thinking=True) for one in params]
    for seed in range(15):
        logits = logits_of(4, seed)
        found = next_tokens(logits, together)
        expected = [sampler.next(row) for sampler, row in zip(alone, logits, strict=True)]
        assert [replace(one, log_probability=0) for one in found] == [
            replace(one, log_probability=0) for one in expected
        ]
        assert [one.log_probability for one in found] == pytest.approx(
            [one.log_probability for one in expected], abs=1e-5
        )


def test_half_precision_logits_are_drawn_in_full() -> None:
    (logits,) = logits_of(1)
    half, full = logits.bfloat16(), logits.bfloat16().float()
    sampler, other = TokenSampler(DRAWN), TokenSampler(DRAWN)
    assert [sampler.next(half).token for _ in range(19)] == [other.next(full).token for _ in range(19)]


def test_roles_of_a_tokenizer() -> None:
    tokenizer = Tokenizer.bytes_only()
    special = tokenizer.special
    roles = TokenRoles.of(tokenizer, BYTES_ONLY_SIZE + 3)
    assert roles.ends == {special["im_end"], special["end_of_text"]}
    assert tokenizer.decode(roles.closing) == "\n</think>\n\n"
    assert special["think_end"] in roles.closing
    never = {special[role] for role in ("unk", "im_start", "image_start", "slice_end", "image_id_start")}
    assert never | {BYTES_ONLY_SIZE - 1, BYTES_ONLY_SIZE, BYTES_ONLY_SIZE + 2} <= roles.forbidden
    sayable = {special[role] for role in ("im_end", "end_of_text", "think_start", "tool_call_end", "box_start")}
    assert roles.forbidden.isdisjoint(sayable | set(range(256)))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("params", [GREEDY, DRAWN])
def test_damage_is_told_where_it_cannot_be_drawn_too(params: SamplingParams, value: float) -> None:
    for token in (1, 3):  # the second is forbidden
        logits = logits_of(1)[0].index_fill(0, torch.tensor([token]), value)
        with pytest.raises(ValueError, match="its weights are damaged"):
            TokenSampler(params, ROLES).next(logits)
