"""A judge model scores answers that no rule can score; its judgements are stored, so that none is asked twice."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from demiglace.conversation import Conversation
from demiglace.engine.sampling import SamplingParams
from demiglace.evaluation.backends.backend import Asked, Backend
from demiglace.evaluation.benchmark import Benchmark
from demiglace.evaluation.prediction import Prediction
from demiglace.safe_files import disk_errors, drop_torn_line
from demiglace.scoring.verdict import Verdict

JUDGEMENTS = "judgements.jsonl"
MAX_NEW_TOKENS = 512  # ours: a judge that reasons in its answer needs more tokens than the score
_NUMBER = re.compile(r"(?<![\w.,])[-\u2212]?\.?\d+(?:[.,]\d+)*(?!\w)(?:\s?%)?")
_SCORE = re.compile(r"0?\.\d+|0(?:\.\d+)?|1(?:\.0+)?")
_OF_ONE = re.compile(r"(?<=\d)([*_`]*)\s*\(?\s*(?:/|(?:out )?of)\s*[*_`]*1(?:\.0+)?(?![\w/]|[.,]\d)")  # 0.8 out of 1
_SCALE = re.compile(
    r"(?<![\w.])0(?:\.0+)?\s*(?:-|\u2013|to)\s*1(?:\.0+)?(?![\w/]|[.,]\d)|\bbetween 0(?:\.0)? and 1(?:\.0)?\b"
)
_ITEM = re.compile(r"\d[.)]\s+\w")  # of a numbered list
_SHARE = re.compile(r"\s*(?:/|(?:out )?of)\s*\d")
_NAMED = re.compile(r"\b(?:scores?|grade|correctness)\b", re.IGNORECASE)
_SAYS = re.compile(r"[^\w.-]*(?:(?:is|was|should be|would be)\b[^\w.-]*|of (?=[\d.]+(?!\s*\w)))?")


def judge_predictions(
    benchmark: Benchmark,
    predictions: Iterable[Prediction],
    folder: Path,
    judge: Backend | None,
    tell: Callable[[], None] = lambda: None,
) -> dict[str, Verdict]:
    """Verdicts by id, from earlier judgements in `folder` and new ones; a judgement without a score counts as none.

    judge: None judges nothing new. Judgements of changed answers or by another judge are not used. If the judge is
    unavailable or writes no score, an answer has no verdict.
    """
    assert benchmark.judge is not None
    prompts = {
        prediction.id: benchmark.judge(prediction.question, prediction.answers[0], prediction.reply.answer)
        for prediction in predictions
        if not prediction.reply.error
    }
    path = folder / JUDGEMENTS
    known = _read(path)
    waiting = [id_ for id_, prompt in prompts.items() if _key(judge, prompt) not in known] if judge else []
    if judge and waiting:
        drop_torn_line(path)
        with disk_errors(path), path.open("a", encoding="utf-8") as file:
            for line in _asked(judge, waiting, prompts):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                tell()
    return _verdicts(prompts, _read(path), judge)


def score_written(text: str) -> float | None:
    """The number from 0 to 1 at the start of a judge's answer, or the one it calls the score, or its only number.

    "0.8 out of 1" and "0.8/1" mean 0.8. None without any, or if it is unclear which number is the score.
    """
    text = _OF_ONE.sub(r"\1", _SCALE.sub("", text)).strip(" \t\n*_`\"'([#>:")
    if (first := _NUMBER.match(text)) and not _ITEM.match(text):
        return _score(first, text)
    named = [found.end() for found in _NAMED.finditer(text)]
    behind = text[named[-1] :] if named else ""
    if (near := _SAYS.match(behind)) and (number := _NUMBER.match(behind, near.end())):
        return _score(number, behind)
    for part in (behind, text):
        if found := list(_NUMBER.finditer(part)):
            return _score(found[0], part) if len(found) == 1 else None
    return None


def _score(found: re.Match[str], text: str) -> float | None:
    """The number, unless it is no score: below 0, above 1, a percentage, or a count out of several."""
    is_score = _SCORE.fullmatch(found.group()) and not _SHARE.match(text, found.end())
    return float(found.group()) if is_score else None


def _asked(judge: Backend, waiting: list[str], prompts: dict[str, str]) -> Iterator[dict[str, Any]]:
    params = SamplingParams.greedy(MAX_NEW_TOKENS)
    asked = (Asked(place, Conversation.ask(prompts[id_]), params) for place, id_ in enumerate(waiting))
    for place, reply in judge.answers(asked):
        if not reply.error and score_written(reply.answer) is not None:
            id_ = waiting[place]
            yield {"id": id_, "key": _key(judge, prompts[id_]), "judge": judge.name, "answer": reply.answer}


def _verdicts(prompts: dict[str, str], known: dict[str, str], judge: Backend | None) -> dict[str, Verdict]:
    """Verdicts of the judge; without one, the latest by any judge."""
    by_prompt = {key.partition(" ")[0]: text for key, text in known.items()}
    verdicts = {}
    for id_, prompt in prompts.items():
        text = known.get(_key(judge, prompt)) if judge else by_prompt.get(_hash(prompt))
        if text is not None:
            verdicts[id_] = Verdict(score_written(text), text)
    return verdicts


def _read(path: Path) -> dict[str, str]:
    """Key -> the judge's answer, if it has a score; an incomplete last line is left out."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    try:
        answers = {line["key"]: line["answer"] for line in map(json.loads, filter(None, lines))}
        return {key: text for key, text in answers.items() if score_written(text) is not None}
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{path} holds a line that is not a judgement: {error!r}") from error


def _key(judge: Backend | None, prompt: str) -> str:
    return f"{_hash(prompt)} {judge.name if judge else ''}"


def _hash(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()
