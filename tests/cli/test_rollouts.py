"""`demiglace rollouts` as a user meets it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import PIL.Image
import pytest
from mixtures import write_rl_inputs
from typer.testing import CliRunner, Result

from demiglace.cli import rollouts
from demiglace.cli.main import app

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rl_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def finished(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step."""
    folder = tmp_path_factory.mktemp("finished")
    options = {"preset": "nano", "start": inputs / "start", "folder": folder, "steps": 1, "prompts": 8, "answers": 2}
    options |= {"short-limit": 9, "long-limit": 9, "device": "cpu", "dtype": "float32", "workers": 0}
    words = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    assert CliRunner().invoke(app, ["rl", str(inputs / "rl.toml"), *words]).exit_code == 0
    return folder


def test_rollouts_are_shown_with_their_pictures(run: Run, finished: Path, tmp_path: Path) -> None:
    result = run("rollouts", finished, "--count", 1)
    assert result.exit_code == 0, result.stderr
    assert "best: prompt " in result.stdout
    assert "worst: prompt " in result.stdout
    assert "reference: " in result.stdout
    page = tmp_path / "rollouts.html"
    assert run("rollouts", finished, "--html", page).exit_code == 0
    assert page.read_text().count("data:image/png;base64,") >= 2


def test_a_terminal_gets_pictures_as_blocks_of_colour(
    run: Run, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "▀" not in run("rollouts", finished, "--count", 8).stdout
    monkeypatch.setattr(rollouts, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    assert run("rollouts", finished, "--count", 8).stdout.count("▀") >= 48
    for name, value in (("FORCE_COLOR", "1"), ("COLORTERM", "truecolor"), ("TERM", "xterm-256color")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    picture = PIL.Image.new("RGB", (2, 2), (255, 0, 0))
    picture.paste((0, 0, 255), (0, 1, 2, 2))
    rollouts._print_picture(picture)
    assert "\x1b[38;2;255;0;0;48;2;0;0;255m▀" in capsys.readouterr().out  # red above blue


def test_rollouts_whose_data_has_changed_are_shown_without_another_picture(
    run: Run, inputs: Path, finished: Path, tmp_path: Path
) -> None:
    """Pictures are made again from the numbers of their prompts, which may be those of other questions now."""
    out = shutil.copytree(finished, tmp_path / "run")
    records = (inputs / "pictures.jsonl").read_text()
    for number in range(12):
        shutil.copy(inputs / f"{number}.png", tmp_path)
    (tmp_path / "pictures.jsonl").write_text(records.replace("Which one is it?", "Which one is this?"))
    settings = (out / "run.json").read_text()
    (out / "run.json").write_text(settings.replace(str(inputs / "pictures.jsonl"), str(tmp_path / "pictures.jsonl")))
    page = tmp_path / "rollouts.html"
    result = run("rollouts", out, "--count", 8, "--html", page)
    assert result.exit_code == 0, result.stderr
    assert "is shown without its picture: the data has changed since the run" in result.stderr
    text = page.read_text()
    assert text.count("Which one is it?") > 0
    assert text.count("<img") == text.count("<section>") - text.count("Which one is it?")


def test_a_folder_without_rollouts_is_told(run: Run, tmp_path: Path) -> None:
    result = run("rollouts", tmp_path)
    assert result.exit_code == 2
    assert "no run.json" in result.stderr
    (tmp_path / "run.json").write_text('{"model": "nano"}')  # of another command
    assert f"{tmp_path} holds no run of demiglace rl" in run("rollouts", tmp_path).stderr
