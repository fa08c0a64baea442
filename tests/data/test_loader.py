"""The same rows whoever prepares them, wherever they are stopped, and however many ranks share them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import active_children
from pathlib import Path

import pytest
from known_sources import Deadly, Numbered

from demiglace.data.loader import Loader
from demiglace.data.mixture import Mixture
from demiglace.data.source import Source
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.sample import Sample
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer
from demiglace.records.bad_record import BadRecord

LENGTH = 160
NUM_STREAMS = 4
NUM_STEPS = 8
PROCESSOR = Processor(Tokenizer.bytes_only(), ProcessorConfig(SlicingConfig(scale_resolution=28), num_queries=4))
SOURCES = (
    Numbered("few", (5, 0, 4), bad=frozenset({2})),
    Numbered("many", (40, 30), most=30),  # some of them longer than a row
    Numbered("endless", None),
)


def open_loader(streams: range | list[int] = range(NUM_STREAMS), num_workers: int = 0, **changed) -> Loader:
    sources = changed.pop("sources", SOURCES)
    weights, late = (3.0, 2.0, 1.0), (0.0, 1.0, 3.0)
    mixture = Mixture(sources, weights[: len(sources)], late[-len(sources) :])
    options = {"length": LENGTH, "num_streams": NUM_STREAMS, "seed": 3, "skip_bad": True} | changed
    return Loader(mixture, PROCESSOR, streams=streams, num_workers=num_workers, **options)


def contents(sample: Sample) -> tuple:
    """All that a sample holds, comparable."""
    visual = sample.visual
    pictures = visual and (visual.patches.numpy().tobytes(), visual.grids.tolist(), visual.ticks.tolist())
    return sample.tokens.tolist(), sample.labels.tolist(), sample.visual_places.tolist(), pictures


def rows(loader: Loader, start: int = 0, stop: int = NUM_STEPS) -> list[list[list[tuple]]]:
    """Of each step the row of each stream; the decay begins halfway."""
    decays = [max(0.0, 2 * step / NUM_STEPS - 1) for step in range(start, stop)]
    return [[[contents(sample) for sample in row] for row in loader.next_rows(decay)] for decay in decays]


@pytest.fixture(scope="module")
def whole() -> tuple[list, dict, object]:
    """Rows, last state and counts of one process that was never stopped."""
    loader = open_loader()
    return rows(loader), loader.state(), loader.counts


def test_rows_are_full_of_different_samples(whole) -> None:
    steps, state, counts = whole
    sizes = [sum(len(sample[0]) for sample in row) for step in steps for row in step]
    assert max(sizes) <= LENGTH
    assert sum(sizes) / len(sizes) > 0.8 * LENGTH
    assert counts.read == sum(len(row) for step in steps for row in step) == sum(counts.by_source.values())
    assert counts.bad > 0
    assert counts.too_long > 0
    assert any(sample[3] for step in steps for row in step for sample in row)
    for stream, position in state.items():
        assert all(number % NUM_STREAMS == stream for _, number in position["waiting"])


def test_samples_are_what_the_processor_makes() -> None:
    source = Numbered("one", (1,))
    sample = open_loader([0], sources=(source,), num_streams=1).next_rows(0.0)[0][0]
    again = PROCESSOR.training_sample(source.read(0, 0, (3, 2, 0, 0)))
    assert contents(sample) == contents(again)


@pytest.mark.parametrize("stop", range(NUM_STEPS))
def test_a_restored_loader_goes_on_with_the_same_rows(whole, stop: int) -> None:
    steps, state, counts = whole
    first = open_loader()
    rows(first, 0, stop)
    second = open_loader()
    second.restore(json.loads(json.dumps(first.state())))
    assert rows(second, stop) == steps[stop:]
    assert second.state() == state
    assert second.counts == counts


def test_two_ranks_share_the_rows_of_one(whole) -> None:
    steps, state, _ = whole
    even, odd = open_loader([0, 2]), open_loader([1, 3])
    shared = zip(rows(even), rows(odd), strict=True)
    assert [[first[0], second[0], first[1], second[1]] for first, second in shared] == steps
    assert even.state() | odd.state() == state


@pytest.fixture
def at_work() -> Iterator[Loader]:
    with closing(open_loader(num_workers=2)) as loader:
        yield loader
    assert not active_children()


def test_workers_change_nothing_not_even_interrupted(whole, at_work: Loader) -> None:
    steps, state, _ = whole
    begun = rows(at_work, 0, 3)
    for worker in active_children():
        os.kill(worker.pid, signal.SIGINT)
        subprocess.run(["kill", "-TERM", str(worker.pid)], check=True)  # from another process than theirs
    assert begun + rows(at_work, 3) == steps
    assert at_work.state() == state
    at_work.restore(state)
    assert at_work.state() == state
    assert at_work.waited > 0


def test_the_decay_shifts_what_is_drawn() -> None:
    loader = open_loader([0], sources=(SOURCES[0], SOURCES[2]))  # 3 to 2, then 1 to 3
    drawn = [loader.next_rows(decay) and loader.state()[0]["drawn"] for decay in [0.0] * 30 + [1.0] * 30]
    early = drawn[29]["few"] / sum(drawn[29].values())
    late = (drawn[59]["few"] - drawn[29]["few"]) / (sum(drawn[59].values()) - sum(drawn[29].values()))
    assert late < 0.35 < 0.5 < early


def test_bad_records_are_raised_with_their_place_or_skipped_by_name() -> None:
    broken: tuple[Source, ...] = (Numbered("broken", (6,), bad=frozenset({2}), lost=frozenset({4})),)
    with pytest.raises(BadRecord, match=r"broken\[0\]:\d: "):
        open_loader([0], sources=broken, skip_bad=False).next_rows(0.0)
    loader = open_loader([0], sources=broken, num_streams=1)
    loader.next_rows(0.0)
    assert {error.where for error in loader.skipped} == {"broken[0]:2", "broken[0]:4"}
    assert "/no/such/file.png" in next(error.why for error in loader.skipped if error.where == "broken[0]:4")
    assert loader.counts.bad == len(loader.skipped)


def test_records_too_long_for_a_row_are_skipped_by_name_in_any_case() -> None:
    loader = open_loader([0], sources=(Numbered("long", (30,), most=60),), skip_bad=False)
    loader.next_rows(0.0)
    assert loader.counts.too_long == len(loader.skipped) > 0
    assert f"room for {LENGTH}" in str(loader.skipped[0])


def test_a_mixture_of_nothing_but_bad_records_ends() -> None:
    with pytest.raises(ValueError, match=r"1000 records were skipped .* the last: hopeless\[0\]:0: no answer"):
        open_loader([0], sources=(Numbered("hopeless", (1,), bad=frozenset({0})),)).next_rows(0.0)


def test_a_worker_that_dies_is_told() -> None:
    with (
        closing(open_loader([0], num_workers=1, sources=(Deadly(),), num_streams=1)) as loader,
        pytest.raises(RuntimeError, match="process that prepares samples has died"),
    ):
        loader.next_rows(0.0)


def test_a_pool_of_which_one_worker_was_killed_ends(at_work: Loader) -> None:
    rows(at_work, 0, 1)
    os.kill(active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="process that prepares samples has died"):
        go_on(at_work, seconds=120)  # the other worker may prepare many rows before the pool notices


def go_on(loader: Loader, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        loader.next_rows(0.0)


KILLED = """
import os, signal
from multiprocessing import active_children
from test_loader import open_loader
open_loader([0], num_workers=1).next_rows(0.0)
print(*[worker.pid for worker in active_children()], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_worker_outlives_a_killed_trainer() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    killed = subprocess.run([sys.executable, "-c", KILLED], env=environment, stdout=subprocess.PIPE, text=True)
    assert killed.returncode == -signal.SIGKILL
    (worker,) = map(int, killed.stdout.split())
    deadline = time.monotonic() + 120
    while is_running(worker):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(process: int) -> bool:
    """A zombie waits for nobody but its reaper."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


def test_positions_of_another_loader_are_refused() -> None:
    state = open_loader().state()
    with pytest.raises(ValueError, match=r"no position for streams \[1, 3\], there are \[0, 2\]"):
        open_loader().restore({0: state[0], 2: state[2]})
    with pytest.raises(ValueError, match="begin anew"):
        open_loader().restore({number: held | {"order": 1} for number, held in state.items()})
    with pytest.raises(ValueError, match="among 4 streams, but there are 8"):
        open_loader(num_streams=8).restore(state)
    with pytest.raises(ValueError, match="a mixture of endless, few, many, but this one has endless, few"):
        open_loader(sources=(SOURCES[0], SOURCES[2])).restore(state)


def test_numbers_out_of_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"from 0 to 3, got \[4\]"):
        open_loader([4])
    with pytest.raises(ValueError, match="got 0 and 0"):
        open_loader(length=0)
