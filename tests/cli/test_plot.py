import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    stage = tmp_path / "nano" / "full"
    stage.mkdir(parents=True)
    lines = ({"stage": "full", "step": step, "loss": 1 / step} for step in (1, 2, 3))
    (stage / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return stage.parent


def test_curves_stand_in_the_run(run: Run, folder: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
    result = run("plot", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_several_runs_go_where_one_says(run: Run, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
    assert run("plot", folder, folder, "--out", tmp_path / "both.svg").exit_code == 0
    assert "<svg" in (tmp_path / "both.svg").read_text()
    assert not (folder / "curves.png").exists()


def test_several_runs_need_a_place(run: Run, folder: Path) -> None:
    result = run("plot", folder, folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("demiglace: 2 runs are plotted together")


def test_no_metrics_are_one_line(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
    result = run("plot", tmp_path)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "0 lines of metrics" in result.stderr


def test_what_is_not_installed_is_named(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "demiglace.training.curves", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    result = run("plot", folder)
    assert result.exit_code == 2
    assert "plotting needs matplotlib: pip install 'demiglace[eval]'" in result.stderr
