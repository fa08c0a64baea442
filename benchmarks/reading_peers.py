"""The readers that are compared, demiglace, tesseract and RapidOCR: each reads each set in a process of its own.

This file, run as a program, is that process: a job comes as JSON on stdin, texts, time and memory go as lines of JSON
to stdout. Nothing heavy is imported before the job is known, because a child's peak memory is never said to be smaller
than that of the process which started it, and tesseract is such a child.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TextIO

CHUNK = {"line": 16, "page": 4}  # pictures of one call, and files of one tesseract
MOST_TOKENS_OF_A_LINE = 256
WARM_UP = Path(__file__).parents[1] / "samples" / "heading.png"

Reader = Callable[[Sequence[str]], list[str]]  # files of pictures -> their texts


@dataclass(frozen=True)
class Job:
    """What a process is to read; `unit` is "line" or "page". `model` and `upscale` are for demiglace alone."""

    reader: str
    unit: str
    files: list[str]
    threads: int
    model: str | None = None
    upscale: bool = True


@dataclass(frozen=True)
class Outcome:
    """Texts in the order of the files, and what they took.

    seconds: from the first file opened to the last text, after a first picture that is not counted.
    peak_bytes: the most memory resident in the reader's process since its start: interpreter, libraries, weights and
    the pictures at hand. Of tesseract its own process, without the Python that starts it. GPU memory is not counted.
    """

    texts: list[str]
    seconds: float
    peak_bytes: int


def read_apart(job: Job, step: Callable[[int], None]) -> Outcome:
    """Do the job in a new process; `step` is told how many pictures were read. RuntimeError where the process fails."""
    command = [sys.executable, __file__]
    texts: list[str] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        with process.stdin:
            json.dump(asdict(job), process.stdin)
        costs: dict = {}
        for told in map(json.loads, process.stdout):
            if "texts" in told:
                texts += told["texts"]
                step(len(told["texts"]))
            else:
                costs = told
    if process.returncode != 0 or len(texts) != len(job.files):
        raise RuntimeError(
            f"{job.reader} read {len(texts)} of {len(job.files)} pictures and left with status {process.returncode}"
        )
    return Outcome(texts, **costs)


def is_installed(reader: str) -> bool:
    if reader == "tesseract":
        return which("tesseract") is not None
    return reader == "demiglace" or bool(find_spec("rapidocr") and find_spec("onnxruntime"))


def demiglace_reader(job: Job) -> Reader:
    """A line is asked for whole, as it is; a page as `demiglace read` does."""
    import torch

    from demiglace import Demiglace, SamplingParams
    from demiglace.inference.page_reading import QUESTION, PageReader
    from demiglace.media.pictures import open_picture

    torch.set_num_threads(job.threads)
    assistant = Demiglace.load(job.model)
    if not job.upscale:
        assistant = assistant.sliced(upscale=False)

    def read_lines(files: Sequence[str]) -> list[str]:
        sampling = SamplingParams.greedy(MOST_TOKENS_OF_A_LINE)
        return [
            answer.text for answer in assistant.batch([(QUESTION, [file]) for file in files], sampling, CHUNK["line"])
        ]

    def read_pages(files: Sequence[str]) -> list[str]:
        with PageReader(assistant) as reader:
            return [page.text for page in reader.read_all(map(open_picture, files))]

    return {"line": read_lines, "page": read_pages}[job.unit]


def tesseract_reader(job: Job) -> Reader:
    """One process for all pictures of a call, so that its start is not counted for each of them."""

    def read(files: Sequence[str]) -> list[str]:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
            listing.write("\n".join(files))
            listing.flush()
            # A second thread slows tesseract down on a busy machine and changes no text.
            environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
            command = ["tesseract", listing.name, "-", "--psm", {"line": "7", "page": "3"}[job.unit]]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=3600)
        texts = done.stdout.split("\f")
        if len(texts) == len(files) + 1 and not texts[-1]:  # some versions also end the last text with it
            texts.pop()
        if len(texts) != len(files):
            raise RuntimeError(f"{len(files)} pictures, but tesseract wrote {len(texts)} texts")
        return texts

    return read


def rapidocr_reader(job: Job) -> Reader:
    """The models that come with the package; a line is recognised as it is, without being looked for."""
    from rapidocr import RapidOCR

    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": job.threads}
    engine = RapidOCR(params={"Global.log_level": "critical", **threads})
    parts = {"use_det": False, "use_cls": False, "use_rec": True} if job.unit == "line" else {}

    def read(files: Sequence[str]) -> list[str]:
        return ["\n".join(engine(file, **parts).txts or ()) for file in files]

    return read


READERS: dict[str, Callable[[Job], Reader]] = {
    "demiglace": demiglace_reader,
    "tesseract": tesseract_reader,
    "RapidOCR": rapidocr_reader,
}


def work(job: Job, tell: Callable[[dict], None]) -> None:
    read = READERS[job.reader](job)
    read([str(WARM_UP)])
    started = time.perf_counter()
    chunk = CHUNK[job.unit]
    for start in range(0, len(job.files), chunk):
        tell({"texts": read(job.files[start : start + chunk])})
    seconds = time.perf_counter() - started
    tell({"seconds": seconds, "peak_bytes": peak_bytes(of_children=job.reader == "tesseract")})


def peak_bytes(of_children: bool) -> int:
    """The most memory that was resident: of this process, or of the largest child that has ended."""
    status = Path("/proc/self/status")
    if not of_children and status.is_file():  # the call below would also count what the parent held when it forked
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())[0]) * 1024
    used = resource.getrusage(resource.RUSAGE_CHILDREN if of_children else resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def main() -> None:
    answers: TextIO = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    work(Job(**json.load(sys.stdin)), lambda told: print(json.dumps(told), file=answers, flush=True))


if __name__ == "__main__":
    main()
