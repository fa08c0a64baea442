"""The figures of a step: counts become rates, and the file reads as one run whatever happened to it."""

import json

import pytest

from demiglace.training.metrics import Metrics, derived


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_counts_become_rates_and_flops_a_share():
    figures = {"loss": 2.0, "num_tokens": 300.0, "num_flops": 6e9, "seconds": 2.0}
    shown = derived(figures, peak=1e10)
    assert shown.pop("memory_gb") > 0.01
    assert shown == {"loss": 2.0, "tokens_per_second": 150.0, "flop_utilisation": pytest.approx(0.3), "seconds": 2.0}
    assert "flop_utilisation" not in derived(figures, peak=None)


def test_the_first_and_every_nth_step_are_written_to_the_last_digit(tmp_path):
    with Metrics(tmp_path, "vision", every=4) as metrics:
        for step in range(1, 10):
            metrics.add(step, {"loss": 1 / (3 * step), "seconds": 1.0})
    assert [line["step"] for line in lines(tmp_path)] == [1, 4, 8]
    assert [line["loss"] for line in lines(tmp_path)] == [1 / 3, 1 / 12, 1 / 24]
    assert {line["stage"] for line in lines(tmp_path)} == {"vision"}


def test_the_screen_has_the_whole_and_the_file_the_parts_too(tmp_path):
    with Metrics(tmp_path, "hybrid_rl", every=1) as metrics:
        line = metrics.add(1, {"reward": 1.5, "reward/long": 2.0, "seconds": 1.0})
    assert line.startswith("reward 1.5  s 1  ")
    assert "long" not in line
    assert lines(tmp_path)[0]["reward/long"] == 2.0


def test_going_on_drops_later_lines_and_one_that_was_cut_off(tmp_path):
    with Metrics(tmp_path, "vision", every=1) as metrics:
        for step in range(1, 6):
            metrics.add(step, {"loss": 1.0, "seconds": 1.0})
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"stage": "vision", "st')
    metrics = Metrics(tmp_path, "vision", every=1)
    metrics.resume_from(3)
    metrics.add(4, {"loss": 2.0, "seconds": 1.0})
    assert [(line["step"], line["loss"]) for line in lines(tmp_path)] == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0)]


def test_tensorboard_gets_the_same(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Metrics(tmp_path, "vision", every=1, tensorboard=True) as metrics:
        metrics.resume_from(0)
        metrics.add(1, {"loss": 0.5, "seconds": 1.0})
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    (event,) = events.Scalars("vision/loss")
    assert (event.step, event.value) == (1, 0.5)
