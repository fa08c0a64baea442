"""A prediction: a question as sent, with its reply; and the file to which predictions are appended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from demiglace.evaluation.benchmark import SET, Example
from demiglace.safe_files import disk_errors, drop_torn_line
from demiglace.scoring.rules.family import Family
from demiglace.scoring.verdict import Expected

PREDICTIONS = "predictions.jsonl"


@dataclass(frozen=True)
class Reply:
    """An answer, or the error of a failed request.

    sent: an entry for each file; prompt: the text sent, with marks in place of files.
    raw: the answer as received, including reasoning; thoughts, answer: the same, split.
    Counts and times are None if not reported. stopped_by: "end", "stop", "length", or a server's own word.
    error: "" if there is an answer.
    """

    prompt: str = ""
    sent: list[dict[str, Any]] = field(default_factory=list)
    raw: str = ""
    thoughts: str = ""
    answer: str = ""
    prompt_tokens: int | None = None
    visual_tokens: int | None = None
    new_tokens: int | None = None
    seconds: float | None = None
    seconds_to_first_token: float | None = None
    stopped_by: str = ""
    notes: list[str] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class Prediction:
    """A question with everything needed for its score, how it was asked, and the reply."""

    id: str
    category: str
    question: str
    family: Family
    answers: list[str]
    choices: dict[str, str]
    groups: dict[str, str]
    options: dict[str, Any]
    weights: str
    reply: Reply

    @property
    def expected(self) -> Expected:
        return Expected(tuple(self.answers), self.choices)

    @property
    def cluster(self) -> str:
        """The questions that are not independent of it: those of its set, else those about the same files."""
        return self.groups.get(SET) or " ".join(dict.fromkeys(part["sha256"] for part in self.reply.sent)) or self.id

    @classmethod
    def of(cls, example: Example, options: Mapping[str, Any], weights: str, reply: Reply) -> Prediction:
        return cls(
            example.id,
            example.category,
            example.question,
            example.family,
            list(example.expected.answers),
            dict(example.expected.choices),
            dict(example.groups),
            dict(options),
            weights,
            reply,
        )


class PredictionFile:
    """Predictions of one benchmark as JSON Lines; an id's last line counts. An incomplete last line is dropped."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / PREDICTIONS
        self.found = read_predictions(self.path) if self.path.exists() else {}
        drop_torn_line(self.path)

    @property
    def has_answers(self) -> bool:
        """Whether there is any prediction that did not fail."""
        return any(not prediction.reply.error for prediction in self.found.values())

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
        self.found = {}

    def add(self, prediction: Prediction) -> None:
        """Append a prediction; it survives a kill of the process after this returns."""
        with disk_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(prediction), ensure_ascii=False) + "\n")
        self.found[prediction.id] = prediction


def read_predictions(path: Path) -> dict[str, Prediction]:
    """Predictions by id, in the order first asked; an incomplete last line is left out.

    ValueError for any other malformed line, with its number.
    """
    found: dict[str, Prediction] = {}
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                prediction = _read(json.loads(line))
            except (ValueError, LookupError, TypeError) as error:
                raise ValueError(f"line {number} of {path} is not a prediction: {error!r}") from error
            found[prediction.id] = prediction
    return found


def _read(line: dict[str, Any]) -> Prediction:
    if line["family"] not in get_args(Family):
        raise ValueError(f"unknown family {line['family']!r}")
    known = {field.name for field in fields(Reply)}
    reply = Reply(**{name: value for name, value in line.pop("reply").items() if name in known})
    return Prediction(**line, reply=reply)
