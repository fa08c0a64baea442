"""Benchmarks without downloads: the project's held-out questions about pictures, texts and clips, and easy-VQA."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from demiglace.conversation import Part, Video, VideoSampling
from demiglace.evaluation.benchmark import Benchmark, Example, Show, plain_prompt
from demiglace.evaluation.dataset.files import Source, rows_of
from demiglace.evaluation.dataset.media import pictures_of
from demiglace.evaluation.dataset.row import Row
from demiglace.scoring.question import Question
from demiglace.scoring.verdict import Expected
from demiglace.synthesis.clips.clip import Clip, encode
from demiglace.synthesis.clips.kinds import CLIP_KINDS
from demiglace.synthesis.clips.kinds import held_out_question as held_out_clip
from demiglace.synthesis.questions.topics import SIMPLE_TOPICS, TEXT, TOPICS
from demiglace.synthesis.questions.topics import held_out_question as held_out_picture

EACH = 40  # questions of a topic or kind of clip (ours)
CLIP_FPS = 20  # of the files
CLIP_SAMPLING = VideoSampling(fps=10.0, package_frames=6, force_package_frames=True)  # the paper's maximum

EASY_VQA = Source(("easy_vqa", "qa", "questions"))
EASY_VQA_KINDS = {  # all answers of easy-VQA, by kind of question
    "colour": ("black", "red", "blue", "gray", "green", "teal", "brown", "yellow"),
    "shape": ("circle", "rectangle", "triangle"),
    "yes or no": ("yes", "no"),
}


def _drawn(place: Path | None) -> Iterator[Example]:
    """The first question of every topic and kind, then the second of each: any prefix is a balanced selection."""
    if place is not None:
        raise ValueError(f"drawn makes its own questions and reads no data, got {place}")
    for number in range(EACH):
        for topic in (*TOPICS, TEXT, *SIMPLE_TOPICS):
            parts, question = held_out_picture(topic, number)
            yield _question(f"{topic} {number}", topic.replace("_", " "), question, partial(tuple, parts))
        for kind in CLIP_KINDS:
            asked = held_out_clip(kind, number)
            name = kind.replace("_", " ")
            yield _question(f"clip {kind} {number}", f"clip: {name}", asked.question, partial(_clip, asked.clip))


def _clip(clip: Clip) -> tuple[Part, ...]:
    return (Video(encode(clip, CLIP_FPS, "mp4"), CLIP_SAMPLING),)


def _question(id_: str, category: str, question: Question, show: Show) -> Example:
    choices = {choice: choice for choice in question.choices}
    return Example(id_, question.text, Expected((question.answer,), choices), "short answer", show, category)


def _easy_vqa(place: Path | None) -> Iterator[Example]:
    """From the package easy-vqa, from its files in a folder, or from JSON Lines of image, question and answer."""
    (file,) = EASY_VQA.files(place or _packaged())
    rows = _rows_of_package(file) if file.suffix == ".json" else rows_of([file])
    for number, row in enumerate(rows):
        answer = row.text("answer")
        kind = next((kind for kind, words in EASY_VQA_KINDS.items() if answer in words), "")
        choices = {word: word for word in EASY_VQA_KINDS.get(kind, ())}
        expected = Expected((answer,), choices)
        yield Example(str(number), row.text("question"), expected, "short answer", partial(pictures_of, row), kind)


def _packaged() -> Path:
    """The test set inside the package, found without importing it."""
    spec = importlib.util.find_spec("easy_vqa")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("easy_vqa is the package easy-vqa: pip install easy-vqa, or name a folder: easy_vqa=FOLDER")
    return Path(spec.submodule_search_locations[0]) / "data" / "test"


def _rows_of_package(file: Path) -> Iterator[Row]:
    """`questions.json` is a list of [question, answer, number of the picture]."""
    try:
        triples = json.loads(file.read_bytes())
        for number, (question, answer, picture) in enumerate(triples):
            fields = {"question": question, "answer": answer, "image": f"{picture}.png"}
            yield Row(fields, file.parent, f"question {number} of {file.name}")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file} must hold a list of [question, answer, number]: {error}") from error


DRAWN = (
    Benchmark(
        "drawn",
        "held-out questions and clips of ours",
        _drawn,
        plain_prompt,
        max_new_tokens=160,
        has_videos=True,
        needs_data=False,
    ),
    Benchmark("easy_vqa", "easy-VQA", _easy_vqa, plain_prompt, max_new_tokens=32, needs_data=False),
)
