import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from demiglace.engine.sampling import SamplingParams, draw, penalised

LOGITS = torch.tensor([1.0, 3.0, 2.0, -1.0])


def drawn(logits: torch.Tensor = LOGITS, said: tuple[int, ...] = (), times: int = 400, **changes: float) -> list[int]:
    plain = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0, "seed": 0}
    params = SamplingParams(**plain | changes)
    generator = params.generator()
    return [draw(penalised(logits, Counter(said), params), params, generator) for _ in range(times)]


def test_temperature_0_takes_the_likeliest() -> None:
    assert set(drawn(temperature=0.0)) == {1}


def test_without_bounds_tokens_come_as_often_as_they_are_likely() -> None:
    tokens = drawn(times=4000)
    for token, probability in enumerate(LOGITS.softmax(dim=0).tolist()):
        spread = math.sqrt(probability * (1 - probability) / 4000)
        assert abs(tokens.count(token) / 4000 - probability) < 5 * spread


def test_temperature_flattens() -> None:
    cold, hot = drawn(temperature=0.3).count(1), drawn(temperature=3.0).count(1)
    assert cold > 350 > 250 > hot


def test_top_k_keeps_the_likeliest() -> None:
    assert set(drawn(top_k=2, temperature=5.0)) == {1, 2}
    assert set(drawn(top_k=99, temperature=5.0)) == {0, 1, 2, 3}


@pytest.mark.parametrize(("min_p", "kept"), [(0.0, {0, 1, 2, 3}), (0.1, {0, 1, 2}), (0.3, {1, 2}), (1.0, {1})])
def test_min_p_keeps_what_is_nearly_as_likely_as_the_likeliest(min_p: float, kept: set[int]) -> None:
    """Shares of the likeliest: 0.14, 1, 0.37, 0.02."""
    assert set(drawn(min_p=min_p, times=2000)) == kept


@pytest.mark.parametrize(("top_p", "kept"), [(0.01, {1}), (0.66, {1, 2}), (0.95, {0, 1, 2}), (1.0, {0, 1, 2, 3})])
def test_top_p_keeps_the_fewest_that_hold_it(top_p: float, kept: set[int]) -> None:
    """Probabilities: 0.09, 0.65, 0.24, 0.01."""
    assert set(drawn(top_p=top_p, times=2000)) == kept


def test_top_p_of_1_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though sums of float32 come to 1 long before the last of many tokens."""
    logits, weighed, multinomial = torch.zeros(150_000), [], torch.multinomial
    logits[7] = 17.0

    def told(probabilities: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        weighed.append(probabilities)
        return multinomial(probabilities, *given, **named)

    monkeypatch.setattr(torch, "multinomial", told)
    draw(logits, SamplingParams(8, 1.0, 1.0, 0, 1.0), torch.Generator().manual_seed(0))
    assert (weighed[0] > 0).all()


def test_the_penalty_moves_what_was_said_down_whatever_its_sign() -> None:
    assert set(drawn(said=(1, 1), temperature=0.0, repetition_penalty=1.6)) == {2}
    negative = torch.tensor([-1.0, -1.1])
    assert set(drawn(negative, said=(0,), temperature=0.0, repetition_penalty=1.2)) == {1}
    assert set(drawn(negative, temperature=0.0, repetition_penalty=1.2)) == {0}


def test_the_penalty_leaves_the_logits_it_was_given() -> None:
    logits = LOGITS.clone()
    drawn(logits, said=(1,), repetition_penalty=2.0, times=1)
    assert torch.equal(logits, LOGITS)


def test_a_seed_repeats_and_none_does_not() -> None:
    assert drawn(seed=7) == drawn(seed=7) != drawn(seed=8)
    unseeded = SamplingParams()
    assert unseeded.generator().initial_seed() != unseeded.generator().initial_seed()


def test_seeds_that_differ_above_32_bits_draw_otherwise() -> None:
    """torch 2.13 keeps the lower 32 bits of a seed of its generator for a CPU (findings/torch_seeds_of_32_bits.sh)."""

    def numbers(seed: int) -> tuple[float, ...]:
        return tuple(torch.rand(4, generator=SamplingParams(seed=seed).generator()).tolist())

    seeds = [7, 7 + 2**32, 7 + 2**33, 7 + 2**62]
    assert len({numbers(seed) for seed in seeds}) == len(seeds)
    assert numbers(7 + 2**32) == numbers(7 + 2**32)
    assert numbers(7) == tuple(torch.rand(4, generator=torch.Generator().manual_seed(7)).tolist())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_new_tokens", 0),
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("top_p", 0.0),
        ("top_p", 1.5),
        ("top_k", -1),
        ("repetition_penalty", 0.0),
        ("seed", -1),
        ("seed", 2**63),
        ("num_beams", 0),
        ("length_penalty", math.inf),
        ("early_stopping", 1),
        ("early_stopping", "always"),
        ("min_p", 1.1),
        ("presence_penalty", 2.5),
        ("frequency_penalty", math.nan),
        ("min_new_tokens", -1),
        ("ignore_eos", 1),
        ("stop", "end"),
        ("logprobs", 21),
        ("thinking_budget", -1),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_number(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must .*, got {value!r}"):
        SamplingParams(**{name: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stop": ["a", ""]}, r"stop\[1\] must be text, got ''"),
        ({"logit_bias": {5: 101}}, r"logit_bias.5 must be a number in \[-100, 100\], got 101"),
        ({"logit_bias": {"5": 1}}, "a token of logit_bias must be a whole number from 0 to .*, got '5'"),
        ({"min_new_tokens": 9, "max_new_tokens": 8}, "min_new_tokens is 9, but max_new_tokens 8"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SamplingParams(**changes)


@pytest.mark.parametrize("name", ["presence_penalty", "frequency_penalty", "logprobs", "thinking_budget"])
def test_beams_take_not_everything(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} cannot be used with beam search, got 3 beams"):
        SamplingParams(temperature=0, num_beams=3, **{name: 1})


def test_answers_to_one_prompt_have_seeds_of_their_own() -> None:
    assert [params.seed for params in SamplingParams(seed=4).repeated(3)] == [4, 5, 6]
    assert SamplingParams().repeated(2) == [SamplingParams()] * 2
    assert [params.seed for params in SamplingParams(seed=2**63 - 1).repeated(2)] == [2**63 - 1, 0]


def test_beams_are_not_drawn() -> None:
    with pytest.raises(ValueError, match=r"beam search requires temperature 0, got 3 beams at 0\.7"):
        SamplingParams(num_beams=3)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_logits_that_are_no_numbers_are_an_error_in_words(value: float, temperature: float) -> None:
    logits = LOGITS.clone()
    logits[1] = value
    params = SamplingParams(temperature=temperature)
    with pytest.raises(
        ValueError, match=r"the model's logits for the next token are (nan|inf): its weights are damaged"
    ):
        draw(logits, params, params.generator())


@pytest.mark.parametrize("numbers", [{"temperature": 5e-324}, {"temperature": 1e-40}, {"top_p": 5e-324}])
def test_the_smallest_numbers_leave_the_likeliest_token(numbers: dict[str, float]) -> None:
    params = SamplingParams(**numbers)
    assert draw(LOGITS, params, params.generator()) == int(LOGITS.argmax())


def test_the_defaults_are_the_released_short_mode() -> None:
    assert SamplingParams() == SamplingParams(2048, 0.7, 0.8, 100, 1.03)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (None, SamplingParams.greedy()),
        ({"do_sample": False, "temperature": 0.6}, SamplingParams.greedy()),
        ({"do_sample": False, "max_new_tokens": 9}, SamplingParams.greedy(9)),
        (
            {"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "eos_token_id": [1, 2]},
            SamplingParams(2048, 0.6, 0.95, 20, 1.0),
        ),
        (
            {"do_sample": False, "num_beams": 3, "length_penalty": 0.5, "early_stopping": True},
            SamplingParams(2048, 0.0, 1.0, 0, 1.0, None, 3, 0.5, True),
        ),
        ({"do_sample": False, "repetition_penalty": 1.3, "top_k": 5}, SamplingParams(2048, 0.0, 1.0, 0, 1.3)),
        ({"do_sample": True, "temperature": None}, SamplingParams(2048, 1.0, 1.0, 0, 1.0)),
    ],
)
def test_a_checkpoint_says_how_it_is_drawn_from(
    settings: dict[str, object] | None, expected: SamplingParams, tmp_path: Path
) -> None:
    if settings is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(settings))
    assert SamplingParams.read(tmp_path) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "must hold a JSON object, got list"),
        ("{", "is not valid JSON"),
        ('{"do_sample": 1}', "do_sample must be true or false, got 1"),
        ('{"temperature": "hot"}', r"temperature must be a number in \[0, 100\], got 'hot'"),
        ('{"max_new_tokens": 1e400}', "max_new_tokens must be a whole number from 1 to .*, got inf"),
        ('{"num_beams": 2.5}', "num_beams must be a whole number from 1 to 64, got 2.5"),
        (
            '{"do_sample": true, "num_beams": 4, "temperature": 0.7}',
            "/generation_config.json: beam search requires temperature 0, got 4 beams at 0.7",
        ),
        ('{"top_k": 1.5}', "top_k must be a whole number"),
        (f'{{"repetition_penalty": {10**400}}}', "repetition_penalty must be a number in .*, got a whole number"),
        ('{"do_sample": true, "top_p": 7}', r"generation_config.json: top_p must be a number in \(0, 1\], got 7"),
    ],
)
def test_a_bad_generation_config_is_a_value_error(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        SamplingParams.read(tmp_path)
