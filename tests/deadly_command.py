"""A command line that kills itself, as `kill -9` or the loss of power does at a moment that a test chooses."""

import signal
import subprocess
import sys
from collections.abc import Sequence

# Runs a command that is killed before or after a call, by number, of the function of this name.
DEADLY = """
import os, signal, sys
from pkgutil import resolve_name
owner, name, when, number = sys.argv.pop(1).split()
real, calls = getattr(resolve_name(owner), name), 0
def deadly(*given, **named):
    global calls
    calls += 1
    if calls == int(number) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*given, **named)
    if calls == int(number):
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(resolve_name(owner), name, deadly)
if name == "rename":  # which is needed where names cannot be exchanged
    resolve_name("demiglace.safe_files")._exchange = lambda one, other: False
from demiglace.cli.main import app
app()
"""


def kill_at(moment: str, words: Sequence[str]) -> None:
    """Run a command until it kills itself at `moment`: owner, name, before or after, number of the call."""
    killed = subprocess.run([sys.executable, "-c", DEADLY, moment, *words], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
