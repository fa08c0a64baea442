"""Reads one file for `demiglace read`: its pages in the requested order, each once, the next prepared meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from demiglace.cli.read_journal import PageEntry
from demiglace.cli.terminal import note, print_error, printable

if TYPE_CHECKING:
    import PIL.Image
    from rich.progress import Progress

    from demiglace.inference.page_reading import PageReader, ReadPage


@dataclass(frozen=True)
class FileReading:
    reader: PageReader
    pages: str | None
    progress: Progress

    def read(
        self, file: str, known: Mapping[int, PageEntry], take: Callable[[PageEntry, int], None]
    ) -> tuple[int, bool]:
        """Pass the requested pages of `file` to `take`, in order and as often as requested, with their number.

        `known` pages are not read again. Pages that cannot be read are reported and left out. Returns the number of
        requested pages, and whether all were read.
        """
        from demiglace.inference.page_reading import open_pages_to_read

        with ExitStack() as stack:
            try:
                pages = stack.enter_context(open_pages_to_read(file, self.pages))
            except ValueError as error:
                print_error(error)
                return 0, False
            done: dict[int, PageEntry | None] = dict(known)
            left = {number: drawn for number, drawn in pages if number not in done}
            waiting = deque(number for number, _ in pages)

            def hand_over() -> None:
                while waiting and waiting[0] in done:
                    if entry := done[waiting.popleft()]:
                        take(entry, len(pages))

            hand_over()
            task = self.progress.add_task(printable(Path(file).name), total=len(left), visible=len(left) > 1)
            for number, page in self._read_ahead(left):
                done[number] = _entry(file, number, page)
                hand_over()
                self.progress.advance(task)
            self.progress.remove_task(task)
            return len(pages), None not in done.values()

    def _read_ahead(self, left: Mapping[int, Callable[[], PIL.Image.Image]]) -> Iterator[tuple[int, Future[ReadPage]]]:
        """The pages by number; the next one is rendered and cut into lines while one is read."""
        from demiglace.inference.page_reading import PAGES_AHEAD

        under_way: deque[tuple[int, Future[ReadPage]]] = deque()
        for number, drawn in left.items():
            under_way.append((number, self._begun(drawn)))
            if len(under_way) == PAGES_AHEAD:
                yield under_way.popleft()
        yield from under_way

    def _begun(self, drawn: Callable[[], PIL.Image.Image]) -> Future[ReadPage]:
        try:
            return self.reader.submit(drawn())
        except ValueError as error:
            failed: Future[ReadPage] = Future()
            failed.set_exception(error)
            return failed


def _entry(file: str, number: int, page: Future[ReadPage]) -> PageEntry | None:
    """A page as it is written, once it is read; None if it cannot be read, which is reported."""
    from demiglace.inference.page_reading import TRUSTED

    try:
        read = page.result()
    except ValueError as error:
        print_error(error)
        return None
    place = f"{file}, page {number}"
    if read.turn:
        note(f"{place}: turned clockwise by {read.turn} degrees to be read")
    if read.left_out:
        of_all = read.left_out + sum(len(region.lines) for region in read.regions)
        count = f"{read.left_out} of {of_all} lines"
        note(f"{place}: left out for too little confidence: {count}; --min-confidence 0 keeps them")
    if read.confidence < TRUSTED:
        note(f"{place}: read with a mean confidence of {read.confidence:.2f}, too low to trust the text")
    return {"page": number, "text": read.text, **asdict(read)}
