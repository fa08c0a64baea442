"""The same questions by our own rule and through lmms-eval: what it makes of the same model.

    make lmms-eval
    python benchmarks/kits.py [--most 200] [--clips 24] [--data FOLDER] [--out FILE]

The questions are those that benchmarks/seeing.py asks about easy-VQA, and held-out ones about drawn clips. lmms-eval
asks our server (`--model openai`; of clips it sends addresses of files, `pass_video_url`, for it decodes none itself
without torchvision) and our engine in its own process (`--model demiglace`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results_file import ROOT, machine_of, weights_of, write_result
from seeing import BOTH, MOST_TOKENS, SETS, questions_of
from server_process import ours, running

from demiglace import Demiglace
from demiglace.conversation import Conversation, Image, Part, Video, VideoSampling
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.question_accuracy import PartsAndQuestion
from demiglace.safe_files import write_whole
from demiglace.synthesis.clips.clip import encode
from demiglace.synthesis.clips.kinds import CLIP_KINDS, held_out_question

RESULT = Path(__file__).parent / "results" / "kits.json"
TASK = Path(__file__).parent / "lmms_eval_task"
LMMS_EVAL = ROOT / ".venv-lmms-eval" / "bin" / "python"
NAME = "nano"
FRAMES, CLIP_FPS = 12, 20  # frames of a clip that are looked at; of the files, a second
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Run:
    """texts: of the answers, in the order of the questions. score: the kit's own, None of our engine."""

    texts: list[str]
    score: float | None = None


def by_engine(assistant: Demiglace, asked: Sequence[PartsAndQuestion]) -> Run:
    """Greedy answers, also those that are cut off: a kit takes them as they come."""
    requests = [Conversation.ask(question.text, *parts) for parts, question in asked]
    return Run([answer.text for answer in assistant.batch(requests, SamplingParams.greedy(MOST_TOKENS))])


def by_lmms_eval(
    python: Path, folder: Path, asked: Sequence[PartsAndQuestion], model: str, arguments: Mapping[str, Any]
) -> Run:
    """model, arguments: `--model` and `--model_args`. folder: for the task; it is made. RuntimeError where it fails."""
    task = lmms_eval_task(folder / "task", asked)
    told = ",".join(f"{name}={value}" for name, value in arguments.items())
    command = [str(python), str(TASK / "ask.py"), model, told, str(task)]
    environment = {**os.environ, **OFFLINE, "HF_HOME": str(folder / "hub")}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"lmms-eval failed:\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Run(found["texts"], found["score"])


def lmms_eval_task(folder: Path, asked: Sequence[PartsAndQuestion]) -> Path:
    """The folder for `--include_path`: the task, and its questions as JSON lines."""
    folder.mkdir(parents=True)
    questions = folder / "questions.jsonl"
    lines = [
        json.dumps({"shown": str(file_of(parts)), "question": question.text, "answer": question.answer})
        for parts, question in asked
    ]
    write_whole(questions, "\n".join(lines) + "\n")
    write_whole(folder / "questions.yaml", (TASK / "questions.yaml").read_text().replace("QUESTIONS", str(questions)))
    write_whole(folder / "shown.py", (TASK / "shown.py").read_text())
    return folder


def file_of(parts: Sequence[Part]) -> Path:
    (shown,) = parts
    assert isinstance(shown, Image | Video)
    assert isinstance(shown.source, str | Path)
    return Path(shown.source)


def clips_of(folder: Path, count: int) -> list[PartsAndQuestion]:
    """Held-out clips of all kinds in turn, as files in `folder`; it is made."""
    folder.mkdir()
    asked: list[PartsAndQuestion] = []
    for place in range(count):
        number, kind = divmod(place, len(CLIP_KINDS))
        found = held_out_question(list(CLIP_KINDS)[kind], number)
        (file := folder / f"{place}.mp4").write_bytes(encode(found.clip, CLIP_FPS, "mp4"))
        asked.append(((Video(file, VideoSampling(num_frames=FRAMES)),), found.question))
    return asked


def figures(run: Run, asked: Sequence[PartsAndQuestion], own: Run) -> dict[str, Any]:
    """right: by our rule, whatever the kit says."""
    pairs = list(zip(asked, run.texts, strict=True))
    return {
        "kit_score": run.score,
        "right": sum(question.is_answered_by(text) for (_, question), text in pairs),
        "unlike_our_engine": sum(a.strip() != b.strip() for a, b in zip(run.texts, own.texts, strict=True)),
    }


def measured(
    assistant: Demiglace, asked: Mapping[str, Sequence[PartsAndQuestion]], python: Path, folder: Path
) -> dict[str, Any]:
    """asked: by the name of a set. Each set's figures by the name of the way it was asked."""
    found: dict[str, Any] = {}
    options = ("--name", NAME, "--media-root", str(folder))
    with running(ours("nano", *options), folder / "server", {"OMP_NUM_THREADS": "1"}) as server:
        of_server = {"model": NAME, "base_url": f"{server.address}/v1", "api_key": "none"}
        of_server |= {"pass_video_url": True, "max_frames_num": FRAMES}
        of_engine = {"pretrained": "nano", "device": "cpu", "dtype": "float32", "num_frames": FRAMES}
        for name, questions in asked.items():
            own = by_engine(assistant, questions)
            found[name] = {"asked": len(questions), "our engine": figures(own, questions, own)}
            for model, arguments in (("openai", of_server), ("demiglace", of_engine)):
                run = by_lmms_eval(python, folder / name / model, questions, model, arguments)
                found[name][f"lmms-eval --model {model}"] = figures(run, questions, own)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of real data")
    parser.add_argument("--most", type=int, default=200, help="questions about pictures")
    parser.add_argument("--clips", type=int, default=24, help="questions about clips")
    parser.add_argument("--lmms-eval", type=Path, default=LMMS_EVAL, help="a Python that has it, and this package")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    assistant = Demiglace.load(None, "cpu", "float32")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pictures = questions_of(options.data / "easy_vqa", SETS["easy_vqa"], BOTH)[: options.most]
        asked = {"pictures": pictures, "clips": clips_of(folder / "files", options.clips)}
        found = measured(assistant, asked, options.lmms_eval, folder)
    write_result(options.out, {"sets": found}, weights_of(None), machine_of(assistant))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
