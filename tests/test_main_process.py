"""The end of the process of `demiglace`, alone and as one of those that torchrun starts."""

import os
import subprocess
import sys

import pytest

# An object that is dropped with the interpreter, and a handler that a command registers.
ENDS = """
import atexit, sys
class Dropped:
    def __del__(self, write=__import__("os").write):
        write(1, b"taken down\\n")
sys.modules["dropped"] = Dropped()
from demiglace import __main__
sys.argv = ["demiglace", *sys.argv[1:]]
command = __main__.app
def handled():
    atexit.register(print, "handled")
    command()
__main__.app = handled
"""
PLAIN = f"{ENDS}__main__.main()"
BROKEN = f"{ENDS}command = lambda: 1 / 0\n__main__.main()"


def end(code: str, *arguments: str, torchrun: bool) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TORCHELASTIC_RUN_ID"}
    if torchrun:
        environment["TORCHELASTIC_RUN_ID"] = "one"
    command = (sys.executable, "-c", code, *arguments)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("arguments", [("--version",), ("--nonsense",), ("ask",)])
def test_under_torchrun_status_and_output_are_the_same(arguments: tuple[str, ...]) -> None:
    alone, together = (end(PLAIN, *arguments, torchrun=torchrun) for torchrun in (False, True))
    assert together.returncode == alone.returncode == (0 if arguments == ("--version",) else 2)
    assert together.stderr == alone.stderr
    assert alone.stdout == f"{together.stdout}taken down\n"
    assert together.stdout.endswith("handled\n")


def test_an_error_of_ours_keeps_its_traceback_and_status() -> None:
    done = end(BROKEN, torchrun=True)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert done.stdout == "handled\n"
