"""`demiglace eval MODEL BENCHMARK...`: a model's answers to benchmarks, and their scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from demiglace.cli import inference_options
from demiglace.cli.evaluation_options import Answering, Frames, Rules, check_installed, read_key
from demiglace.cli.inference_options import Sampling, Slicing, with_options
from demiglace.cli.terminal import note, printable
from demiglace.cli.training_options import Stores

if TYPE_CHECKING:
    from demiglace.evaluation.backends.backend import Backend
    from demiglace.evaluation.benchmark import Benchmark
    from demiglace.evaluation.evaluate import Evaluation
    from demiglace.evaluation.inference_settings import InferenceSettings
    from demiglace.evaluation.prediction import Prediction
    from demiglace.evaluation.report import Report
    from demiglace.evaluation.scores import BenchmarkScore

OWN = "demiglace"  # rules


@dataclass(frozen=True)
class Scoring:
    """How answers are scored; changing it asks no question again."""

    rules: Rules = OWN
    judge: Annotated[str | None, typer.Option(help="OpenAI-compatible server of a judge, if one is needed.")] = None
    judge_model: Annotated[str | None, typer.Option(help="The judge's model name there.")] = None
    judge_key_file: Annotated[Path | None, typer.Option(help="File with the key of its server.", exists=True)] = None

    def check(self, benchmarks: Sequence[Benchmark]) -> None:
        """ValueError for bad options, and those without effect, before anything is asked."""
        from demiglace.scoring.rules.rule_sets import rule_set

        rule_set(self.rules)
        if (self.judge is None) != (self.judge_model is None):
            raise ValueError("--judge and --judge-model require each other")
        if self.judge is None and self.judge_key_file is not None:
            raise ValueError("--judge-key-file is for a judge, and --judge was not given")
        if self.judge is not None and all(one.judge is None for one in benchmarks):
            raise ValueError(f"--judge has no effect: {', '.join(one.name for one in benchmarks)} needs no judge")

    def backend(self, answering: Answering) -> Backend | None:
        """The judge; None if there is none."""
        if self.judge is None or self.judge_model is None:
            return None
        from demiglace.evaluation.backends.openai_server import OpenAIServer, ServerBackend

        key = read_key(self.judge_key_file)
        server = OpenAIServer(self.judge, self.judge_model, key, *answering.patience, plain=True)
        return ServerBackend(server, answering.at_once)


@with_options
def evaluate(
    model: Annotated[str, typer.Argument(help="Folder or hub id, nano or nano-reader; or the name on a server.")],
    benchmarks: Annotated[
        list[str],
        typer.Argument(
            metavar="BENCHMARK...", help="Names, or NAME=PATH with the file, folder or address of its data."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the answers and the report.")],
    answering: Answering,
    sampling: Sampling,
    frames: Frames,
    slicing: Slicing,
    scoring: Scoring,
    stores: Stores,
    data: Annotated[str | None, typer.Option(help="Folder that contains benchmarks by their names.")] = None,
    limit: Annotated[int | None, typer.Option(help="Ask only the first N questions of each.", min=1)] = None,
    settings: Annotated[
        Literal["default", "paper"], typer.Option(help="Settings of the benchmarks where no option is given.")
    ] = "default",
    think: inference_options.Think = False,
) -> None:
    """Evaluate a model on benchmarks: ask their questions and score the answers.

    demiglace eval nano easy_vqa drawn --limit 200 --out results/nano

    Benchmarks: drawn, easy_vqa, lines, tables, pages, OmniDocBench, MMBench, MMStar, AI2D, MMMU, MathVista, OCRBench,
    DocVQA, InfoVQA, ChartQA, TextVQA, HallusionBench, ObjHalBench, IFEval, instructions, MMVet, Video-MME, MLVU,
    LVBench, MotionBench.
    """
    from demiglace.folder_lock import locked

    check_installed("matplotlib", "openai", "rapidfuzz")
    evaluations = [
        _evaluation(word, data, limit, out, lambda benchmark: _settings(benchmark, settings, think, sampling, frames))
        for word in benchmarks
    ]
    asked = [one.benchmark for one in evaluations]
    if data is not None and not any(
        one.needs_data and "=" not in word for word, one in zip(benchmarks, asked, strict=True)
    ):
        raise ValueError("--data has no effect: each benchmark has data of its own, or a path")
    scoring.check(asked)
    frames.check(asked)
    backend = answering.of(model, slicing.changes(), is_judged=scoring.judge is not None)
    objects = stores.objects()
    with locked(out):
        for evaluation in evaluations:
            evaluation.check(scoring.rules, objects)
        for evaluation in evaluations:
            with evaluation.at_hand(objects) as at_hand, _counted(evaluation) as count:
                at_hand.ask(backend, count)
        report = _report(out, evaluations, backend, scoring, answering)
        _write(out, report, scoring.rules)
    _check_answered(report, [one.name for one in asked])


def _evaluation(
    word: str, data: str | None, limit: int | None, out: Path, settings: Callable[[Benchmark], InferenceSettings]
) -> Evaluation:
    from demiglace.data.object_cache import path_or_address
    from demiglace.evaluation.benchmark_names import benchmark_named
    from demiglace.evaluation.evaluate import Evaluation

    name, _, path = word.partition("=")
    benchmark = benchmark_named(name)
    given = path or (data if benchmark.needs_data else None)
    place = path_or_address(given) if given else None
    folder = out / benchmark.name
    if isinstance(place, str):
        return Evaluation(benchmark, settings(benchmark), folder, limit=limit, address=place)
    return Evaluation(benchmark, settings(benchmark), folder, place and place.expanduser(), limit)


def _settings(
    benchmark: Benchmark, settings: str, think: bool, sampling: Sampling, frames: Frames
) -> InferenceSettings:
    """The chosen settings, overridden by single options."""
    from demiglace.evaluation.inference_settings import default_settings, paper_settings

    preset = paper_settings(benchmark) if settings == "paper" else default_settings(benchmark, think)
    return replace(
        preset,
        thinking=preset.thinking or think,
        sampling=sampling.of(preset.sampling),
        video=frames.of(preset.video),
    )


@contextmanager
def _counted(evaluation: Evaluation) -> Iterator[Callable[[Prediction], None]]:
    """Shows a line on the terminal that counts the answers."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    progress = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
    counts = {"answered": 0, "failed": 0}
    with nullcontext() if progress.disable else progress:
        task = progress.add_task(evaluation.benchmark.name, total=None)

        def count(prediction: Prediction) -> None:
            counts["failed" if prediction.reply.error else "answered"] += 1
            description = f"{evaluation.benchmark.name}: {counts['answered']} answered, {counts['failed']} failed"
            progress.update(task, description=description)

        yield count


def _report(
    out: Path, evaluations: list[Evaluation], backend: Backend, scoring: Scoring, answering: Answering
) -> Report:
    """Scores of the benchmarks asked now, and of others in the folder, which are not judged again."""
    from demiglace.evaluation.earlier_results import answered_before, check_same_model
    from demiglace.evaluation.report import Report

    judge = scoring.backend(answering)
    scores = {one.benchmark.name: _score(one.benchmark, one.folder, scoring.rules, judge) for one in evaluations}
    for benchmark in answered_before(out, scores):
        try:
            check_same_model(out / benchmark.name, backend)
            scores[benchmark.name] = _score(benchmark, out / benchmark.name, scoring.rules, None)
        except ValueError as error:
            note(f"{benchmark.name} is not in the report: {error}")
    return Report(backend.name, backend.weights, scoring.rules, scores)


def _score(benchmark: Benchmark, folder: Path, rules: str, judge: Backend | None) -> tuple[Benchmark, BenchmarkScore]:
    from demiglace.evaluation.evaluate import group_sizes
    from demiglace.evaluation.judge import judge_predictions
    from demiglace.evaluation.prediction import PREDICTIONS, read_predictions
    from demiglace.evaluation.scores import benchmark_score, score_predictions

    found = read_predictions(folder / PREDICTIONS).values()
    judged = judge_predictions(benchmark, found, folder, judge) if benchmark.judge else None
    scored = score_predictions(found, rules, judged, benchmark.name)
    return benchmark, benchmark_score(benchmark, scored, group_sizes(folder))


def _write(out: Path, report: Report, rules: str) -> None:
    """report.md, report.json and, if there is a score, report.png; with the rules' name in file names unless ours."""
    from demiglace.evaluation.plots import plot_report
    from demiglace.safe_files import write_whole

    name = "report" if rules == OWN else f"report-{rules}"
    text = report.as_markdown()
    write_whole(out / f"{name}.md", text)
    write_whole(out / f"{name}.json", json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")
    is_plotted = plot_report(report, out / f"{name}.png")
    typer.echo(printable(text))
    typer.echo(f"the report is in {out / name}.md, .json{' and .png' if is_plotted else ''}", err=True)


def _check_answered(report: Report, asked: list[str]) -> None:
    """ValueError if every request of a benchmark failed, because its report would say nothing about the model."""
    for name in asked:
        _, score = report.scores[name]
        if score.failed == score.asked:
            raise ValueError(f"{name}: all {score.failed} requests failed, the first: {next(iter(score.errors))}")
