"""From nothing to the model that ships, in one command: its steps fit together, run, and are not run twice."""

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from demiglace.model.hub import folder_of

ROOT = Path(__file__).parents[2]
SHORT = ("first", "questions", "half")


@pytest.fixture
def steps(monkeypatch):
    """The module; its name is that of a job of the package too."""
    monkeypatch.syspath_prepend(ROOT / "runs")
    found = importlib.util.spec_from_file_location("from_nothing", ROOT / "runs" / "nano.py")
    module = importlib.util.module_from_spec(found)
    monkeypatch.setitem(__import__("sys").modules, "from_nothing", module)
    found.loader.exec_module(module)
    monkeypatch.chdir(ROOT)
    return module


def test_each_step_takes_what_an_earlier_one_has_made(steps, tmp_path):
    made: dict[str, str] = {}
    for step in steps.STEPS:
        words = step.words.format(**made).split()  # a KeyError where it is made later
        assert words[0] in ("train", "sft", "rl", *steps.SCRIPTS)
        if words[0] in ("sft", "rl", "joint"):
            assert (ROOT / words[1]).is_file()
        assert step.heads in (*made, "reader")
        assert step.expected or words[0] == "average"
        made[step.name] = step.name
    assert list(made)[-1] == "nano"


@pytest.mark.slow
@pytest.mark.usefixtures("training_faces", "installed_prose")
def test_a_run_at_tiny_size_is_finished_once(steps, tmp_path, monkeypatch, capsys):
    chosen = [step for step in steps.STEPS if step.name in SHORT]  # all of them take five times as long
    short = tuple(replace(step, words=step.words.replace("{reader}", "{first}")) for step in chosen)
    monkeypatch.setattr(steps, "STEPS", short)
    words = ["--tiny", "--folder", str(tmp_path)]
    assert steps.main(words) == 0
    assert f"the model is in {tmp_path / 'half' / 'model'}" in capsys.readouterr().out
    assert all((tmp_path / name / "model" / "model.safetensors").exists() for name in SHORT)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "half" / "finished").unlink()
    assert steps.main(words) == 0
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    changed = {path.relative_to(tmp_path).parts[0] for path in after if after[path] != before[path]}
    assert changed == {"half"}


def test_a_model_without_heads_is_lent_those_of_the_reader(steps, tmp_path):
    for name in ("reader", "kept"):
        (tmp_path / name).mkdir()
    (tmp_path / "reader" / steps.HEADS).write_text("heads")
    seen = next(step for step in steps.STEPS if step.name == "seen")
    words = steps.command(seen, tmp_path, tiny=False)
    assert (tmp_path / "kept" / steps.HEADS).read_text() == "heads"
    assert words[:5] == ["train", "nano", "--seed", "3", "--start"]
    assert words[-2:] == ["--folder", str(tmp_path / "seen")]


@pytest.mark.slow
@pytest.mark.usefixtures("training_faces", "installed_prose")
def test_the_encoder_learns_forms_alone_and_along_with_questions(steps, tmp_path):
    for name in ("answers", "seen", "forms"):
        shutil.copytree(folder_of(None), tmp_path / name / "model")
    for name in ("seen", "forms"):  # what was fine-tuned has none
        shutil.copyfile(folder_of(None).parent / steps.HEADS, tmp_path / name / steps.HEADS)
    chosen = {step.name: step for step in steps.STEPS}
    assert steps.run_step(replace(chosen["forms"], name="forms again"), tmp_path, tiny=True) == 0
    shapes = replace(chosen["shapes"], words=chosen["shapes"].words.replace("{tokens}", "{forms}"))
    assert steps.run_step(shapes, tmp_path, tiny=True) == 0
    for name in ("forms again", "shapes"):
        assert (tmp_path / name / "model" / "model.safetensors").exists()
        assert (tmp_path / name / steps.HEADS).exists()


@pytest.mark.slow
@pytest.mark.usefixtures("training_faces", "installed_prose")
def test_reinforcement_goes_on_from_the_mean_before_it(steps, tmp_path):
    shutil.copytree(folder_of(None), tmp_path / "sees" / "model")
    chosen = {step.name: step for step in steps.STEPS}
    for name in ("reinforced", "short", "wide252"):
        assert steps.run_step(chosen[name], tmp_path, tiny=True) == 0
        assert (tmp_path / name / "model" / "model.safetensors").exists()
    assert (tmp_path / "reinforced" / "hybrid_rl" / "rollouts.jsonl").exists()


def test_a_step_that_fails_ends_the_run_with_its_status(steps, tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "demiglace", lambda words: 2)
    assert steps.main(["--tiny", "--folder", str(tmp_path)]) == 2
    assert not list(tmp_path.glob("*/finished"))
