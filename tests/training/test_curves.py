import json
import os
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")

from matplotlib.figure import Figure
from PIL import Image

from demiglace.training.curves import Run, _draw_panel, draw_curves, read_run


def line(stage: str, step: int, **figures: object) -> str:
    return json.dumps({"stage": stage, "step": step, **figures}) + "\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two stages, whose folders' names are not in the order of the stages."""
    folder = tmp_path / "a run"
    texts = {
        "full": line("full", 1, loss=3.0, lr=1e-3) + line("full", 20, loss=2.0, lr=5e-4),
        "decay": line("decay", 1, loss=1.5, lr=1e-4, grad_norm=0.5),
    }
    for second, (stage, text) in enumerate(texts.items()):
        file = folder / stage / "metrics.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        os.utime(file, (second, second))
    return folder


def test_stages_follow_each_other_as_they_were_written(run: Path) -> None:
    found = read_run(run)
    assert (found.name, found.stages) == ("a run", ("full", "decay"))
    assert [point.step for point in found.points] == [1, 20, 21]
    assert found.points[-1].figures == {"loss": 1.5, "lr": 1e-4, "grad_norm": 0.5}


def test_a_single_file_of_all_stages_is_the_same_run(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join((run / stage / "metrics.jsonl").read_text() for stage in ("full", "decay")))
    assert read_run(file).points == read_run(tmp_path).points == read_run(run).points


@pytest.mark.parametrize("end", ['{"stage": "decay", "st', '{"stage": "decay", "step": 9}'])
def test_a_line_that_is_being_written_is_left_out(run: Path, end: str) -> None:
    before = read_run(run)
    with (run / "decay" / "metrics.jsonl").open("a") as file:
        file.write(end)
    assert read_run(run) == before


@pytest.mark.parametrize("broken", ["{", "[1, 2]", '{"stage": "decay"}', '{"stage": 1, "step": 2}', "\udcff"])
def test_any_other_broken_line_is_named(run: Path, broken: str) -> None:
    with (run / "decay" / "metrics.jsonl").open("a", errors="surrogateescape") as file:
        file.write(f"{broken}\n{line('decay', 3)}")
    with pytest.raises(ValueError, match=r"metrics\.jsonl:2 is not a line of metrics"):
        read_run(run)


def test_figures_are_finite_numbers(tmp_path: Path) -> None:
    line = '{"stage": "one", "step": 1, "loss": NaN, "kernel": "flash", "data_wait_s": 2}\n'
    (tmp_path / "metrics.jsonl").write_text(line)
    (point,) = read_run(tmp_path).points
    assert point.figures == {"data_wait_s": 2.0}


def test_no_metrics_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").touch()
    with pytest.raises(ValueError, match="0 lines of metrics"):
        read_run(tmp_path)


def drawn(runs: list[Run], folder: Path) -> tuple[int, int]:
    draw_curves(runs, folder / "curves.png")
    assert [path.name for path in folder.iterdir()] == ["curves.png"]
    with Image.open(folder / "curves.png") as picture:
        assert len(picture.convert("RGB").getcolors(picture.width * picture.height)) > 10
        return picture.size


def test_more_figures_take_more_rows(run: Path, tmp_path: Path) -> None:
    """Three figures fill a row; a fourth one begins the next, also where only one of two runs has it."""
    one = read_run(run)
    extra = tmp_path / "metrics.jsonl"
    extra.write_text(line("full", 1, loss=1.0, data_wait_s=0.1))
    out = tmp_path / "out"
    out.mkdir()
    width, height = drawn([one], out)
    wider, taller = drawn([one, read_run(extra)], out)
    assert (wider, taller > 1.5 * height) == (width, True)


@pytest.mark.parametrize(("lowest", "scale"), [(0.1, "log"), (-0.1, "linear"), (0.0, "linear")])
def test_losses_of_both_signs_are_all_shown(lowest: float, scale: str, tmp_path: Path) -> None:
    """A logarithmic axis leaves out what is not above 0, as half of the losses of a policy gradient are not."""
    (tmp_path / "metrics.jsonl").write_text(line("hybrid_rl", 1, loss=lowest) + line("hybrid_rl", 2, loss=0.2))
    panel = Figure().subplots()
    _draw_panel(panel, "loss", [read_run(tmp_path)])
    assert panel.get_yscale() == scale


def test_an_unknown_format_writes_nothing(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        draw_curves([read_run(run)], tmp_path / "curves.nonsense")
    assert not list(tmp_path.glob("*curves*"))
