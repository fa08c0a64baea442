"""Definition of a benchmark: examples, their prompts, and the figures computed from verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from demiglace.conversation import Part
from demiglace.scoring.rules.family import Family
from demiglace.scoring.verdict import Expected

SET = "set"  # kind of group that is one cluster for intervals, though its questions show different pictures

Show = Callable[[], tuple[Part, ...]]


@dataclass(frozen=True)
class Example:
    """One question of a benchmark.

    id: unique within the benchmark.
    question: as in the benchmark; `Benchmark.prompt` turns it into a prompt.
    family: how it is scored.
    show: returns its files; called only when asked, so that a broken picture (ValueError) affects only this example.
    category: for tables by category; "" if there is none.
    hint: text before the question.
    groups: kind of group -> its group, for figures that count an example only if all of its group are right; those of
    `SET` are clusters for intervals.
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
    """A metric: a share of what was scored, times `scale`.

    together: kind of group in `Example.groups` of which all must be right to count; "" counts each example separately.
    of: what the share is of: scores; words of both texts in any order (F1, averaged over texts); constraints met; edits
    per character of all texts; objects not in the picture among those named (CHAIR_i); answers that name such an object
    (CHAIR_s). For the last three, lower is better.
    family: scores with this family, by our rules, instead of the example's.
    needs: only examples whose reference contains this text count.
    mean_of: the figure is the mean of these; only its name and `scale` apply otherwise.
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
    """A benchmark. name: as in commands.

    examples: from a file or folder with the data; None leaves the source to the benchmark: hub, package, or synthetic.
    prompt: from an example and whether it is asked in long mode to the text to send.
    figures: the first is the main one.
    interleaved: each mark such as `<image 1>` in the prompt is replaced by that picture (MMMU).
    judge: from question, answer and response to a judge's prompt, if no rule can score a response.
    max_new_tokens: of a short answer, by default.
    has_videos: whether examples may show videos.
    needs_data: whether data must be downloaded or given; drawn questions and easy-VQA come with theirs.
    several_categories: a category is a list with commas, and an example counts in each of its items.
    """

    name: str
    title: str
    examples: Callable[[Path | None], Iterator[Example]]
    prompt: Callable[[Example, bool], str]
    figures: tuple[Figure, ...] = (Figure("accuracy"),)
    interleaved: bool = False
    judge: Callable[[str, str, str], str] | None = None
    max_new_tokens: int = 128  # ours
    has_videos: bool = False
    needs_data: bool = True
    several_categories: bool = False

    @property
    def grouped_by(self) -> list[str]:
        """Names of the groups that its figures count as one."""
        parts = (part for figure in self.figures for part in (figure, *figure.mean_of))
        return sorted({part.together for part in parts} - {""})


def plain_prompt(example: Example, long: bool) -> str:
    """The question unchanged."""
    return example.question
