"""LiteLLM reads what our server answers. Needs `make litellm`."""

import json
import subprocess
from pathlib import Path

import pytest
from running_server import SAMPLES, data_url, running

from demiglace import Demiglace, SamplingParams
from demiglace.engine.engine import EngineConfig
from demiglace.server.app import create_app
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service

PYTHON = Path(__file__).parents[2] / ".venv-litellm" / "bin" / "python"


@pytest.mark.skipif(not PYTHON.exists(), reason="LiteLLM has an environment of its own: make litellm")
def test_litellm_reads_answers_streams_thoughts_and_faults() -> None:
    assistant, limits = Demiglace.load("nano", "cpu", "float32"), Limits()
    sampling = SamplingParams.greedy(40)
    expected = assistant.ask("Read the text.", SAMPLES / "heading.png", sampling=sampling)
    thoughts = assistant.ask("Read the text.", SAMPLES / "heading.png", sampling=sampling, thinking=True).thinking
    service = Service.of("nano", assistant, limits, MediaSources(limits), EngineConfig())
    with running(create_app(service)) as address:
        command = [PYTHON, Path(__file__).with_name("ask_litellm.py"), address, data_url("heading.png", "image/png")]
        environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # it would fetch its prices
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["content"], told["visual_tokens"], told["thoughts"]) == (expected.text, 64, thoughts)
    assert 0 < told["response_tokens"] <= 8
    assert "temperature must be a number in [0, 100], got -1.0" in told["fault"]
