"""A process that answers "true" or "false" to pairs of formulas, a JSON list in each line; and "ready" to an empty one.

It is run as a program and imports nothing from the package. It limits its memory; the caller limits its time.
"""

from __future__ import annotations

import json
import sys
from typing import Any

MOST_MEMORY = 4 * 2**30  # bytes, ours

DIGITS = 12  # ours: decimal numbers that differ in the twelfth digit are not equal


def main() -> None:
    _bound_memory()
    import math_verify  # slow to load, so it is loaded under the limits

    for line in sys.stdin:
        pair = json.loads(line)
        answer = "true" if pair and _equal(math_verify, *pair) else "false"
        sys.stdout.write(f"{answer if pair else 'ready'}\n")
        sys.stdout.flush()


def _equal(math_verify: Any, wanted: str, given: str) -> bool:
    try:
        formulas = [_parsed(math_verify, text) for text in (wanted, given)]
        return all(formulas) and math_verify.verify(*formulas, float_rounding=DIGITS, timeout_seconds=None)
    except Exception:  # anything that sympy raises for text that is no formula: it equals nothing
        return False


def _parsed(math_verify: Any, text: str) -> Any:
    latex = [math_verify.LatexExtractionConfig()]
    return math_verify.parse(f"${text}$", latex, fallback_mode="no_fallback", parsing_timeout=None)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


if __name__ == "__main__":
    main()
