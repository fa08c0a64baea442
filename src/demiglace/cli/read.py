"""`demiglace read`: the text of images and documents, in reading order."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demiglace.cli import inference_options
from demiglace.cli.file_reading import FileReading
from demiglace.cli.inference_options import Loading, with_options
from demiglace.cli.read_formats import SUFFIXES, Format, file_as_json, paged_text, write_pages
from demiglace.cli.read_journal import About, PageEntry, PageRecord, changes_since
from demiglace.cli.terminal import check_open, note, print_error, printable
from demiglace.model.hub import SHIPPED, folder_of

if TYPE_CHECKING:
    from rich.progress import Progress

    from demiglace.inference.page_reading import PageReader

Out = Annotated[
    Path | None, typer.Option(help="Write a file for each file into this folder: NAME.txt, .json, .md, .hocr or .pdf.")
]

As = Annotated[Format | None, typer.Option("--format", help="Output form; pdf is a searchable PDF, and needs --out.")]

MinConfidence = Annotated[
    float, typer.Option(min=0, max=1, help="Leave out lines read with less confidence; 0 leaves out none.")
]

BatchSize = Annotated[int, typer.Option(help="Maximum line crops in a batch.")]


@with_options
def read(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Images, PDFs and TIFFs.")],
    loading: Loading,
    as_json: Annotated[bool, typer.Option("--json", help="As --format json: boxes and confidence.")] = False,
    form: As = None,
    pages: inference_options.Pages = None,
    out: Out = None,
    batch_size: BatchSize = 64,
    num_beams: inference_options.NumBeams = None,
    min_confidence: MinConfidence = 0.6,
) -> None:
    """Read images and documents: their text in reading order, as text, JSON, Markdown, hOCR or searchable PDF.

    Pages that lie on their side or upside down are turned. With --out a finished file is not read again unless it or an
    option has changed, and an interrupted one is resumed at its next page. What cannot be read is reported, everything
    else is read, and the exit status is then 1.
    """
    loading = loading.for_reading()
    if batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, got {batch_size}")
    if as_json and form not in (None, "json"):
        raise ValueError(f"--json and --format {form} cannot be combined")
    form = form or ("json" if as_json else "text")
    if form == "pdf" and out is None:
        raise ValueError("--format pdf requires --out, a folder for the PDFs")
    if pages is not None:
        _check_pages(pages, files)
    options = _ReadOptions(pages, loading, batch_size, form, num_beams, min_confidence)
    if out is None:
        is_complete = _read_to_stdout(options, files)
    else:
        is_complete = _read_to_folder(options, _targets(files, out, SUFFIXES[form]), out)
    if not is_complete:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _ReadOptions:
    """The options that decide how files are read."""

    pages: str | None
    loading: Loading
    batch_size: int
    form: Format
    num_beams: int | None
    min_confidence: float

    def reader(self) -> PageReader:
        from demiglace.inference.page_reading import PageReader

        beams = 1 if self.num_beams is None else self.num_beams
        return PageReader(
            self.loading.load(), rows=self.batch_size, num_beams=beams, min_confidence=self.min_confidence
        )

    def about(self, file: str) -> About:
        """Everything that determines the text of a file: if any of it changes, the file is read again."""
        model, adapter = self.loading.model, self.loading.adapter
        return {
            "file": str(Path(file).absolute()),
            "contents": _state(Path(file)),
            "pages": self.pages,
            "model": model,
            "weights": _file_states(folder_of(model) if model in SHIPPED else Path(str(model))),
            "adapter": adapter,
            "adapter weights": _file_states(Path(adapter)) if adapter else {},
            "dtype": self.loading.dtype,
            "quantize": self.loading.quantize,
            "beams": self.num_beams,
            "least confidence": self.min_confidence,
        }


def _read_to_stdout(options: _ReadOptions, files: list[str]) -> bool:
    """Returns whether everything was read."""
    check_open("stdout")
    with options.reader() as reader, _progress(is_shown=not sys.stdout.isatty()) as progress:
        reading = FileReading(reader, options.pages, progress)
        tracked = progress.track(files, description="files")
        if options.form == "json":
            whole = [_print_json(reading, file) for file in tracked]
        else:
            whole = _print_pages(reading, options.form, tracked, len(files))
    return all(whole)


def _read_to_folder(options: _ReadOptions, targets: dict[str, Path], out: Path) -> bool:
    """Returns whether everything was read now or earlier. The folder is locked meanwhile."""
    from demiglace.folder_lock import locked

    with locked(out):
        waiting, refused = _files_to_read(options, targets)
        if finished := len(targets) - len(waiting) - refused:
            note(f"{finished} of {len(targets)} files are finished already in {out}")
        if not waiting:
            return not refused
        with options.reader() as reader, _progress(is_shown=True) as progress:
            reading = FileReading(reader, options.pages, progress)
            tracked = progress.track(waiting, description="files")
            whole = [_save(reading, file, targets[file], options) for file in tracked]
        return all(whole) and not refused


def _files_to_read(options: _ReadOptions, targets: dict[str, Path]) -> tuple[list[str], int]:
    """The files to be read, and the number refused because their target has an unknown origin, which is reported."""
    waiting, refused = [], 0
    for file, target in targets.items():
        try:
            changes = changes_since(target, options.about(file))
        except ValueError as error:
            print_error(error)
            refused += 1
            continue
        if changes:
            note(f"{target} was read with other {', '.join(changes)}: {file} is read again")
        if changes != []:
            waiting.append(file)
    return waiting, refused


def _check_pages(pages: str, files: list[str]) -> None:
    """ValueError for a wrong --pages, before the model is loaded."""
    from demiglace.media.document_pages import page_ranges
    from demiglace.media.pictures import has_pages

    def may_have_pages(file: str) -> bool:
        try:
            return has_pages(file)
        except ValueError:  # reported when the file is read
            return True

    page_ranges(pages)
    if not any(may_have_pages(file) for file in files):
        raise ValueError(inference_options.no_pages(pages))


def _print_json(reading: FileReading, file: str) -> bool:
    """Print one JSON object for the file."""
    pages: list[PageEntry] = []
    _, is_complete = reading.read(file, {}, lambda page, _: pages.append(page))
    if pages:
        typer.echo(file_as_json(file, pages), nl=False)
    return is_complete


def _print_pages(reading: FileReading, form: Format, files: Iterable[str], num_files: int) -> list[bool]:
    """Print pages as they are read, of all files as one text; returns whether each file was read as a whole."""
    text, places = paged_text(form), count(1)

    def take(file: str, page: PageEntry, num_pages: int) -> None:
        place = next(places)
        written = text.page(file, page, num_files > 1 or num_pages > 1, place)
        typer.echo(printable((text.between if place > 1 else "") + written), nl=False)

    typer.echo(text.head, nl=False)
    whole = [reading.read(file, {}, partial(take, file))[1] for file in files]
    typer.echo(text.foot, nl=False)
    return whole


def _save(reading: FileReading, file: str, target: Path, options: _ReadOptions) -> bool:
    """Write a file of its own; pages read before an interruption are kept in a record."""
    record = PageRecord(target, options.about(file))
    num_pages, is_complete = reading.read(file, record.pages, lambda page, _: record.add(page))
    try:
        record.finish(lambda aside, pages: write_pages(aside, options.form, file, pages, num_pages), is_complete)
    except ValueError as error:
        print_error(error)
        return False
    return is_complete


def _file_states(folder: Path) -> dict[str, list[int]]:
    """The states of a checkpoint's files; empty for a hub id, since the hub has versions of its own."""
    names = sorted([*folder.glob("*.safetensors"), *folder.glob("*.json")]) if folder.is_dir() else []
    return {path.name: _state(path) for path in names}


def _state(path: Path) -> list[int]:
    """Size in bytes and modification time in nanoseconds; empty if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _targets(files: list[str], out: Path, suffix: str) -> dict[str, Path]:
    """The target of each file's text; ValueError if two files have the same target."""
    sources: dict[Path, str] = {}
    for file in files:
        target = out / f"{Path(file).stem}{suffix}"
        if target.exists() and Path(file).exists() and target.samefile(file):
            raise ValueError(f"{file} would be written over itself: choose another folder than {out}")
        if target in sources:
            raise ValueError(f"{sources[target]} and {file} would both be written to {target}")
        sources[target] = file
    return {file: target for target, file in sources.items()}


@contextmanager
def _progress(is_shown: bool) -> Iterator[Progress]:
    """A progress bar on stderr if that is a terminal; other lines on stderr are printed above it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    progress = Progress(console=console, disable=not (is_shown and console.is_terminal), redirect_stdout=False)
    with nullcontext() if progress.disable else progress:  # rich 14.0 prints an empty line after a disabled one
        yield progress
