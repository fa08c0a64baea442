"""lmms-eval itself asks our server about clips: by the files' addresses, and by frames that it takes of them.

Needs `make lmms-eval`. For frames it decodes with decord and torchvision, which stand beside torch's usual build alone
(8 GB; both tests passed with it):

    .venv-lmms-eval/bin/python -m pip install torch==2.9.1 torchvision==0.24.1 decord qwen-vl-utils
    .venv-lmms-eval/bin/python -m pip install "av>=18"
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running_server import running

from demiglace import Demiglace
from demiglace.engine.engine import EngineConfig
from demiglace.evaluation.question_accuracy import PartsAndQuestion
from demiglace.server.app import create_app
from demiglace.server.limits import Limits
from demiglace.server.media_sources import MediaSources
from demiglace.server.service import Service

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from kits import FRAMES, LMMS_EVAL, NAME, by_engine, by_lmms_eval, clips_of

CLIPS, TOKENS = 3, 64

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LMMS_EVAL.exists(), reason="lmms-eval has an environment of its own: make lmms-eval"),
]


@pytest.fixture(scope="module")
def assistant() -> Demiglace:
    return Demiglace.load("nano", "cpu", "float32")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[PartsAndQuestion]:
    return clips_of(tmp_path_factory.mktemp("clips") / "files", CLIPS)


@pytest.fixture(scope="module")
def address(assistant: Demiglace, asked: list[PartsAndQuestion]) -> Iterator[str]:
    limits, folder = Limits(), asked[0][0][0].source.parent
    service = Service.of(NAME, assistant, limits, MediaSources(limits, media_root=folder), EngineConfig())
    with running(create_app(service)) as server:
        yield server


def visual_tokens(address: str) -> float:
    """Of all prompts so far."""
    found = re.search(r"^demiglace_visual_tokens_total (\S+)$", httpx.get(f"{address}/metrics").text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_clips_by_their_addresses(
    assistant: Demiglace, address: str, asked: list[PartsAndQuestion], tmp_path: Path
) -> None:
    arguments = {"model": NAME, "base_url": f"{address}/v1", "api_key": "none", "pass_video_url": True}
    run = by_lmms_eval(LMMS_EVAL, tmp_path / "kit", asked, "openai", arguments | {"max_frames_num": FRAMES})
    assert run.texts == by_engine(assistant, asked).texts


def test_clips_by_their_frames(address: str, asked: list[PartsAndQuestion], tmp_path: Path) -> None:
    """Each frame is a picture to the server: whoever wants packages sends the clip."""
    reads = subprocess.run([LMMS_EVAL, "-c", "import decord, qwen_vl_utils"], capture_output=True, check=False)
    if reads.returncode:
        pytest.skip("lmms-eval's environment has no decord and torchvision, with which it decodes clips")
    before, arguments = visual_tokens(address), {"model": NAME, "base_url": f"{address}/v1", "api_key": "none"}
    run = by_lmms_eval(LMMS_EVAL, tmp_path / "kit", asked, "openai", arguments | {"max_frames_num": 8})
    assert all(run.texts)
    assert not any("FAILED" in text for text in run.texts)
    assert visual_tokens(address) - before == CLIPS * 8 * TOKENS
