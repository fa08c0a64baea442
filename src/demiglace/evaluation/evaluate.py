"""Ask a model the questions of a benchmark, and write down what was sent and what came back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from demiglace.data.object_cache import ObjectCache
from demiglace.evaluation.asking import Asking, conversation_of
from demiglace.evaluation.backends.backend import Asked, Backend
from demiglace.evaluation.benchmark import Benchmark, Example
from demiglace.evaluation.dataset.stored import on_disk
from demiglace.evaluation.prediction import Prediction, PredictionFile, Reply
from demiglace.evaluation.scores import OWN_RULES
from demiglace.safe_files import read_object, write_whole
from demiglace.scoring.rules.rule_sets import scorer

SETTINGS = "settings.json"
FETCHED = "data"  # folder of what an object store holds
MOST_BYTES = 2**20


@dataclass(frozen=True)
class Evaluation:
    """A benchmark, how it is asked, and the folder of its answers.

    place: where its data lie; None leaves it to the benchmark. limit: the first so many; None all.
    address: of an object store that the data have to be fetched from first, see `at_hand`.
    """

    benchmark: Benchmark
    asking: Asking
    folder: Path
    place: Path | None = None
    limit: int | None = None
    address: str | None = None

    @contextmanager
    def at_hand(self, cache: ObjectCache) -> Iterator[Evaluation]:
        """The same with its data on the disk until the block ends; errors as of `on_disk`."""
        if self.address is None:
            yield self
            return
        with on_disk(self.address, self.folder / FETCHED, cache) as place:
            yield replace(self, place=place)

    def examples(self) -> Iterator[Example]:
        """ValueError where there are none, or two share an id."""
        seen: set[str] = set()
        for example in islice(self.benchmark.examples(self.place), self.limit):
            if example.id in seen:
                raise ValueError(f"two examples of {self.benchmark.name} have the id {example.id}")
            seen.add(example.id)
            yield example
        if not seen:
            raise ValueError(f"{self.benchmark.name} has 0 examples{f' in {self.place}' if self.place else ''}")

    def check_rules(self, rules: str, cache: ObjectCache) -> None:
        """ValueError where they do not score an example; ours score all, and what a judge compares takes none."""
        if rules == OWN_RULES or self.benchmark.judge:
            return
        with self.at_hand(cache) as at_hand:
            for example in at_hand.examples():
                try:
                    scorer(example.family, rules)
                except ValueError as error:
                    raise ValueError(f"{self.benchmark.name}: {error}") from error

    def ask(self, backend: Backend, tell: Callable[[Prediction], None]) -> None:
        """Ask what has no answer yet; `tell` hears of each prediction once it is written.

        Whatever ends this, a kill included: the same call goes on, and asks nothing twice that was answered.
        ValueError where the folder holds answers of other settings or of other questions.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file = PredictionFile(self.folder)
        self._settle(backend, file)
        _Round(self, backend, file, tell).run()

    def told(self) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark.name,
            "data": self.address or (str(self.place.resolve()) if self.place else None),
            "asking": self.asking.told(),
        }

    def _settle(self, backend: Backend, file: PredictionFile) -> None:
        """A folder in which nothing was answered takes other settings, and forgets what failed under the former."""
        path = self.folder / SETTINGS
        told = json.loads(json.dumps({"model": backend.name, "weights": backend.weights, **self.told()}))
        held = read_object(path, MOST_BYTES) if path.exists() else {}
        changed = [name for name, value in told.items() if held.get(name) != value or name not in held]
        if changed and file.has_answers:
            name = changed[0]
            raise ValueError(
                f"{self.folder} holds answers of {name} {json.dumps(held.get(name))}, but now it is "
                f"{json.dumps(told[name])}: name another folder"
            )
        if changed:
            file.clear()
            write_whole(path, json.dumps(told, indent=2) + "\n")


class _Round:
    """One pass over the examples that have no answer yet."""

    def __init__(
        self, evaluation: Evaluation, backend: Backend, file: PredictionFile, tell: Callable[[Prediction], None]
    ) -> None:
        self.evaluation, self.backend, self.file, self.tell = evaluation, backend, file, tell
        self._under_way: dict[int, Example] = {}
        self._options = evaluation.asking.told()

    def run(self) -> None:
        for place, reply in self.backend.answers(self._requests()):
            self._write(self._under_way.pop(place), reply)

    def _requests(self) -> Iterator[Asked]:
        """What cannot be shown is written down as failed, and the others go on."""
        for place, example in enumerate(self._waiting()):
            try:
                conversation = conversation_of(self.evaluation.benchmark, example, self.evaluation.asking)
            except (ValueError, OSError) as error:
                self._write(example, Reply(error=str(error)))
                continue
            self._under_way[place] = example
            yield Asked(place, conversation, self.evaluation.asking.sampling)

    def _waiting(self) -> Iterator[Example]:
        """Those that were never answered, or failed."""
        for example in self.evaluation.examples():
            found = self.file.found.get(example.id)
            if found is not None and (found.question, found.answers) != (
                example.question,
                list(example.expected.answers),
            ):
                raise ValueError(
                    f"{self.file.path} holds another question under the id {example.id}: name another folder"
                )
            if found is None or found.reply.error:
                yield example

    def _write(self, example: Example, reply: Reply) -> None:
        prediction = Prediction.of(example, self._options, self.backend.weights, reply)
        self.file.add(prediction)
        self.tell(prediction)
