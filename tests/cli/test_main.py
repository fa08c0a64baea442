import logging
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

import demiglace
from demiglace.cli.main import OUT_OF_MEMORY, Commands
from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.scoring.rules.rule_sets import RULES

Run = Callable[..., Result]


def test_version(run: Run) -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"demiglace {demiglace.__version__}\n")


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_names_every_command(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    for command in ("ask", "chat", "read", "tokens", "corrupt", "train", "pretrain", "plot", "doctor"):
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", ["ask", "chat", "read", "tokens", "corrupt", "train", "pretrain", "plot", "doctor"])
def test_every_command_has_help(run: Run, command: str) -> None:
    assert run(command, "--help").exit_code == 0


def test_help_lists_what_can_be_named(run: Run) -> None:
    """Light help cannot ask the modules that know, so the names are written twice."""
    evaluation, comparison = ("".join(run(command, "--help").stdout.split()) for command in ("eval", "compare"))
    assert f"Benchmarks:{','.join(BENCHMARKS)}." in evaluation
    assert all(rules in evaluation and rules in comparison for rules in RULES)


def test_only_commands_of_presets_always_recompute_activations_of_8b(run: Run) -> None:
    commands = ("pretrain", "sft", "rl", "prefer", "finetune", "plan")
    told = {command for command in commands if "preset 8b" in " ".join(run(command, "--help").stdout.split())}
    assert told == {"pretrain", "sft", "rl", "prefer"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--nonsense",), "No such option: --nonsense"),
        (("tell",), "No such command 'tell'."),
        (("ask",), "Missing argument"),
        (("ask", "What?", "--top-k", "many"), "Invalid value for '--top-k'"),
        (("ask", "no such.png", "What?"), "no such.png does not exist"),
        (("tokens", "no such.png"), "no such.png does not exist"),
        (("chat", "no such.png"), "no such.png does not exist"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(run: Run, arguments: tuple[str, ...], line: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"demiglace: {line}")
    assert result.stderr.count("\n") == 1


def failing(error: BaseException) -> typer.Typer:
    app = typer.Typer(cls=Commands)

    @app.callback()
    def main() -> None: ...

    @app.command()
    def fail() -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a\n  and \x1b[31m b"), "a and [31m b"),
        (ValueError(), "ValueError"),
        (PermissionError(13, "Permission denied", "page.png"), "page.png: Permission denied"),
        (OSError("no space"), "no space"),
        (MemoryError(), OUT_OF_MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), OUT_OF_MEMORY),
    ],
)
def test_errors_are_told_without_steering_the_terminal(error: Exception, line: str) -> None:
    result = CliRunner().invoke(failing(error), ["fail"])
    assert (result.exit_code, result.stderr) == (2, f"demiglace: {line}\n")


def test_warnings_are_told_in_a_line() -> None:
    app = typer.Typer(cls=Commands)
    app.callback()(lambda: None)
    app.command("warn")(lambda: warnings.warn("the clip ends early", stacklevel=1))
    result = CliRunner().invoke(app, ["warn"])
    assert (result.exit_code, result.stderr) == (0, "demiglace: the clip ends early\n")


def test_no_line_tells_to_install_kernels_that_come_from_the_hub(run: Run) -> None:
    """bitsandbytes logs it, as peft imports it beside adapters of any kind."""
    assert run("--version").exit_code == 0
    assert not logging.getLogger("bitsandbytes.backends.cpu.ops").isEnabledFor(logging.WARNING)


def test_ctrl_c_is_quiet() -> None:
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"])
    assert (result.exit_code, result.output) == (130, "")


@pytest.mark.parametrize("error", [TypeError("ours"), RuntimeError("ours")])
def test_our_own_mistakes_keep_their_traceback(error: Exception) -> None:
    with pytest.raises(type(error), match="ours"):
        CliRunner().invoke(failing(error), ["fail"], catch_exceptions=False)


def test_the_module_runs(tmp_path: Path) -> None:
    """In a process of its own: a mistake is told before torch is waited for."""
    code = (
        "import runpy, sys; sys.argv = ['demiglace', 'ask', 'none.png', 'What?']\n"
        "try: runpy.run_module('demiglace', run_name='__main__')\n"
        "except SystemExit as end: print(end.code, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path
    )
    assert done.stdout == "2 False\n"
    assert done.stderr == "demiglace: none.png does not exist\n"
