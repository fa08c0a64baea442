"""`demiglace tokens`: visual tokens of files, here and in three other models of the same size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demiglace.cli.inference_options import Reading, Slicing, with_options
from demiglace.cli.terminal import check_open, printable
from demiglace.conversation import Conversation, Document, Image, Part, Video

if TYPE_CHECKING:
    from demiglace.processing.slicing import SlicingConfig
    from demiglace.processing.visual_token_cost import VisualTokenCost

RELEASED_NUM_QUERIES = 64  # released code

CountedModel = Annotated[
    str | None, typer.Option("--model", help="Count with this checkpoint's settings. [default: the release's]")
]


@dataclass(frozen=True)
class FileCost:
    """The cost of a file in each model, and its contents.

    note: how a video that does not fit at the defaults is sampled instead; "" if it fits.
    """

    file: str
    holds: str
    costs: list[VisualTokenCost]
    note: str = ""


@with_options
def tokens(
    files: Annotated[list[str], typer.Argument(help="Images, PDFs, videos.")],
    reading: Reading,
    slicing: Slicing,
    model: CountedModel = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Count slices, packages and visual tokens of files, here, in Qwen2.5-VL, Qwen3-VL and InternVL3. Runs no model."""
    check_open("stdout")
    changes = slicing.changes()
    config, num_queries = _settings(model)
    parts = reading.parts(files)
    slicing.check(parts)
    fitted_parts, notes = _fitted_parts(model, parts, changes)
    counted = parts if model is None else fitted_parts
    config = replace(config, **changes)
    file_costs = [
        replace(_cost_of_file(file, part, config, num_queries), note=note)
        for file, part, note in zip(files, counted, notes, strict=True)
    ]
    if as_json:
        typer.echo(json.dumps([_fields(file_cost) for file_cost in file_costs], ensure_ascii=False, indent=2))
    else:
        _print(file_costs)


def _settings(model: str | None) -> tuple[SlicingConfig, int]:
    """The slicing config, and visual tokens per slice or package; the release's are known without torch."""
    from demiglace.processing.slicing import SlicingConfig

    if model is None:
        return SlicingConfig(), RELEASED_NUM_QUERIES
    from demiglace.model.hub import folder_of
    from demiglace.processing.processor import Processor

    config = Processor.load(folder_of(model)).config
    return config.slicing, config.num_queries


def _fitted_parts(
    model: str | None, parts: Sequence[Part], changes: dict[str, Any]
) -> tuple[Sequence[Part], list[str]]:
    """The parts as fitted by `ask`, given all files and a question of usual length, and a note on each.

    Without a model these are the parts for the default model of `ask`, and the notes say so.
    """
    unset = [isinstance(part, Video) and part.sampling is None for part in parts]
    if not any(unset):
        return parts, [""] * len(parts)
    from demiglace.model.hub import folder_of
    from demiglace.model.weights import read_config
    from demiglace.processing.fitting import fit_for_answer
    from demiglace.processing.processor import Processor
    from demiglace.processing.prompt_layout import TooLong

    folder = folder_of(model)
    processor = Processor.load(folder)
    config = replace(processor.config, slicing=replace(processor.config.slicing, **changes))
    room = read_config(folder).llm.max_position_embeddings - 1
    prefix = "" if model else "asked without --model, "
    try:
        fitted = fit_for_answer(Processor(processor.tokenizer, config), Conversation.ask("", *parts), room)
    except TooLong as error:
        return parts, [f"{prefix}{error}" if is_unset else "" for is_unset in unset]
    notes = iter(fitted.by_video)
    own_notes = [next(notes) if is_unset else "" for is_unset in unset]
    return fitted.conversation.messages[-1].content[:-1], [note and prefix + note for note in own_notes]


def _cost_of_file(file: str, part: Part, slicing: SlicingConfig, num_queries: int) -> FileCost:
    if isinstance(part, Video):
        return _cost_of_video(file, part, num_queries)
    assert isinstance(part, Image | Document)
    return _cost_of_pictures(file, part, slicing, num_queries)


def _cost_of_pictures(file: str, part: Image | Document, slicing: SlicingConfig, num_queries: int) -> FileCost:
    """The cost of a picture, or the pages of a document: each is opened only for its size."""
    from demiglace.media.document_pages import open_pages
    from demiglace.media.pictures import open_picture
    from demiglace.processing.visual_token_cost import picture_costs

    pictures = open_pages(part.source, part.pages) if isinstance(part, Document) else [open_picture(part.source)]
    sizes = [picture.size for picture in pictures]
    costs = [picture_costs(*size, slicing, num_queries) for size in sizes]
    holds = f"pages: {len(sizes)}" if isinstance(part, Document) else "{} x {}".format(*sizes[0])
    return FileCost(file, holds, _sum(costs))


def _cost_of_video(file: str, part: Video, num_queries: int) -> FileCost:
    from demiglace.media.video import plan_video
    from demiglace.processing.visual_token_cost import video_costs

    facts, plan = plan_video(part.source, part.sampling)
    sizes = plan.package_sizes
    seconds, num_frames = facts.num_frames / facts.fps, facts.num_frames
    costs = video_costs(facts.width, facts.height, seconds, sum(sizes), sizes[0], num_queries, num_frames)
    return FileCost(file, f"{facts.width} x {facts.height}, {facts.duration_s:.1f} s", costs)


def _sum(inputs: Sequence[Sequence[VisualTokenCost]]) -> list[VisualTokenCost]:
    """Total costs of many inputs by model; a model that refuses one of them is left out."""
    by_name: dict[str, list[VisualTokenCost]] = {}
    for cost in (cost for costs in inputs for cost in costs):
        by_name.setdefault(cost.name, []).append(cost)
    return [
        replace(
            costs[0],
            pictures=sum(cost.pictures for cost in costs),
            packages=sum(cost.packages for cost in costs),
            tokens=sum(cost.tokens for cost in costs),
        )
        for costs in by_name.values()
        if len(costs) == len(inputs)
    ]


def _fields(file_cost: FileCost) -> dict[str, Any]:
    from demiglace.processing.visual_token_cost import COUNTED_AS

    fields = asdict(file_cost)
    for cost in fields["costs"]:
        cost["counted_as"] = COUNTED_AS.get(cost["name"])
    return fields


def _print(file_costs: Sequence[FileCost]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from demiglace.processing.visual_token_cost import COUNTED_AS

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("file", overflow="fold")
    for heading in ("slices\nor frames", "packages", "visual\ntokens", *COUNTED_AS):
        table.add_column(heading, justify="right", no_wrap=True)
    if len(file_costs) > 1:
        file_costs = [
            *file_costs,
            FileCost("all", f"{len(file_costs)} files", _sum([file_cost.costs for file_cost in file_costs])),
        ]
    for file_cost in file_costs:
        ours, *others = file_cost.costs
        tokens = {cost.name: f"{cost.tokens:,}\n[dim]{cost.tokens / ours.tokens:.1f}x[/]" for cost in others}
        counts = (f"{count:,}" for count in (ours.pictures, ours.packages, ours.tokens))
        name = f"{escape(printable(Path(file_cost.file).name))}\n[dim]{file_cost.holds}[/]"
        table.add_row(name, *counts, *(tokens.get(model, "refused") for model in COUNTED_AS))
    console = Console()
    console.print(table)
    for note in dict.fromkeys(file_cost.note for file_cost in file_costs if file_cost.note):
        typer.echo(printable(note))  # on one line, however wide the terminal is
    for model, rule in COUNTED_AS.items():
        console.print(f"{model}: {rule}", style="dim", highlight=False)
