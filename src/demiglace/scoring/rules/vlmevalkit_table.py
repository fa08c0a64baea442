"""How VLMEvalKit changes responses before scoring: it stores them as a column of a sheet and reads that back.

pandas reads "None" and "N/A" as missing, and a column of numbers as numbers: "007" then becomes "7".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_MISSING = {
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
}
_INTEGER = re.compile(r"[-+]?\d{1,18}")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:inf|infinity)", re.IGNORECASE)
_TRUTH = re.compile("true|false", re.IGNORECASE)


def as_stored(responses: Sequence[str]) -> list[str]:
    """The responses to a benchmark as the kit scores them; all at once: one word keeps a column from being numeric.

    Whole numbers of more than 18 digits are unchanged.
    """
    present = [response for response in responses if response not in _MISSING]
    is_column_of = [form for form in (_INTEGER, _NUMBER, _TRUTH) if all(map(form.fullmatch, present))]
    form = is_column_of[0] if is_column_of else None
    if form is _INTEGER and len(present) < len(responses):
        form = _NUMBER  # a missing value makes all of them floating-point
    return ["nan" if response in _MISSING else _read_as(form, response) for response in responses]


def _read_as(form: re.Pattern[str] | None, response: str) -> str:
    if form is _INTEGER:
        return str(int(response))
    if form is _NUMBER:
        return str(float(response))
    return response.capitalize() if form is _TRUTH else response
