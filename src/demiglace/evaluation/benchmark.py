"""What a benchmark is: examples, how each is asked, and the figures that come of the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from demiglace.conversation import Part
from demiglace.scoring.rules.family import Family
from demiglace.scoring.verdict import Expected

Show = Callable[[], tuple[Part, ...]]


@dataclass(frozen=True)
class Example:
    """One question of a benchmark.

    id: which no other example of the benchmark has.
    question: as the benchmark has it; `Benchmark.prompt` makes a prompt of it.
    family: how it is scored.
    show: what is shown with it; opened when it is asked, so that a broken picture is this example's alone. ValueError.
    category: tables are made by it; "" where there is none.
    hint: what is told before the question.
    groups: name of a group -> which one, for figures that count an example only where all of its group are right.
    """

    id: str
    question: str
    expected: Expected
    family: Family
    show: Show
    category: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""


@dataclass(frozen=True)
class Figure:
    """A share of what was scored, times `scale`.

    together: the group of `Example.groups` of which all must be right to count; "" counts each example by itself.
    of: of what it is a share: scores; words of both texts, in whatever order (F1, the mean of all texts); constraints
        that are met; edits, of the characters of all texts; objects that are not in the picture, of those that are
        named (CHAIR_i); answers that name such a one (CHAIR_s). Of the last three less is better.
    family: scored so, by our rules, instead of as the example says.
    needs: only examples whose reference holds this text count.
    mean_of: the figure is the mean of these, and nothing else of it counts.
    """

    name: str
    together: str = ""
    scale: float = 100.0
    of: Literal["score", "words", "constraints", "characters", "objects", "captions"] = "score"
    family: Family | None = None
    needs: str = ""
    mean_of: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Benchmark:
    """A benchmark by the name that commands give it.

    examples: of the file or folder where the data lie; None leaves it to the benchmark: the hub, a package, or drawn.
    prompt: an example, and whether it is asked in long mode -> the text that is sent.
    figures: the first is the one that is quoted.
    interleaved: marks such as `<image 1>` in the prompt are places of pictures (MMMU).
    judge: question, answer and response -> what a judge is asked, where no rule can tell how right a response is.
    max_new_tokens: of a short answer, where nothing else is chosen.
    needs_data: whether its data have to be fetched or given: drawn questions and easy-VQA bring their own.
    """

    name: str
    title: str
    examples: Callable[[Path | None], Iterator[Example]]
    prompt: Callable[[Example, bool], str]
    figures: tuple[Figure, ...] = (Figure("accuracy"),)
    interleaved: bool = False
    judge: Callable[[str, str, str], str] | None = None
    max_new_tokens: int = 128  # ours
    needs_data: bool = True


def plain_prompt(example: Example, long: bool) -> str:
    """The question as it stands."""
    return example.question
