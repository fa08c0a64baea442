"""Processes that open files, with limits on time and memory: a malicious file affects only its own request."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from demiglace.batch import Visual
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.processing.slicing import to_unit_range
from demiglace.server.limits import Limits
from demiglace.server.preparation import Job, Prepared, prepare_with_warnings
from demiglace.server.seen_media import levels_of

log = logging.getLogger(__name__)

START_PAUSE = 1.0  # seconds; ours
UNIT_RANGE = to_unit_range(torch.arange(256).float()).numpy()  # for each level


class MediaWorkers:
    """A pool. Each process runs one job at a time, and is killed if it takes too long or its client disconnects."""

    def __init__(self, processor: Processor, limits: Limits, room: int, count: int) -> None:
        """room: most tokens of a prompt."""
        self.limits, self._count = limits, count
        self._settings = processor, limits, room
        self._threads = ThreadPoolExecutor(count, "media")
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._is_closed = threading.Event()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            self._idle.put_nowait(await loop.run_in_executor(self._threads, _Worker, self._settings))

    async def prepare(self, job: Job) -> Prepared:
        """As `preparation.prepare`; ValueError also if time or memory ran out, or the process died."""
        worker = await self._idle.get()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.limits.decode_seconds):
                answer = await loop.run_in_executor(self._threads, worker.ask, job)
        except TimeoutError:
            worker.kill()
            raise ValueError(
                f"the files took longer than {self.limits.decode_seconds:g} s to be opened: send fewer or smaller ones"
            ) from None
        except asyncio.CancelledError:
            worker.kill()
            raise
        finally:
            if worker.is_alive:
                self._idle.put_nowait(worker)
            else:
                self._threads.submit(self._replace, loop)
        if isinstance(answer, Prepared):
            return answer
        raise ValueError(answer)

    def close(self) -> None:
        self._is_closed.set()
        while not self._idle.empty():
            self._idle.get_nowait().kill()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _replace(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start a new process, retrying after a pause if the system cannot; without any process, requests wait."""
        while not self._is_closed.is_set():
            try:
                worker = _Worker(self._settings)
            except OSError as error:
                log.warning("a process that opens files could not be started: %s", error)
                self._is_closed.wait(START_PAUSE)
                continue
            try:
                loop.call_soon_threadsafe(self._idle.put_nowait, worker)
            except RuntimeError:  # the server has ended
                worker.kill()
            return


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, settings: tuple[Processor, Limits, int]) -> None:
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload([__name__])  # so that a killed worker is replaced quickly
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, *settings), daemon=True)
        self._process.start()
        theirs.close()
        self.is_alive = True

    def ask(self, job: Job) -> Prepared | str:
        """The result of the job, or its error in one line."""
        try:
            self._pipe.send_bytes(pickle.dumps(job))
            return unpacked(pickle.loads(self._pipe.recv_bytes()))
        except (EOFError, OSError):
            self._end()
            return "the files cannot be opened: their decoder ended, or took more memory than it may"

    def kill(self) -> None:
        """Call this from any thread; a pending `ask` then returns an error and releases the resources."""
        self.is_alive = False
        with suppress(OSError, ValueError):  # it may already have ended
            self._process.kill()

    def _end(self) -> None:
        """Close its file descriptors here, when nobody reads them any more, instead of at garbage collection."""
        self.kill()
        self._process.join()
        self._process.close()
        self._pipe.close()


def _work(pipe: Connection, processor: Processor, limits: Limits, room: int) -> None:
    """Run jobs until the server ends and closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes, and the server ends this one
    torch.set_num_threads(1)
    _bound_memory(limits.decode_bytes)
    while True:
        try:
            job = pickle.loads(pipe.recv_bytes())
        except EOFError:
            return
        pipe.send_bytes(pickle.dumps(packed(_answer(job, processor, limits, room)), pickle.HIGHEST_PROTOCOL))


def _answer(job: Job, processor: Processor, limits: Limits, room: int) -> Prepared | str:
    try:
        return prepare_with_warnings(job, processor, limits, room)
    except ValueError as error:
        return " ".join(str(error).split())
    except MemoryError:
        return f"the files take more than {limits.decode_bytes} bytes of memory to be opened"
    except Exception:
        log.exception("a file met an error of ours")
        return "the files cannot be opened"


def _bound_memory(num_bytes: int) -> None:
    """Limit memory to so much more than the process has now, if the system supports it."""
    status = Path("/proc/self/statm")
    if not status.is_file():
        return
    import resource

    most = int(status.read_text().split()[0]) * resource.getpagesize() + num_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def packed(answer: Prepared | str) -> Any:
    """For the pipe: patches become uint8 levels, from which they were made, a quarter of the bytes."""
    if isinstance(answer, str):
        return answer
    sample, visual = answer.sample, answer.sample.visual
    tensors = [sample.tokens, sample.visual_places]
    if visual is not None:
        levels = torch.from_numpy(levels_of(visual.patches))
        tensors += [levels, visual.grids, visual.package_sizes, visual.ticks]
        tensors += [] if visual.run_lengths is None else [visual.run_lengths]
    return [one.numpy() for one in tensors], sample.sizes, replace(answer, sample=None)  # type: ignore[arg-type]


def unpacked(given: Any) -> Prepared | str:
    """The exact inverse of `packed`.

    Uses numpy: torch would leave an OpenMP team for each calling thread (`cli.openmp_threads.run_in_own_thread`).
    """
    if isinstance(given, str):
        return given
    (tokens, places, *visual), sizes, answer = given
    shown = None
    if visual:
        levels, *others = visual
        shown = Visual(*map(torch.from_numpy, (UNIT_RANGE[levels], *others)))
    sample = Sample(torch.from_numpy(tokens), torch.from_numpy(places), shown, None, sizes)
    return replace(answer, sample=sample)
