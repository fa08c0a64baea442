"""A judge says how right an answer is where no rule can; what it said is kept, so that none is asked twice."""

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
MAX_NEW_TOKENS = 512  # ours: a judge that thinks in its answer needs more than the score
_SCORE = re.compile(r"(?<![\d.])(?:0?\.\d+|[01](?:\.\d+)?)(?!\d|\.\d)")


def judge_predictions(
    benchmark: Benchmark,
    predictions: Iterable[Prediction],
    folder: Path,
    judge: Backend | None,
    tell: Callable[[], None] = lambda: None,
) -> dict[str, Verdict]:
    """Verdicts by id, of those that were judged in `folder` before or are now; an answer that is none is unreadable.

    judge: None judges nothing more. An answer that changed, and another judge's, count for nothing. A judge that cannot
    be had, or writes no score, leaves an answer without a verdict.
    """
    assert benchmark.judge is not None
    prompts = {
        one.id: benchmark.judge(one.question, one.answers[0], one.reply.answer)
        for one in predictions
        if not one.reply.error
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
    """The last number from 0 to 1 of a judge's answer; None without any."""
    found = _SCORE.findall(text)
    return float(found[-1]) if found and 0 <= float(found[-1]) <= 1 else None


def _asked(judge: Backend, waiting: list[str], prompts: dict[str, str]) -> Iterator[dict[str, Any]]:
    params = SamplingParams.greedy(MAX_NEW_TOKENS)
    asked = (Asked(place, Conversation.ask(prompts[id_]), params) for place, id_ in enumerate(waiting))
    for place, reply in judge.answers(asked):
        if not reply.error and score_written(reply.answer) is not None:
            id_ = waiting[place]
            yield {"id": id_, "key": _key(judge, prompts[id_]), "judge": judge.name, "answer": reply.answer}


def _verdicts(prompts: dict[str, str], known: dict[str, str], judge: Backend | None) -> dict[str, Verdict]:
    """Without a judge those of whoever judged last."""
    by_prompt = {key.partition(" ")[0]: text for key, text in known.items()}
    verdicts = {}
    for id_, prompt in prompts.items():
        text = known.get(_key(judge, prompt)) if judge else by_prompt.get(_hash(prompt))
        if text is not None:
            verdicts[id_] = Verdict(score_written(text), text)
    return verdicts


def _read(path: Path) -> dict[str, str]:
    """Key -> what the judge said; a line that a kill cut off is left out."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    try:
        return {line["key"]: line["answer"] for line in map(json.loads, filter(None, lines))}
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{path} holds a line that is no judgement: {error!r}") from error


def _key(judge: Backend | None, prompt: str) -> str:
    return f"{_hash(prompt)} {judge.name if judge else ''}"


def _hash(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()
