"""Ask a model the questions of a benchmark, and record what was sent and the replies."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from demiglace.data.object_cache import ObjectCache
from demiglace.evaluation.backends.backend import Asked, Backend
from demiglace.evaluation.benchmark import Benchmark, Example
from demiglace.evaluation.dataset.object_store import on_disk
from demiglace.evaluation.inference_settings import InferenceSettings, conversation_of
from demiglace.evaluation.kit_rules import benchmark_scorer
from demiglace.evaluation.prediction import Prediction, PredictionFile, Reply
from demiglace.evaluation.prompt_record import prompt_text, sent_parts
from demiglace.evaluation.scores import OWN_RULES, GroupSizes
from demiglace.safe_files import read_object, write_whole

SETTINGS = "settings.json"
GROUPS = "groups.json"
FETCHED = "data"  # folder for data from an object store
MOST_BYTES = 2**20
MOST_SHOWN = 80  # characters of a value in an error
_OF_EXAMPLE = ("question", "answers", "choices", "category", "groups")


@dataclass(frozen=True)
class Evaluation:
    """A benchmark, how its questions are asked, and the folder of the answers.

    place: of its data; None leaves it to the benchmark. limit: ask only the first so many; None for all.
    address: in an object store, from which the data are downloaded first, see `at_hand`.
    """

    benchmark: Benchmark
    settings: InferenceSettings
    folder: Path
    place: Path | None = None
    limit: int | None = None
    address: str | None = None

    @contextmanager
    def at_hand(self, cache: ObjectCache) -> Iterator[Evaluation]:
        """The same with its data on the disk until the block ends; errors as in `on_disk`."""
        if self.address is None:
            yield self
            return
        with on_disk(self.address, self.folder / FETCHED, cache) as place:
            yield replace(self, place=place)

    def examples(self) -> Iterator[Example]:
        """The examples to ask; ValueError if there are none, or two share an id."""
        seen: set[str] = set()
        for example in islice(self.benchmark.examples(self.place), self.limit):
            if example.id in seen:
                raise ValueError(f"two examples of {self.benchmark.name} have the id {example.id}")
            seen.add(example.id)
            yield example
        if not seen:
            raise ValueError(f"{self.benchmark.name} has 0 examples{f' in {self.place}' if self.place else ''}")

    def check(self, rules: str, cache: ObjectCache) -> None:
        """Read all rows without opening pictures or videos; of drawn questions only the first.

        ValueError if a row is bad, or the rules cannot score an example; ours score all, and judged benchmarks need
        none.
        """
        is_scored = rules == OWN_RULES or self.benchmark.judge is not None
        whole = replace(self, limit=None) if self.benchmark.grouped_by else self  # groups are counted without a limit
        is_drawn = not self.benchmark.needs_data and self.place is None and self.address is None
        with whole.at_hand(cache) as at_hand:
            for example in islice(at_hand.examples(), 1 if is_scored and is_drawn else None):
                if is_scored:
                    continue
                try:
                    benchmark_scorer(self.benchmark.name, example.family, rules)
                except ValueError as error:
                    raise ValueError(f"{self.benchmark.name}: {error}") from error

    def ask(self, backend: Backend, tell: Callable[[Prediction], None]) -> None:
        """Ask all questions without an answer; `tell` is called with each prediction after it is written.

        After any interruption, even a kill, the same call resumes and asks nothing twice that was answered.
        ValueError if the folder has answers with other settings or to other questions.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file = PredictionFile(self.folder)
        self._settle(backend, file)
        self._count_groups()
        _Round(self, backend, file, tell).run()

    def as_json(self) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark.name,
            "data": self.address or (str(self.place.resolve()) if self.place else None),
            "asking": self.settings.as_json(),
        }

    def _count_groups(self) -> None:
        """Write how many questions each group has in the data, whatever the limit."""
        if not (names := self.benchmark.grouped_by):
            return
        counts = {name: Counter[str]() for name in names}
        for example in self.benchmark.examples(self.place):
            for name in names:
                counts[name][example.groups.get(name, example.id)] += 1
        write_whole(self.folder / GROUPS, json.dumps(counts) + "\n")

    def _settle(self, backend: Backend, file: PredictionFile) -> None:
        """Check or write the settings; a folder without answers accepts new settings and discards earlier failures."""
        path = self.folder / SETTINGS
        settings = json.loads(json.dumps({"model": backend.name, "weights": backend.weights, **self.as_json()}))
        held = read_object(path, MOST_BYTES) if path.exists() else {}
        changed = [name for name, value in settings.items() if held.get(name) != value or name not in held]
        if changed and file.has_answers:
            name = changed[0]
            raise ValueError(
                f"{self.folder} holds answers of {name} {json.dumps(held.get(name))}, but now it is "
                f"{json.dumps(settings[name])}: choose another folder"
            )
        if changed:
            file.clear()
            write_whole(path, json.dumps(settings, indent=2) + "\n")


def group_sizes(folder: Path) -> GroupSizes:
    """Sizes of the groups of a benchmark from its folder of answers; empty if nothing counts groups."""
    path = folder / GROUPS
    return read_object(path, MOST_BYTES) if path.exists() else {}


class _Round:
    """One pass over the examples that have no answer yet."""

    def __init__(
        self, evaluation: Evaluation, backend: Backend, file: PredictionFile, tell: Callable[[Prediction], None]
    ) -> None:
        self.evaluation, self.backend, self.file, self.tell = evaluation, backend, file, tell
        self._under_way: dict[int, Example] = {}
        self._options = evaluation.settings.as_json()

    def run(self) -> None:
        for place, reply in self.backend.answers(self._requests()):
            self._write(self._under_way.pop(place), reply)

    def _requests(self) -> Iterator[Asked]:
        """Examples that cannot be opened are recorded as failed, and the others continue."""
        for place, example in enumerate(self._waiting()):
            try:
                conversation = conversation_of(self.evaluation.benchmark, example, self.evaluation.settings)
            except (ValueError, OSError) as error:
                self._write(example, Reply(error=str(error)))
                continue
            self._under_way[place] = example
            yield Asked(place, conversation, self.evaluation.settings.sampling)

    def _waiting(self) -> Iterator[Example]:
        """Examples that were never answered, or failed."""
        for example in self.evaluation.examples():
            found = self.file.found.get(example.id)
            if found is not None and not found.reply.error:
                self._check_unchanged(found, example)
            if found is None or found.reply.error:
                yield example

    def _write(self, example: Example, reply: Reply) -> None:
        prediction = Prediction.of(example, self._options, self.backend.weights, reply)
        self.file.add(prediction)
        self.tell(prediction)

    def _check_unchanged(self, found: Prediction, example: Example) -> None:
        """ValueError if an answered example is another one now."""
        now = Prediction.of(example, self._options, self.backend.weights, found.reply)
        held = {name: (getattr(found, name), getattr(now, name)) for name in _OF_EXAMPLE}
        if not self.evaluation.benchmark.has_videos:
            held |= self._sent(found, example)
        for name, (before, after) in held.items():
            if before != after:
                raise ValueError(
                    f"{self.file.path} holds an answer to example {example.id} with the {name} "
                    f"{' but now it has '.join(_differing(before, after))}: choose another folder"
                )

    def _sent(self, found: Prediction, example: Example) -> dict[str, tuple[Any, Any]]:
        """Prompt and pictures as they were sent, and as they are now; nothing if they cannot be opened any more."""
        try:
            conversation = conversation_of(self.evaluation.benchmark, example, self.evaluation.settings)
            pictures = [part["sha256"] for part in sent_parts(conversation)]
        except (ValueError, OSError):
            return {}
        prompts = (found.reply.prompt, prompt_text(conversation))
        return {"prompt": prompts, "pictures": ([part["sha256"] for part in found.reply.sent], pictures)}


def _differing(before: Any, after: Any) -> list[str]:
    """Both values as JSON; of long ones the first difference with what is around it."""
    texts = [json.dumps(value, ensure_ascii=False) for value in (before, after)]
    if max(map(len, texts)) <= MOST_SHOWN:
        return texts
    differing = (place for place, pair in enumerate(zip(*texts, strict=False)) if pair[0] != pair[1])
    begin = max(0, next(differing, min(map(len, texts))) - MOST_SHOWN // 4)
    return [f"{'…' if begin else ''}{text[begin : begin + MOST_SHOWN]}…" for text in texts]
