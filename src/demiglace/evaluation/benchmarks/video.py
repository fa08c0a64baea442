"""Multiple choice about videos: Video-MME, MLVU, LVBench, MotionBench.

The videos themselves must be obtained under their owners' terms. They are files in the folder of the data, or in its
folder `videos` or `video`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from demiglace.evaluation.benchmark import Benchmark, Example
from demiglace.evaluation.dataset.choices import choices_of, right_letter, split_question
from demiglace.evaluation.dataset.files import Source, rows_of
from demiglace.evaluation.dataset.media import FOLDERS, video_of
from demiglace.evaluation.dataset.row import Row
from demiglace.scoring.verdict import Expected

MLVU_OPEN = ("8_sub_scene", "9_summary")  # MLVU's files of open questions, which a judge scores
MOTIONBENCH_FOLDERS = tuple(
    f"{above}{one}" for above in ("MotionBench/", "") for one in ("public-dataset", "self-collected")
)
VIDEO_MME_ROWS = "videomme"  # its folder of rows on the hub
INNER_FOLDERS = (*MOTIONBENCH_FOLDERS, *(f"{VIDEO_MME_ROWS}/{one}" for one in FOLDERS))

VIDEO_MME = Source(("Video-MME", "videomme"), "lmms-lab/Video-MME", f"{VIDEO_MME_ROWS}/test-*.parquet")
MLVU = Source(("MLVU_MCQ", "MLVU"), "MLVU/MVLU", "json/*.json")
LVBENCH = Source(("LVBench", "video_info.meta"), "zai-org/LVBench", "video_info.meta.jsonl")
MOTIONBENCH = Source(("MotionBench", "video_info.meta"), "zai-org/MotionBench", "video_info.meta.jsonl")
WITHHELD = ("NA", "", None)  # MotionBench: the answers of its test set are not public

SHORT = "Answer with the option's letter from the given choices directly."  # Video-MME
LONG = 'Think step by step and end with the letter of the option in the format of "Answer: …".'  # ours


def video_prompt(example: Example, long: bool) -> str:
    """Question, choices, and instruction."""
    choices = "".join(f"{letter}. {text}\n" for letter, text in example.expected.choices.items())
    return f"{example.question}\n{choices}{LONG if long else SHORT}"


def _video_mme(place: Path | None) -> Iterator[Example]:
    """Videos are beside the hub's folder of rows, or in it."""
    for number, row in enumerate(rows_of(VIDEO_MME.files(place))):
        shown = Row(row.fields, row.folder.parent, row.place) if row.folder.name == VIDEO_MME_ROWS else row
        yield _example(shown, str(number), row.text("question"), choices_of(row), row.optional_text("duration"))


def _mlvu(place: Path | None) -> Iterator[Example]:
    """MLVU's own JSON, VLMEvalKit's TSV, or lmms-eval's rows, whose choices are below the question."""
    files = [file for file in MLVU.files(place) if file.stem not in MLVU_OPEN]
    rows = ((file, row) for file in files for row in rows_of([file]))
    for number, (file, row) in enumerate(rows):
        question, below = split_question(row.text("question"))
        kind = row.optional_text("task_type", "question_type")
        yield _example(_with_path(row, file), str(number), question, choices_of(row) or below, kind)


def _with_path(row: Row, file: Path) -> Row:
    """Rows of `json/1_plotQA.json` name videos in the folder `video/1_plotQA`; rows of the TSV name it in `prefix`."""
    if row.has("prefix"):
        path, folder = PurePosixPath(row.text("prefix"), row.text("video")), row.folder
    elif row.folder.name == "json":
        path, folder = PurePosixPath("video", file.stem, row.text("video")), row.folder.parent
    else:
        return row
    return Row({**row.fields, "video_path": str(path)}, folder, row.place)


def _by_videos(source: Source) -> Callable[[Path | None], Iterator[Example]]:
    """Examples from a row for each video, with its questions in `qa`, or for each question (lmms-eval's LVBench).

    The choices are below the question, or in a list.
    """

    def examples(place: Path | None) -> Iterator[Example]:
        for row in rows_of(source.files(place)):
            questions = row.get("qa") or ([{}] if row.has("question") else None)
            if not isinstance(questions, list):
                raise ValueError(f"{row.place} has no list of questions `qa`; its columns are: {', '.join(row.fields)}")
            for asked in questions:
                if (fields := {**row.fields, **asked}).get("answer") not in WITHHELD:
                    yield _question(Row(fields, row.folder, row.place))

    return examples


def _question(row: Row) -> Example:
    question, below = split_question(row.text("question"))
    return _example(
        row, row.text("uid"), question, choices_of(row) or below, row.optional_text("question_type", "type")
    )


def _example(row: Row, number: str, question: str, choices: dict[str, str], category: str) -> Example:
    return Example(
        row.optional_text("index", "question_id") or number,
        question,
        Expected((right_letter(row.text("answer"), choices, row.place),), choices),
        "choice of a video",
        lambda: video_of(row, "video_path", "videoID", "video", "video_name", "key", folders=INNER_FOLDERS),
        category,
    )


VIDEO = (
    Benchmark("Video-MME", "Video-MME without subtitles", _video_mme, video_prompt, has_videos=True),
    Benchmark("MLVU", "MLVU, multiple choice", _mlvu, video_prompt, has_videos=True),
    Benchmark("LVBench", "LVBench", _by_videos(LVBENCH), video_prompt, several_categories=True, has_videos=True),
    Benchmark("MotionBench", "MotionBench", _by_videos(MOTIONBENCH), video_prompt, has_videos=True),
)
