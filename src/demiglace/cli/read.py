"""`demiglace read`: the text of images and PDFs, in reading order."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demiglace.cli import options
from demiglace.cli.page_record import Page, PageRecord, is_finished
from demiglace.cli.terminal import complain, note, printable

if TYPE_CHECKING:
    import PIL.Image
    from rich.progress import Progress

    from demiglace.inference.demiglace import Demiglace

Out = Annotated[Path | None, typer.Option(help="Write NAME.txt or NAME.json for each file into this folder.")]
BatchSize = Annotated[int, typer.Option(help="Pieces of a page that are read at a time.")]


def read(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Images and PDFs.")],
    as_json: Annotated[bool, typer.Option("--json", help="Regions and lines with boxes and confidence.")] = False,
    pages: options.Pages = None,
    out: Out = None,
    model: options.Model = None,
    batch_size: BatchSize = 16,
    adapter: options.Adapter = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
) -> None:
    """Read images and PDFs: their text in reading order. Upright pages.

    With --out a file that is finished is not read again, and one that was interrupted goes on at its next page. What
    cannot be read is named, the rest goes on, and the exit status is 1.
    """
    if batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, got {batch_size}")
    if pages is not None:
        _check_pages(pages, files)
    targets = _targets(files, out, ".json" if as_json else ".txt")
    waiting = [file for file in files if out is None or not is_finished(targets[file])]
    if len(waiting) < len(files):
        note(f"{len(files) - len(waiting)} of {len(files)} files are finished already in {out}")
    if not waiting:
        return

    from demiglace.inference.demiglace import Demiglace

    assistant = Demiglace.load(model, device, dtype, adapter)
    with _progress(is_shown=out is not None or not sys.stdout.isatty()) as progress:
        reading = _Reading(assistant, pages, batch_size, progress)
        whole = []
        for file in progress.track(waiting, description="files"):
            if out is None:
                whole.append(_print(reading, file, len(files) > 1, as_json))
            else:
                whole.append(_save(reading, file, targets[file], model, as_json))
    if not all(whole):
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Reading:
    assistant: Demiglace
    pages: str | None
    batch_size: int
    progress: Progress

    def read(self, file: str, known: Collection[int], take: Callable[[Page, int], None]) -> bool:
        """Hand every page of `file` that is not `known` to `take`, with the number of pages wanted of this file.

        What cannot be read is told; returns whether all was read.
        """
        from demiglace.inference.reading import open_pages_to_read

        with ExitStack() as stack:
            try:
                pages = stack.enter_context(open_pages_to_read(file, self.pages))
            except ValueError as error:
                complain(error)
                return False
            left = {number: drawn for number, drawn in pages.items() if number not in known}
            task = self.progress.add_task(printable(Path(file).name), total=len(left), visible=len(left) > 1)
            num_read = 0
            for number, drawn in left.items():
                if page := self._read_page(number, drawn):
                    take(page, len(pages))
                    num_read += 1
                self.progress.advance(task)
            self.progress.remove_task(task)
            return num_read == len(left)

    def _read_page(self, number: int, drawn: Callable[[], PIL.Image.Image]) -> Page | None:
        from demiglace.inference.reading import read_page

        try:
            page = read_page(self.assistant, drawn(), rows=self.batch_size)
        except ValueError as error:
            complain(error)
            return None
        return {"page": number, "text": page.text, **asdict(page)}


def _check_pages(pages: str, files: list[str]) -> None:
    """What is wrong with --pages is told before anything is loaded."""
    from demiglace.processing.documents import page_ranges
    from demiglace.processing.pictures import has_pages

    def may_have_pages(file: str) -> bool:
        try:
            return has_pages(file)
        except ValueError:  # told when its turn comes
            return True

    page_ranges(pages)
    if not any(may_have_pages(file) for file in files):
        raise ValueError(options.no_pages(pages))


def _print(reading: _Reading, file: str, is_one_of_many: bool, as_json: bool) -> bool:
    """To stdout: text page by page, or one JSON object for the file."""
    pages: list[Page] = []

    def take(page: Page, num_pages: int) -> None:
        if as_json:
            pages.append(page)
        else:
            heading = _heading(file, page) if is_one_of_many or num_pages > 1 else ""
            typer.echo(printable(f"{heading}{page['text']}\n"), nl=False)

    whole = reading.read(file, (), take)
    if pages:
        typer.echo(_as_json(file, pages), nl=False)
    return whole


def _save(reading: _Reading, file: str, target: Path, model: str | None, as_json: bool) -> bool:
    """To a file of its own, by way of a record that survives being stopped."""
    about = {"file": str(Path(file).absolute()), "model": model, **_fingerprint(file)}
    record = PageRecord(target, about)
    whole = reading.read(file, record.pages, lambda page, _: record.add(page))
    if as_json:
        record.finish(lambda pages: _as_json(file, pages), whole)
    else:
        record.finish(lambda pages: _as_text(file, pages), whole)
    return whole


def _as_json(file: str, pages: list[Page]) -> str:
    return json.dumps({"file": file, "pages": pages}, ensure_ascii=False) + "\n"


def _as_text(file: str, pages: list[Page]) -> str:
    headings = [_heading(file, page) if len(pages) > 1 else "" for page in pages]
    return "\n".join(f"{heading}{page['text']}\n" for heading, page in zip(headings, pages, strict=True))


def _heading(file: str, page: Page) -> str:
    return f"--- {Path(file).name}, page {page['page']} ---\n\n"


def _fingerprint(file: str) -> dict[str, int]:
    """What changes with a file; nothing where there is none."""
    try:
        status = Path(file).stat()
    except OSError:
        return {}
    return {"bytes": status.st_size, "modified_ns": status.st_mtime_ns}


def _targets(files: list[str], out: Path | None, suffix: str) -> dict[str, Path]:
    """Where each file's text goes; ValueError where two go to the same place."""
    if out is None:
        return {}
    sources: dict[Path, str] = {}
    for file in files:
        target = out / f"{Path(file).stem}{suffix}"
        if target in sources:
            raise ValueError(f"{sources[target]} and {file} would both be written to {target}")
        sources[target] = file
    out.mkdir(parents=True, exist_ok=True)
    return {file: target for target, file in sources.items()}


def _progress(is_shown: bool) -> Progress:
    """On stderr, where that is a terminal; what is said to stderr meanwhile goes above the bar."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(console=console, disable=not (is_shown and console.is_terminal), redirect_stdout=False)
