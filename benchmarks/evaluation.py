"""Questions of easy-VQA through the engine, many at once, against `transformers`, one by one: same answers, and time.

    python benchmarks/evaluation.py [--questions 1000] [--rounds 2] [--data FOLDER] [--out FILE]

Both are asked by `demiglace eval`'s own backends; loading is left out, and the first questions of each are asked before
the clock starts. The two take turns, and the shortest round of each counts.
"""

from __future__ import annotations

import argparse
import time
from itertools import islice
from pathlib import Path

from results_file import machine_of, versions_here, weights_of, write_result

from demiglace import Demiglace
from demiglace.evaluation.backends.backend import Asked, Backend
from demiglace.evaluation.backends.engine import EngineBackend
from demiglace.evaluation.backends.transformers_model import TransformersBackend
from demiglace.evaluation.benchmark_names import benchmark_named
from demiglace.evaluation.inference_settings import InferenceSettings, conversation_of, default_settings
from demiglace.evaluation.prediction import Reply

RESULTS = Path(__file__).parent / "results"
WARM = 4  # questions before the clock starts
ROWS = (8, 32)  # questions at once


def asked(data: Path | None, count: int) -> list[Asked]:
    benchmark = benchmark_named("easy_vqa")
    settings: InferenceSettings = default_settings(benchmark, thinking=False)
    examples = list(islice(benchmark.examples(data), count))
    return [
        Asked(place, conversation_of(benchmark, one, settings), settings.sampling) for place, one in enumerate(examples)
    ]


def answered(backend: Backend, questions: list[Asked]) -> tuple[float, dict[int, Reply]]:
    """Seconds, and replies by place."""
    began = time.perf_counter()
    replies = dict(backend.answers(questions))
    return time.perf_counter() - began, replies


def measure(questions: list[Asked], assistant: Demiglace, rounds: int) -> dict:
    name = "one by one, transformers"
    backends: dict[str, Backend] = {name: TransformersBackend("nano", "cpu", "float32")}
    backends |= {f"{rows} at once, engine": EngineBackend(lambda: assistant, "nano", "", rows) for rows in ROWS}
    seconds: dict[str, list[float]] = {one: [] for one in backends}
    answers: dict[str, list[str]] = {}
    for backend in backends.values():
        answered(backend, questions[:WARM])
    for _ in range(rounds):
        for one, backend in backends.items():
            assistant.weights_changed()  # nothing that an earlier round has looked at is known
            spent, replies = answered(backend, questions)
            seconds[one].append(spent)
            answers[one] = [replies[place].answer for place in range(len(questions))]
    best = {one: min(spent) for one, spent in seconds.items()}
    return {
        "questions": len(questions),
        "pictures": len({reply.sent[0]["sha256"] for reply in replies.values()}),
        "seconds": {one: [round(spent, 2) for spent in each] for one, each in seconds.items()},
        "times_faster": {one: round(best[name] / spent, 2) for one, spent in best.items()},
        "different_answers": {
            one: sum(left != right for left, right in zip(answers[name], said, strict=True))
            for one, said in answers.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--data", type=Path, help="a folder of easy-VQA [default: the package easy-vqa]")
    parser.add_argument("--out", type=Path, default=RESULTS / "evaluation.json")
    options = parser.parse_args()
    assistant = Demiglace.load(None, "cpu", "float32")
    figures = measure(asked(options.data, options.questions), assistant, options.rounds)
    write_result(options.out, figures, weights_of(None), machine_of(assistant), versions_here("transformers"))
    for name, times in figures["times_faster"].items():
        print(f"{name}: {min(figures['seconds'][name])} s, {times} times, {figures['different_answers'][name]} differ")


if __name__ == "__main__":
    main()
