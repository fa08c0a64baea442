"""Beams end where those of transformers do, token for token, and rows of a batch where each ends alone."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from prompts import CONFIG, PROMPTS, joined, outspoken, samplers

from demiglace.batch import Batch
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.static_batch import Step, generate
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import TokenSampler
from demiglace.model.minicpmv import MiniCPMV

LENGTH = 12
STOP_IDS = {8, 47, 48}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "short": {"length_penalty": -1.0},
    "long": {"length_penalty": 2.0},
    "early": {"early_stopping": True},
    "late": {"early_stopping": "never", "length_penalty": 1.5},
    "late and short": {"early_stopping": "never", "length_penalty": -0.5},
    "penalised": {"repetition_penalty": 1.3},
    "patient": {"min_new_tokens": 6},
}


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    return outspoken()


def beams(num_beams: int = 3, **changes: Any) -> SamplingParams:
    return replace(SamplingParams.greedy(LENGTH), num_beams=num_beams, **changes)


def steps_of(
    model: MiniCPMV, batch: Batch, *sampling: SamplingParams, stop_ids: set[int] = STOP_IDS
) -> list[list[Step]]:
    steps = list(generate(model, batch, samplers(*sampling, ends=stop_ids)))
    return [[step for step in steps if step.row == row] for row in range(len(sampling))]


def said(model: MiniCPMV, batch: Batch, *sampling: SamplingParams, stop_ids: set[int] = STOP_IDS) -> list[list[int]]:
    return [[step.sampled.token for step in steps] for steps in steps_of(model, batch, *sampling, stop_ids=stop_ids)]


@pytest.fixture(scope="module")
def theirs(model: MiniCPMV) -> Any:
    transformers = pytest.importorskip("transformers", reason="the transformers extra is not installed")
    llm = CONFIG.llm
    config = transformers.Qwen3Config(
        vocab_size=llm.vocab_size,
        hidden_size=llm.hidden_size,
        intermediate_size=llm.intermediate_size,
        num_hidden_layers=llm.num_layers,
        num_attention_heads=llm.num_heads,
        num_key_value_heads=llm.num_kv_heads,
        head_dim=llm.head_dim,
        rope_parameters={"rope_type": "default", "rope_theta": llm.rope_theta},
        rms_norm_eps=llm.rms_norm_eps,
        max_position_embeddings=llm.max_position_embeddings,
        tie_word_embeddings=False,
    )
    theirs = transformers.Qwen3ForCausalLM(config).eval()
    theirs.load_state_dict(model.llm.state_dict())
    return theirs


@pytest.mark.filterwarnings("ignore:Passing `repetition_penalty` with `inputs_embeds`")  # as is wanted
@pytest.mark.parametrize("num_beams", [2, 3, 8])
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("stop_ids", [set(), STOP_IDS], ids=["no end", "three ends"])
def test_beams_are_those_of_transformers(
    model: MiniCPMV, theirs: Any, num_beams: int, setting: str, stop_ids: set[int]
) -> None:
    for batch in PROMPTS.values():
        with torch.no_grad():
            embeddings = model.embed(batch)
        expected = theirs.generate(  # from embeddings, so that the penalty counts the answer alone
            inputs_embeds=embeddings,
            attention_mask=torch.ones_like(batch.tokens),
            max_new_tokens=LENGTH,
            num_beams=num_beams,
            do_sample=False,
            eos_token_id=sorted(stop_ids) or None,
            pad_token_id=0,
            **SETTINGS[setting],
        )
        ours = said(model, batch, beams(num_beams, **SETTINGS[setting]), stop_ids=stop_ids)
        assert ours == expected.tolist()


def test_settings_matter(model: MiniCPMV) -> None:
    """The other tests compare answers: these must differ with the settings, and not all end at the limit."""
    found = {
        name: [said(model, batch, beams(**changes))[0] for batch in PROMPTS.values()]
        for name, changes in SETTINGS.items()
    }
    found["greedy"] = [said(model, batch, SamplingParams.greedy(LENGTH))[0] for batch in PROMPTS.values()]
    assert found.pop("late and short") == found["short"]  # a length that costs is hoped to stay as it is
    assert len({str(answers) for answers in found.values()}) == len(found)
    assert [max(len(answer) for answer in found[name]) for name in ("plain", "long")] == [9, LENGTH]


@pytest.mark.parametrize("order", [list(PROMPTS), list(PROMPTS)[::-1]], ids=["forwards", "backwards"])
def test_a_batch_says_what_each_row_says_alone(model: MiniCPMV, order: list[str]) -> None:
    rows = [PROMPTS[name] for name in order]
    changes = [{}, {"max_new_tokens": 3}, {"early_stopping": True, "length_penalty": -1.0}, {"repetition_penalty": 1.5}]
    sampling = [beams(**changed) for changed in changes]
    alone = [said(model, row, params)[0] for row, params in zip(rows, sampling, strict=True)]
    assert said(model, joined(rows), *sampling) == alone


def test_beams_avoid_what_is_forbidden(model: MiniCPMV, theirs: Any) -> None:
    for batch in PROMPTS.values():
        forbidden = set(said(model, batch, beams())[0]) - STOP_IDS
        with torch.no_grad():
            embeddings = model.embed(batch)
        expected = theirs.generate(
            inputs_embeds=embeddings,
            attention_mask=torch.ones_like(batch.tokens),
            max_new_tokens=LENGTH,
            num_beams=3,
            do_sample=False,
            eos_token_id=sorted(STOP_IDS),
            pad_token_id=0,
            suppress_tokens=sorted(forbidden),
        )
        sampler = TokenSampler(beams(), TokenRoles(frozenset(STOP_IDS), frozenset(forbidden)))
        assert [step.sampled.token for step in generate(model, batch, [sampler])] == expected[0].tolist()


def test_one_beam_is_greedy(model: MiniCPMV) -> None:
    for batch in PROMPTS.values():
        assert said(model, batch, beams(1)) == said(model, batch, SamplingParams.greedy(LENGTH))


def test_log_probabilities_are_the_models_own(model: MiniCPMV) -> None:
    batch = PROMPTS["image"]
    (steps,) = steps_of(model, batch, beams(repetition_penalty=1.5))
    for step in steps:
        with torch.no_grad():
            expected = model.logits(model(batch)[0, -1]).log_softmax(dim=0)[step.sampled.token]
        assert step.sampled.log_probability == pytest.approx(float(expected), abs=1e-4)
        length = batch.tokens.shape[1]
        batch = replace(
            batch,
            tokens=torch.cat([batch.tokens, torch.tensor([[step.sampled.token]])], dim=1),
            positions=torch.arange(length + 1).unsqueeze(0),
            segments=torch.ones(1, length + 1, dtype=torch.int64),
        )


def test_the_last_step_says_why_an_answer_stopped(model: MiniCPMV) -> None:
    for batch in PROMPTS.values():
        (steps,) = steps_of(model, batch, beams())
        assert [step.sampled.stopped_by for step in steps[:-1]] == [None] * (len(steps) - 1)
        assert steps[-1].sampled.stopped_by == ("end" if steps[-1].sampled.token in STOP_IDS else "length")


def test_all_beams_of_all_rows_advance_in_one_pass(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []
    forward = model.forward
    monkeypatch.setattr(
        model, "forward", lambda batch, *rest: asked.append(batch.tokens.shape) or forward(batch, *rest)
    )
    rows = [PROMPTS["text"], PROMPTS["image"]]
    said(model, joined(rows), beams(max_new_tokens=3), beams(max_new_tokens=2), stop_ids=set())
    assert asked == [(2, 7), (6, 1), (3, 1)]


def test_rows_must_agree_on_the_number_of_beams(model: MiniCPMV) -> None:
    batch = joined([PROMPTS["text"], PROMPTS["image"]])
    with pytest.raises(ValueError, match="the same number of beams, got 1 and 3"):
        generate(model, batch, samplers(beams(3), beams(1)))


def test_weights_that_are_no_numbers_are_an_error_in_words() -> None:
    damaged = outspoken()
    with torch.no_grad():
        damaged.llm.lm_head.weight[5, 5] = torch.nan
    with pytest.raises(ValueError, match=r"the model's logits for the next token are nan: its weights are damaged"):
        said(damaged, PROMPTS["text"], beams())
