r"""Formulas as references: equations, expressions with variables, roots, intervals; compared by math-verify.

math-verify is used for nothing else: it equates 12:30 with 12:45, and 2024-10-11 with 2003. It runs in a separate
process under our time limit, since its own limit needs the main thread. A comparison that times out counts as wrong.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from demiglace.scoring.phrasing.notation import without_markup

TIME_LIMIT_S = 10.0  # ours, for one comparison
START_LIMIT_S = 120.0  # ours, for loading sympy on a busy machine
LONGEST_FORMULA = 400  # ours, in characters

_WORKER = Path(__file__).with_name("mathematics_worker.py")
_COMMANDS = (
    "frac|dfrac|tfrac|sqrt|pi|infty|cup|cap|pm|leq?|geq?|neq?|theta|alpha|beta|sin|cos|tan|log|ln|exp|sum|int|lim|in"
)
_LATEX = re.compile(rf"\\(?:{_COMMANDS})(?![a-zA-Z])")
_FUNCTIONS = rf"(?:{_COMMANDS}|arcsin|arccos|arctan|sqrt|mathbb|mathcal|operatorname|begin|end|matrix|pmatrix|bmatrix)"
_FORMULA = re.compile(rf"(?:\\?{_FUNCTIONS}(?![a-zA-Z])|[a-zA-Z]{{1,2}}(?![a-zA-Z])|[^a-zA-Z\"?!@#~;:])+")
_EQUATION = re.compile(r"[a-zA-Z]\s*[=<>]\s*[^=<>]*[\da-zA-Z][^=<>]*|[^=<>]*\d[^=<>]*=\s*[a-zA-Z]")
_INTERVAL = re.compile(r"\[[^\[\](){},]+,[^\[\](){},]+\)|\([^\[\](){},]+,[^\[\](){},]+\]")
_POWER_OR_SUM = re.compile(r"(?<=[\w)])\s?\^\s?[\w({-]|\d[a-z]\s?[+*]|[+*]\s?\d[a-z](?![a-z])")
_SEVERAL = re.compile(r"\b(?:or|and)\b")
_CARRIER = re.compile(
    r"(?:so|thus|then|therefore|hence|it is|it's|we get|we have|this is|that is)\b[,:]?\s*", re.IGNORECASE
)


def is_mathematics(reference: str) -> bool:
    """Whether a reference is a formula; plain numbers and dates were excluded before."""
    text = _bare(reference)
    if len(text) > LONGEST_FORMULA or not _FORMULA.fullmatch(text):
        return False
    kinds = (_LATEX.search(text), _EQUATION.fullmatch(text), _INTERVAL.fullmatch(text), _POWER_OR_SUM.search(text))
    return any(kinds) and not _SEVERAL.search(text)


def says_formula(answer: str, reference: str) -> bool:
    """Whether an answer, without markup, is a formula equal to the reference.

    Raises ValueError if math-verify is needed and not installed.
    """
    wanted, given = _bare(reference), _CARRIER.sub("", _bare(answer), count=1)
    if "".join(wanted.split()) == "".join(given.split()):
        return True
    if not given or len(given) > LONGEST_FORMULA or not _FORMULA.fullmatch(given) or _SEVERAL.search(given):
        return False
    if find_spec("math_verify") is None:
        raise ValueError(
            f"to compare {given!r} with the formula {wanted!r} takes math-verify; install: pip install demiglace[maths]"
        )
    return _worker(os.getpid()).equal(wanted, given)


def _bare(text: str) -> str:
    return without_markup(text).strip().rstrip(".,;").strip("* ")


class _Worker:
    """A process that compares pairs one by one; it is restarted after it was stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def equal(self, wanted: str, given: str) -> bool:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = self._start()
            return self._ask(self._process, json.dumps([wanted, given]), TIME_LIMIT_S) == "true"

    def _start(self) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-P",
            str(_WORKER),
        ]  # -P: modules in this folder must not shadow others
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        if self._ask(process, "[]", START_LIMIT_S) != "ready":
            raise RuntimeError(f"math-verify did not start in {START_LIMIT_S:.0f} s")
        return process

    @staticmethod
    def _ask(process: subprocess.Popen[str], request: str, limit_s: float) -> str:
        """The response line to a request; "" if the process was stopped at the limit, or died."""
        assert process.stdin is not None
        assert process.stdout is not None
        clock = threading.Timer(limit_s, process.kill)
        clock.start()
        try:
            process.stdin.write(f"{request}\n")
            process.stdin.flush()
            answer = process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        finally:
            clock.cancel()
        if not answer:
            process.kill()
            process.wait()
        return answer


@cache
def _worker(process_id: int) -> _Worker:
    """One worker for each process, since a forked process must not write to its parent's pipe."""
    return _Worker()
