"""What is asked of vLLM and of our model alike; vLLM has an environment of its own (`make vllm`)."""

import json
import os
import shlex
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from demiglace import Conversation, Demiglace, Image, Message, SamplingParams, Text, Video, VideoSampling
from demiglace.engine.static_batch import generate
from demiglace.engine.token_sampler import TokenSampler
from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.hub import folder_of
from demiglace.processing.processor import Processor

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
NUM_NEW = 40
SIXES = {"fps": 10.0, "package_frames": 6, "force_package_frames": True}
SMALL = "--dtype float32 --enforce-eager --max-model-len 2048 --kv-cache-memory-bytes 128M"
SECONDS_TO_START = 600

needs_vllm = pytest.mark.skipif(
    not PYTHON.is_file(), reason="vLLM has no environment in .venv-vllm (`make vllm` makes one)"
)


@dataclass(frozen=True)
class Asked:
    """parts: as `ask_vllm.py` takes them. options: the sampling of clips. adapted: whether the adapter answers."""

    parts: list[dict[str, Any]]
    options: Mapping[str, Any] = field(default_factory=dict)
    adapted: bool = False

    def conversation(self) -> Conversation:
        return Conversation((Message("user", tuple(self._part(*one.popitem()) for one in map(dict, self.parts))),))

    def _part(self, kind: str, given: Any) -> Text | Image | Video:
        if kind == "text":
            return Text(given)
        if kind in ("picture", "array"):
            return Image(given)
        # vLLM says of pictures that a request has in the place of a file that they are a second apart.
        sampling = VideoSampling(**self.options) if kind == "clip" else VideoSampling(**self.options, fps=1)
        return Video(given, sampling)


def exported(folder: Path) -> Path:
    """The nano model, exported anew, and set to cut large pictures into slices."""
    shipped = folder_of(None)
    processor = Processor.load(shipped)
    slicing = replace(processor.config.slicing, max_slices=6)
    processor = Processor(processor.tokenizer, replace(processor.config, slicing=slicing))
    processor.save(folder)
    weights.save(weights.load(shipped), folder, CheckpointFacts(**processor.checkpoint_facts(), do_sample=False))
    return folder


def line_of_16_bits(path: Path) -> Path:
    """The line of the samples as a grey PNG of 16 bits."""
    grey = np.asarray(PIL.Image.open(ROOT / "samples" / "line.png").convert("L"))
    PIL.Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    return path


def ours(told: Demiglace, asked: Asked) -> dict[str, list[int]]:
    """Token ids of the prompt and of the answer."""
    sample = told.processor.prepare(asked.conversation())
    batch, greedy = told.processor.batch([sample]), SamplingParams.greedy(NUM_NEW)
    answer = [step.sampled.token for step in generate(told.model, batch, [TokenSampler(greedy, told.roles)])]
    return {"prompt": sample.tokens.tolist(), "answer": answer}


def theirs(
    folder: Path, checkpoint: Path, asked: Iterable[Asked], adapter: Path | None = None, processes: int = 1
) -> list[dict[str, Any]]:
    """What vLLM says to each: as `ours`, or {"error": message}. processes: that share the decoder (tensor parallel)."""
    questions, answers = folder / "questions.json", folder / "answers.json"
    job = {
        "model": str(checkpoint),
        "adapter": None if adapter is None else str(adapter),
        "max_tokens": NUM_NEW,
        "processes": processes,
        "asked": [asdict(one) for one in asked],
    }
    questions.write_text(json.dumps(job))
    command = [PYTHON, ROOT / "tests" / "interop" / "ask_vllm.py", questions, answers]
    # By itself vLLM wants a NUMA node for each process.
    environment = os.environ | ({"VLLM_CPU_OMP_THREADS_BIND": "nobind"} if processes > 1 else {})
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(answers.read_text())


def launch(page: str, command: str) -> list[str]:
    """The options that a page of docs gives to a command."""
    text = (ROOT / "docs" / page).read_text()
    return shlex.split(text[text.index(command) + len(command) :].partition("\n```")[0].replace("\\\n", " "))


@contextmanager
def server(checkpoint: Path, log: Path, options: Sequence[str], **environment: str) -> Iterator[str]:
    """Its address while it runs. `vllm serve` itself does not start where vLLM is the package vllm-cpu."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", checkpoint]
    environment = os.environ | {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"} | environment
    command = [*program, *options, *SMALL.split(), "--port", port]
    with log.open("wb") as written:  # in a session of its own: its engine is another process
        process = subprocess.Popen(command, stdout=written, stderr=written, env=environment, start_new_session=True)
    try:
        until = time.monotonic() + SECONDS_TO_START
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() < until, log.read_text()[-4000:]
            time.sleep(1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=10)
    except OSError:
        return False
    return True
