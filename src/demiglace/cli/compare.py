"""`demiglace compare A B`: which of two sets of answers is better, and what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demiglace.cli.evaluation_options import Rules, check_installed
from demiglace.cli.terminal import note, printable

if TYPE_CHECKING:
    import PIL.Image

    from demiglace.evaluation.comparison import Comparison
    from demiglace.evaluation.comparison_sheet import ShownComparison
    from demiglace.evaluation.scores import Scored


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="Results folder of `demiglace eval`.", exists=True)],
    after: Annotated[
        Path, typer.Argument(metavar="B", help="Another results folder, of the same benchmarks.", exists=True)
    ],
    html: Annotated[Path | None, typer.Option(help="Write the examples that changed to this HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures and changed ids as JSON.")] = False,
    rules: Rules = "demiglace",
    data: Annotated[Path | None, typer.Option(help="Folder of the pictures, if they have moved.")] = None,
) -> None:
    """Compare the answers of two models to the same questions.

    demiglace compare results/before results/after --html changes.html
    """
    check_installed("rapidfuzz")
    from demiglace.evaluation.benchmark_names import benchmark_named
    from demiglace.evaluation.comparison import compare as compared
    from demiglace.evaluation.comparison import compared_figure
    from demiglace.evaluation.comparison_sheet import ShownComparison, comparison_sheet
    from demiglace.safe_files import write_whole

    shown = []
    for name in _common_benchmarks(before, after):
        comparison = compared(*(_scored(folder / name, rules) for folder in (before, after)))
        pictures = _pictures(after / name, comparison, data) if html else {}
        shown.append(ShownComparison(name, compared_figure(benchmark_named(name)), comparison, pictures))
    if as_json:
        typer.echo(json.dumps({one.name: _json_fields(one) for one in shown}, indent=2))
    else:
        typer.echo(printable(_table(shown)))
    if html is not None:
        write_whole(html, comparison_sheet(str(before), str(after), shown))
        typer.echo(f"the examples that changed are in {html}", err=True)


def _common_benchmarks(before: Path, after: Path) -> list[str]:
    """Benchmarks in both folders."""
    from demiglace.evaluation.prediction import PREDICTIONS

    first, second = ({path.parent.name for path in folder.glob(f"*/{PREDICTIONS}")} for folder in (before, after))
    if not first & second:
        names = ((before, first), (after, second))
        contents = [f"{folder} has {', '.join(sorted(found)) or 'none'}" for folder, found in names]
        raise ValueError(f"no benchmark was asked in both: {'; '.join(contents)}")
    for name in sorted(first ^ second):
        note(f"{name} was asked in {before if name in first else after} alone")
    return sorted(first & second)


def _scored(folder: Path, rules: str) -> list[Scored]:
    from demiglace.evaluation.benchmark_names import benchmark_named
    from demiglace.evaluation.judge import judge_predictions
    from demiglace.evaluation.prediction import PREDICTIONS, read_predictions
    from demiglace.evaluation.scores import score_predictions

    benchmark, found = benchmark_named(folder.name), read_predictions(folder / PREDICTIONS).values()
    judged = judge_predictions(benchmark, found, folder, None) if benchmark.judge else None
    return score_predictions(found, rules, judged, benchmark.name)


def _pictures(folder: Path, comparison: Comparison, data: Path | None) -> Mapping[str, PIL.Image.Image | None]:
    """Pictures of the changes that are shown, opened again."""
    from demiglace.evaluation.benchmark_names import benchmark_named
    from demiglace.evaluation.comparison_sheet import shown_changes
    from demiglace.evaluation.evaluate import MOST_BYTES, SETTINGS
    from demiglace.media.part_pictures import picture_of_parts
    from demiglace.safe_files import read_object

    wanted = {change.after.prediction.id for change in shown_changes(comparison)}
    place = data or read_object(folder / SETTINGS, MOST_BYTES).get("data")
    pictures: dict[str, PIL.Image.Image | None] = {}
    try:
        for example in benchmark_named(folder.name).examples(Path(place) if place else None):
            if wanted == pictures.keys():
                break
            if example.id in wanted:
                pictures[example.id] = picture_of_parts(example.show())
    except (ValueError, OSError) as error:
        note(f"{folder.name}: pictures are missing: {error}")
    return pictures


def _table(shown: list[ShownComparison]) -> str:
    from demiglace.evaluation.comparison_sheet import HEADINGS, comparison_notes, row

    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(row, shown)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join((table, *comparison_notes(shown)))


def _json_fields(shown: ShownComparison) -> dict[str, Any]:
    fields = {"figure": shown.figure, **asdict(shown.comparison)}
    fields["changes"] = {one.after.prediction.id: one.gain for one in shown.comparison.changes}
    return fields
