"""`demiglace prefer` as a user meets it: a run from prompts, one from pairs, one that is killed, and mistakes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from deadly_command import kill_at
from mixtures import let_sample, pictures_and_colours, write_mixture, write_start
from preferences import write_pairs
from two_processes import TWO_PROCESSES
from typer.testing import Result

from demiglace.engine.sampling import SamplingParams

Run = Callable[..., Result]

MIXTURE = pictures_and_colours("preference")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    let_sample(write_start(folder / "start"))
    write_mixture(folder)
    (folder / "prefer.toml").write_text(MIXTURE)
    write_pairs(folder)
    return folder


def words(inputs: Path, out: Path, *more: object, source: str = "prefer.toml", **changes: object) -> list[str]:
    """Of random weights hardly any token begins with yes or no, so that any mass will do."""
    options = {"preset": "nano", "start": inputs / "start", "folder": out, "steps": 2, "batch-pairs": 2, "lr": 1e-3}
    if source.endswith(".toml"):
        options |= {"prompts": 10, "answers": 4, "short-limit": 100, "least-mass": 0}
    options |= {"micro-batch-pairs": 1, "save-every": 1, "device": "cpu", "dtype": "float32"}
    options |= {name.replace("_", "-"): value for name, value in changes.items()}
    flags = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    return ["prefer", str(inputs / source), *flags, *map(str, more)]


@pytest.fixture(scope="module")
def finished(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    subprocess.run([sys.executable, "-m", "demiglace", *words(inputs, folder)], check=True, capture_output=True)
    return folder


def lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def metrics(out: Path) -> list[dict[str, float]]:
    return lines(out / "preference" / "metrics.jsonl")


def learned(out: Path) -> dict[str, object]:
    """All that a run leaves, but for times and memory."""
    told = ("step", "loss", "grad_norm", "margin", "pair_accuracy", "chosen_log_prob", "rejected_log_prob", "lr")
    return {
        "metrics": [[line[name] for name in told] for line in metrics(out)],
        "texts": [(out / "preference" / f"{name}.jsonl").read_text() for name in ("answers", "pairs", "reference")],
        "model": (out / "model" / "model.safetensors").read_bytes(),
        "files": sorted(str(path.relative_to(out)) for path in out.rglob("*")),
    }


def test_a_run_leaves_answers_pairs_metrics_and_a_model(finished: Path) -> None:
    assert [line["step"] for line in metrics(finished)] == [1, 2]
    assert metrics(finished)[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert all(line["grad_norm"] > 0 for line in metrics(finished))
    stage = finished / "preference"
    assert len(lines(stage / "answers.jsonl")) == 10
    pairs = lines(stage / "pairs.jsonl")
    assert pairs
    assert all(pair["chosen_score"] > pair["rejected_score"] for pair in pairs)
    assert len(lines(stage / "reference.jsonl")) == 1 + len(pairs)
    assert (finished / "model" / "model.safetensors").exists()
    assert json.loads((finished / "run.json").read_text())["numbers"]["beta"] == 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        "demiglace.rl.judged_answers:AnswerLog add after 1",
        "demiglace.training.reference_log_probs:ReferenceLog add after 1",
        "demiglace.training.preference:PreferenceObjective _loss after 3",
    ],
)
def test_a_run_killed_at_any_moment_ends_as_if_nothing_had_happened(
    run: Run, inputs: Path, finished: Path, tmp_path: Path, moment: str
) -> None:
    kill_at(moment, words(inputs, tmp_path))
    again = run(*words(inputs, tmp_path))
    assert again.exit_code == 0, again.stderr
    assert learned(tmp_path) == learned(finished)


@pytest.mark.slow
def test_two_processes_learn_as_one(inputs: Path, finished: Path, tmp_path: Path) -> None:
    done = subprocess.run([*TWO_PROCESSES, *words(inputs, tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the model is in") == 1
    own, other = (folder / "preference" / "pairs.jsonl" for folder in (tmp_path, finished))
    assert own.read_text() == other.read_text()
    for mine, theirs in zip(metrics(tmp_path), metrics(finished), strict=True):
        for name in ("loss", "grad_norm", "margin", "chosen_log_prob", "rejected_log_prob"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-4, abs=1e-5), name


def test_pairs_of_ones_own_are_learned_from(run: Run, inputs: Path, tmp_path: Path) -> None:
    result = run(*words(inputs, tmp_path / "run", source="pairs.jsonl"))
    assert result.exit_code == 0, result.stderr
    assert SamplingParams.read(tmp_path / "run" / "model") == SamplingParams.read(inputs / "start")
    assert [line["step"] for line in metrics(tmp_path / "run")] == [1, 2]
    assert len(lines(tmp_path / "run" / "preference" / "reference.jsonl")) == 7
    assert "6 pairs: in 2 steps of 2 each comes 0.7 times" in result.stderr
    again = run(*words(inputs, tmp_path / "run", source="pairs.jsonl", beta=0.3))
    assert again.exit_code == 2
    assert "needs a folder of its own, or --restart" in again.stderr


def test_pictures_of_pairs_that_have_changed_are_named(run: Run, inputs: Path, tmp_path: Path) -> None:
    """The reference's log-probabilities, which are computed once, would be of the earlier pictures."""
    path = write_pairs(tmp_path)
    command = words(tmp_path, tmp_path / "run", source=path.name, start=inputs / "start", steps=1)
    assert run(*command).exit_code == 0
    (tmp_path / "2.png").write_bytes((tmp_path / "3.png").read_bytes())
    again = run(*command)
    assert again.exit_code == 2
    assert f"the media of the run in {tmp_path / 'run'} changed since it began: {tmp_path / '2.png'}" in again.stderr


def test_a_bad_pair_ends_the_run_or_is_left_out(run: Run, inputs: Path, tmp_path: Path) -> None:
    path = write_pairs(tmp_path)
    path.write_text(path.read_text() + '{"question": "What?", "chosen": "a"}\n')
    command = words(tmp_path, tmp_path / "run", source="pairs.jsonl", start=inputs / "start")
    result = run(*command)
    assert result.exit_code == 2
    assert "pairs.jsonl:7: a preference needs `rejected`" in result.stderr
    result = run(*command, "--skip-bad")
    assert result.exit_code == 0, result.stderr
    assert "left out: pair 7" in result.stderr


def test_a_pair_whose_picture_is_none_is_named(run: Run, inputs: Path, tmp_path: Path) -> None:
    path = write_pairs(tmp_path)
    (tmp_path / "none.png").write_text("no picture")
    bad = '{"question": "What?", "chosen": "a", "rejected": "b", "image": "none.png"}\n'
    path.write_text(path.read_text() + bad)
    result = run(*words(tmp_path, tmp_path / "run", source="pairs.jsonl", start=inputs / "start"))
    assert result.exit_code == 2
    assert "pair 7: " in result.stderr
    assert "none.png is not a picture of a known format; with --skip-bad such records" in result.stderr


def test_a_verifier_that_says_neither_yes_nor_no_ends_the_run_with_all_saved(
    run: Run, inputs: Path, tmp_path: Path
) -> None:
    result = run(*words(inputs, tmp_path, least_mass=0.9, prompts=24))
    assert result.exit_code == 2
    assert "the verifier says neither yes nor no to" in result.stderr.splitlines()[-1]
    assert lines(tmp_path / "preference" / "answers.jsonl")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"answers": 1}, "at least 2 answers to a prompt, got 1"),
        ({"beta": 0}, "must be above 0: beta 0.0"),
        ({"claims": "magic"}, "claims must be 'rule' or 'model', got 'magic'"),
        ({"verifier": "nowhere"}, "nowhere is neither a checkpoint's folder nor a hub id"),
        ({"verifier_model": "judge"}, "is a name at a server, but no address is given"),
        ({"verifier": "http://judge:port/v1"}, "a server's address is such as http://127.0.0.1:8000/v1, got"),
        ({"preset": "huge"}, "unknown preset 'huge'; choose from nano, small, 8b"),
        ({"media": "."}, "--media and --media-root are for pairs"),
        ({"source": "nowhere.jsonl"}, "nowhere.jsonl"),
        ({"source": "pairs.jsonl", "claims": "model", "prompts": 3}, "--prompts, --claims: for the prompts of a"),
    ],
)
def test_mistakes_are_told_on_one_line(
    run: Run, inputs: Path, tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    result = run(*words(inputs, tmp_path / "run", **changes))
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()
