"""A compiled step answers as the plain one, from one code for all numbers of rows and columns."""

import shutil

import pytest
import torch
from engine_requests import REQUESTS, all_steps, answer, assert_all_free, assert_same, by_request
from prompts import outspoken

from demiglace.engine import decode_window
from demiglace.engine.engine import Engine, EngineConfig
from demiglace.engine.token_sampler import TokenSampler

COMPILED = EngineConfig(block_size=4, max_prefill_tokens=40, compile_decode=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_a_compiled_engine_answers_as_the_plain_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests come one by one, so that rows and columns take many numbers; none is compiled anew."""
    monkeypatch.setattr(decode_window, "SPARE_COLUMNS", 5)
    model = outspoken()
    engine, steps = Engine(model, COMPILED), []
    with torch._dynamo.config.patch(error_on_recompile=True):
        for batch, params in REQUESTS:
            engine.add(batch, TokenSampler(params))
            steps += [*engine.step(), *engine.step(), *engine.step()]
        found = by_request([*steps, *all_steps(engine)])
    for number, request in enumerate(REQUESTS):
        assert_same(found[number], answer(model, *request))
    assert_all_free(engine)


@pytest.mark.slow
def test_without_a_compiler_the_step_runs_as_it_is() -> None:
    model = outspoken()
    torch.compiler.reset()
    missing = torch._inductor.config.patch({"cpp.cxx": ("/nowhere/g++",), "force_disable_caches": True})
    with missing, pytest.warns(UserWarning, match="steps are not compiled: .*/nowhere/g"):
        engine = Engine(model, COMPILED)
    for batch, params in REQUESTS[:2]:
        engine.add(batch, TokenSampler(params))
    found = by_request(all_steps(engine))
    for number, request in enumerate(REQUESTS[:2]):
        assert_same(found[number], answer(model, *request))
