"""`demiglace rl` as a user meets it: a run, one that is killed, and mistakes."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from deadly_command import kill_at
from mixtures import pictures_and_colours, write_rl_inputs
from safetensors.torch import load_file
from two_processes import TWO_PROCESSES
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Runs in this process and in others are compared bit by bit: another number of threads adds up in another order.
    torchrun gives each of its processes one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rl_inputs(tmp_path_factory.mktemp("inputs"))


def words(inputs: Path, out: Path, *more: object, **changes: object) -> list[str]:
    options = {"preset": "nano", "start": inputs / "start", "folder": out, "steps": 2, "prompts": 4, "answers": 4}
    options |= {"lr": 1e-3, "short-limit": 100, "long-limit": 20, "save-every": 1, "device": "cpu", "dtype": "float32"}
    options |= {"workers": 0}
    options |= {name.replace("_", "-"): value for name, value in changes.items()}
    flags = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    return ["rl", str(inputs / "rl.toml"), *flags, *map(str, more)]


# Of random weights no answer is right; short ones that come to an end have their format, and so there is a spread.
@pytest.fixture(scope="module")
def finished(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    # All other runs prepare their prompts themselves.
    command = [sys.executable, "-m", "demiglace", *words(inputs, folder, workers=1)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "hybrid_rl" / "metrics.jsonl").read_text().splitlines()]


def learned(out: Path) -> dict[str, object]:
    """All that a run leaves, but for times and memory."""
    told = ("step", "loss", "grad_norm", "reward", "entropy", "made_tokens")
    return {
        "metrics": [[line[name] for name in told] for line in lines(out)],
        "rollouts": sorted(set((out / "hybrid_rl" / "rollouts.jsonl").read_text().splitlines())),
        "model": (out / "model" / "model.safetensors").read_bytes(),
        "files": sorted(str(path.relative_to(out)) for path in out.rglob("*")),
    }


def test_a_run_leaves_a_model_metrics_and_rollouts(finished: Path) -> None:
    assert [line["step"] for line in lines(finished)] == [1, 2]
    assert lines(finished)[0]["groups"] == 4
    assert all(line["trainable_groups"] >= 1 and line["grad_norm"] > 0 for line in lines(finished))
    names = {"reward", "accuracy", "format", "repetition", "entropy", "log_prob_gap", "learning_s", "sampling_s"}
    assert names <= lines(finished)[0].keys()
    assert len((finished / "hybrid_rl" / "rollouts.jsonl").read_text().splitlines()) == 8
    assert load_file(finished / "model" / "model.safetensors")
    run = json.loads((finished / "run.json").read_text())
    assert run["numbers"]["policy"]["loss"] == "dapo"
    assert run["numbers"]["long_share"] == 0.5


def test_fewer_steps_than_were_taken_are_refused(run: Run, inputs: Path, finished: Path, tmp_path: Path) -> None:
    """The model of step 2 would be exported as if it were that of step 1."""
    out = shutil.copytree(finished, tmp_path / "run")
    again = run(*words(inputs, out, steps=1))
    assert again.exit_code == 2
    assert f"the run in {out} has taken 2 steps, more than --steps 1" in again.stderr
    assert run(*words(inputs, out)).exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        "demiglace.rl.rollout_log:RolloutLog add before 1",
        "demiglace.rl.rollout_log:RolloutLog add after 2",
        "os fsync before 2",
        "demiglace.rl.policy_objective:PolicyObjective _loss after 2",
        "demiglace.training.checkpoint _write before 2",
        "demiglace.training.checkpoint _write after 1",
        "demiglace.training.metrics:Metrics add before 2",
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
    assert {path.name for path in (tmp_path / "hybrid_rl").glob("*.jsonl")} == {
        "metrics.jsonl", "rollouts.jsonl", "rollouts-1.jsonl",
    }  # fmt: skip
    for mine, theirs in zip(lines(tmp_path), lines(finished), strict=True):
        for name in ("reward", "groups", "trainable_groups", "made_tokens", "learned_tokens", "cut_share"):
            assert mine[name] == pytest.approx(theirs[name]), name
        for name in ("loss", "grad_norm", "entropy"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-5, abs=1e-6), name


RESTART = """
import os, pathlib, signal, socket, subprocess, sys
port, kept, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
if kept.exists():
    os.kill(int(kept.read_text()), signal.SIGKILL)
while socket.socket().connect_ex(("127.0.0.1", port)) == 0:
    pass
serve = (sys.executable, "-m", "demiglace", "serve", folder, "--port", str(port), "--device", "cpu")
nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
kept.write_text(str(subprocess.Popen([*serve, "--dtype", "float32"], start_new_session=True, **nothing).pid))
"""


@pytest.mark.slow
def test_a_server_that_is_restarted_for_each_step_gives_the_same_run(
    run: Run, inputs: Path, finished: Path, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "restart.py").write_text(RESTART)
    pid = tmp_path / "pid"
    update = shlex.join([sys.executable, str(tmp_path / "restart.py"), str(port), str(pid)])
    remote = {"generator": f"http://127.0.0.1:{port}/v1", "generator_update": update}
    try:
        result = run(*words(inputs, tmp_path / "run", **remote))
    finally:
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)
    assert result.exit_code == 0, result.stderr
    mine, theirs = learned(tmp_path / "run"), learned(finished)
    assert mine["model"] == theirs["model"]
    assert [line["made_tokens"] for line in lines(tmp_path / "run")] == [
        line["made_tokens"] for line in lines(finished)
    ]
    assert all(line["log_prob_gap"] < 1e-4 for line in lines(tmp_path / "run"))


def test_a_finished_run_goes_on_for_more_steps(run: Run, inputs: Path, finished: Path, tmp_path: Path) -> None:
    assert run(*words(inputs, tmp_path, steps=1)).exit_code == 0
    result = run(*words(inputs, tmp_path, steps=2))
    assert result.exit_code == 0, result.stderr
    assert learned(tmp_path)["model"] == learned(finished)["model"]


def test_instructions_are_learned_and_shown_without_a_picture(run: Run, inputs: Path, tmp_path: Path) -> None:
    drawn = '[[source]]\nname = "drawn"\nkind = "instructions"\nweights = { hybrid_rl = 1 }\n'
    own = '[[source]]\nname = "own"\nkind = "jsonl"\npath = "own.jsonl"\nweights = { hybrid_rl = 1 }\n'
    record = {"messages": [{"role": "user", "content": "Without e."}]}
    record["constraints"] = [{"kind": "letter", "letter": "e", "exactly": 0}]
    (tmp_path / "own.jsonl").write_text(json.dumps(record) + "\n")
    (tmp_path / "rl.toml").write_text(drawn + own)
    command = words(inputs, tmp_path / "run", steps=1, prompts=8)
    command[1] = str(tmp_path / "rl.toml")
    assert run(*command).exit_code == 0
    (line,) = lines(tmp_path / "run")
    assert {"accuracy/drawn", "accuracy/own"} <= line.keys()
    assert line["rule_share"] == 1
    result = run("rollouts", tmp_path / "run", "--count", 8)
    assert result.exit_code == 0, result.stderr
    assert 'reference: the letter "e" exactly 0 times' in result.stdout
    page = tmp_path / "rollouts.html"
    assert run("rollouts", tmp_path / "run", "--html", page).exit_code == 0
    assert "Reference: <b>" in page.read_text()
    assert "<img" not in page.read_text()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"loss": "ppo"}, "unknown policy loss 'ppo'; choose from grpo, dr_grpo, dapo, gspo, cispo"),
        ({"clip": "0.2"}, "--clip must be two numbers such as 0.2,0.28, got '0.2'"),
        ({"answers": 1}, "at least 2 to a prompt are needed, got 1"),
        ({"long_share": 2}, "long_share must lie in [0, 1], got 2.0"),
        ({"without": "speed"}, "--without must be one of accuracy, format, repetition, preference, got 'speed'"),
        ({"reward_model": "nowhere"}, "nowhere holds no sequence classifier"),
        ({"generator_update": "true"}, "--generator-update requires --generator"),
        ({"generator": "judge:8000/v1"}, "a server's address is such as http://127.0.0.1:8000/v1, got 'judge:8000/v1'"),
        ({"seed": 2**64}, "Invalid value for '--seed'"),
        ({"preset": "huge"}, "unknown preset 'huge'; choose from nano, small, 8b"),
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


def test_a_mixture_without_prompts_and_a_record_without_a_reference_are_told(
    run: Run, inputs: Path, tmp_path: Path
) -> None:
    mixture = tmp_path / "rl.toml"
    mixture.write_text('[[source]]\nname = "a"\nkind = "jsonl"\npath = "a.jsonl"\nweights = { general = 1 }\n')
    command = [word if word != str(inputs / "rl.toml") else str(mixture) for word in words(inputs, tmp_path / "run")]
    assert "no source has a weight for hybrid_rl" in run(*command).stderr
    mixture.write_text(mixture.read_text().replace("general", "hybrid_rl"))
    (tmp_path / "a.jsonl").write_text('{"messages": [{"role": "user", "content": "What?"}]}\n')
    result = run(*command)
    assert result.exit_code == 2
    assert "a.jsonl:1" in result.stderr.splitlines()[-1]
    assert "with --skip-bad such records are listed" in result.stderr.splitlines()[-1]
    skipped = run(*command, "--skip-bad")
    assert "none of the 4 prompts of batch 0 can be used" in skipped.stderr


@pytest.mark.parametrize("name", ["long", "short"])
def test_a_source_that_is_named_as_a_mode_is_refused(run: Run, inputs: Path, tmp_path: Path, name: str) -> None:
    """The figures of both would be one: `reward/long`."""
    mixture = inputs / f"named_{name}.toml"
    mixture.write_text(pictures_and_colours("hybrid_rl").replace('"pictures"', f'"{name}"'))
    command = [word if word != str(inputs / "rl.toml") else str(mixture) for word in words(inputs, tmp_path / "run")]
    result = run(*command)
    assert result.exit_code == 2
    assert f"a source is named '{name}', as a mode of answers" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()
