"""Tables of what `experiments/hybrid_rl/answers.py` has left: the share of right answers by domain, mode and model.

    python experiments/instructions/tables.py FILE.jsonl

At temperature 1; intervals hold 95 % (`evaluation/intervals.py`) and keep all answers to a question together. With
two models the last column of a mode is the second less the first.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from demiglace.evaluation.intervals import Share, difference, share

Record = dict[str, Any]
ALL = "all"


def told(one: Share, signed: bool = False) -> str:
    """Such as ".30 (.20 to .40)"; with too few questions for an interval the share alone."""
    value, *interval = (f"{number:{'+' if signed else ''}.2f}" for number in (one.value, *(one.interval or ())))
    return f"{value} ({' to '.join(interval)})" if interval else value


def cells(records: Sequence[Record], models: Sequence[str]) -> Iterator[str]:
    """Of one domain and mode: the share of each model, and the difference of two."""
    by_model = {model: [one for one in records if one["model"] == model] for model in models}
    pairs = {model: [(float(one["right"]), 1.0) for one in own] for model, own in by_model.items()}
    clusters = [f"{one['domain']} {one['number']}" for one in by_model[models[0]]]
    for model in models:
        yield told(share(pairs[model], clusters))
    if len(models) == 2:
        yield told(difference(*pairs.values(), clusters)[0], signed=True)


def table(records: Sequence[Record]) -> str:
    models = list(dict.fromkeys(one["model"] for one in records))
    found = defaultdict[tuple[str, str], list[Record]](list)
    for one in records:
        for domain in (one["domain"], ALL):
            found[domain, one["mode"]].append(one)
    domains = [*dict.fromkeys(one["domain"] for one in records), ALL]
    columns = [*models, "difference"] if len(models) == 2 else models
    head = [f"{mode}, {column}" for mode in ("short", "long") for column in columns]
    rows = [
        [domain, *cells(found[domain, "short"], models), *cells(found[domain, "long"], models)] for domain in domains
    ]
    lines = [["domain", *head], ["---", *["---:"] * len(head)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    for temperature in sorted({one["temperature"] for one in records}):
        print(
            f"temperature {temperature:g}\n\n{table([one for one in records if one['temperature'] == temperature])}\n"
        )


if __name__ == "__main__":
    main()
