"""Rows whose shape a reader would not guess, made up after what public loaders and data cards say of the real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from public_layouts import in_base64, struct, write_jsonl, write_parquet, write_tsv

from demiglace.conversation import Image, Video
from demiglace.evaluation.benchmark import Example
from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.evaluation.prediction import Prediction, Reply
from demiglace.evaluation.scores import benchmark_score, score_predictions

CHOICES = {"A": "red", "B": "blue"}


def read(name: str, place: Path) -> list[Example]:
    return list(BENCHMARKS[name].examples(place))


def film(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film")
    return path


def test_empty_cells_of_mmbench_are_written_out_as_nan(tmp_path: Path) -> None:
    """lmms-eval's mmbench_evals.py leaves out choices and hints that are the text "nan"."""
    row = {"index": 1, "question": "Colour?", "hint": "nan", **CHOICES, "C": "nan", "D": "nan", "answer": "B"}
    (example,) = read("MMBench", write_parquet(tmp_path / "m.parquet", [row | {"image": struct()}]))
    assert (dict(example.expected.choices), example.hint) == (CHOICES, "")


def test_questions_of_mmmu_for_development_do_not_count(tmp_path: Path) -> None:
    """VLMEvalKit's MMMU_DEV_VAL.tsv: 150 rows of the split "dev", reported apart from the 900 of "validation"."""
    row = {"id": "x", "question": "Colour?", **CHOICES, "answer": "A", "image": in_base64()}
    rows = [row | {"index": 1, "split": "dev"}, row | {"index": 2, "id": "y", "split": "validation"}]
    assert [one.id for one in read("MMMU", write_tsv(tmp_path / "MMMU_DEV_VAL.tsv", rows))] == ["y"]


@pytest.mark.parametrize(
    ("id_", "discipline"),
    [("validation_Art_Theory_7", "Art & Design"), ("validation_Manage_1", "Business"), ("x", "A")],
)
def test_the_hubs_questions_of_mmmu_name_their_subject_in_the_id(tmp_path: Path, id_: str, discipline: str) -> None:
    """MMMU/MMMU: no column has it; `subfield` has about 180 values for 900 questions."""
    row = {"id": id_, "question": "Colour?", "options": "['red', 'blue']", "answer": "A", "subfield": "A"}
    (example,) = read("MMMU", write_parquet(tmp_path / "m.parquet", [row | {"image_1": struct()}]))
    assert example.category == discipline


def test_a_question_of_several_kinds_counts_in_each(tmp_path: Path) -> None:
    """DocVQA and LVBench on the hub have lists of kinds, MM-Vet "ocr,math"; their papers report each kind."""
    row = {"questionId": "9", "question": "Who?", "question_types": ["form", "layout"], "answers": ["Ann"]}
    rows = [row, row | {"questionId": "10", "question_types": ["form"], "answers": ["Bob"]}]
    examples = read("DocVQA", write_parquet(tmp_path / "d.parquet", [one | {"image": struct()} for one in rows]))
    assert [(one.id, one.category) for one in examples] == [("9", "form, layout"), ("10", "form")]
    found = [Prediction.of(example, {}, "", Reply(answer="Ann")) for example in examples]
    categories = benchmark_score(BENCHMARKS["DocVQA"], score_predictions(found)).categories
    assert {name: (one.value, one.count) for name, one in categories.items()} == {
        "form": (50.0, 2),
        "layout": (100.0, 1),
    }


@pytest.mark.parametrize("name", ["MMVet", "LVBench"])
def test_capabilities_are_counted_one_by_one(name: str) -> None:
    found = [Prediction(one, one, "", "short answer", ["a"], {}, {}, {}, "", Reply(answer="a")) for one in ("o,m", "m")]
    scored = score_predictions(found)
    assert {kind: one.count for kind, one in benchmark_score(BENCHMARKS[name], scored).categories.items()} == {
        "m": 2,
        "o": 1,
    }


@pytest.mark.parametrize(
    ("rules", "score"), [("demiglace", 0.0), ("lmms-eval-0.7.3", 0.0), ("vlmevalkit-2026-08", 1.0)]
)
def test_a_label_of_chartqa_that_is_a_list_is_one_answer(tmp_path: Path, rules: str, score: float) -> None:
    """VLMEvalKit's rules take its items for several answers."""
    row = {"question": "Which two?", "answer": "[6, 12]", "image": struct()}
    (example,) = read("ChartQA", write_parquet(tmp_path / "c.parquet", [row]))
    assert example.expected.answers == ("[6, 12]",)
    answered = [Prediction.of(example, {}, "", Reply(answer=text)) for text in ("6", "[6, 12]")]
    part, whole = (score_predictions([one], rules)[0] for one in answered)
    assert part.counted == score
    if rules != "vlmevalkit-2026-08":
        assert whole.counted == 1.0


def test_mmbench_groups_by_the_column_for_it_where_there_is_one(tmp_path: Path) -> None:
    row = {"index": 241, "g_index": 7, "question": "Colour?", "A": "red", "B": "blue", "answer": "A"} | {
        "image": in_base64()
    }
    write_tsv(tmp_path / "MMBench_DEV_EN_V11.tsv", [row, {**row, "index": 300}])
    assert [one.groups for one in read("MMBench", tmp_path)] == [{"rotations": "7"}] * 2


def test_both_kinds_of_hallusionbench_have_texts(tmp_path: Path) -> None:
    """Its authors count sets by category, subcategory and number: VD and VS both have an "ocr"."""
    row = {
        "subcategory": "ocr",
        "set_id": "0",
        "figure_id": "1",
        "question_id": "0",
        "question": "A?",
        "gt_answer": "1",
    }
    rows = [row | {"category": kind, "visual_input": "1", "image": struct()} for kind in ("VD", "VS")]
    found = read("HallusionBench", write_parquet(tmp_path / "h.parquet", rows))
    assert [one.groups["figure"] for one in found] == ["VD_ocr_0_1", "VS_ocr_0_1"]


@pytest.mark.parametrize(
    ("kind", "figure", "alone"), [("VS", "0", True), ("VS", "1", False), ("VD", "0", False), ("VD", "1", False)]
)
def test_text_alone_is_asked_only_by_hallusionbenchs_figure_0_of_vs(
    tmp_path: Path, kind: str, figure: str, alone: bool
) -> None:
    """Its authors ask questions of VS without a picture too, as figure 0."""
    row = {"index": f"{kind}_chart_0_{figure}_1", "question": "More?", "answer": "Yes", "image": ""}
    row |= {"l2-category": f"{kind}_chart", "category": kind}
    (example,) = read("HallusionBench", write_tsv(tmp_path / "h.tsv", [row]))
    if alone:
        assert example.show() == ()
    else:
        with pytest.raises(ValueError, match=r"row 1 of h\.tsv holds no picture"):
            example.show()


def test_hallusionbench_quotes_the_mean_of_its_accuracies(tmp_path: Path) -> None:
    """Two questions about each of two figures, one of the four wrong: 75, 50 and 50."""
    rows = [
        {"index": f"VD_illusion_image_0_{figure}_{question}", "question": "Longer?", "answer": "Yes"}
        for figure in (0, 1)
        for question in (0, 1)
    ]
    examples = read("HallusionBench", write_tsv(tmp_path / "h.tsv", [row | {"l2-category": "i"} for row in rows]))
    found = [Prediction.of(one, {}, "", Reply(answer="no" if not n else "yes")) for n, one in enumerate(examples)]
    figures = benchmark_score(BENCHMARKS["HallusionBench"], score_predictions(found)).figures
    assert [(one.figure.name, one.share.value) for one in figures] == [
        ("mean of the three", pytest.approx(175 / 3)),
        ("aAcc", 75.0),
        ("fAcc", 50.0),
        ("qAcc", 50.0),
    ]


def test_mathvista_asks_for_choices_and_numbers(tmp_path: Path) -> None:
    rows = [
        {
            "pid": "1",
            "question": "Which?",
            "choices": ["red", "blue"],
            "answer": "blue",
            "question_type": "multi_choice",
        },
        {"pid": "2", "question": "How long?", "unit": "cm", "answer": "1.2", "question_type": "free_form"},
        {"pid": "3", "question": "How long?", "answer": "0.67", "question_type": "free_form", "precision": 2.0},
        {"pid": "4", "question": "How long?", "answer": "1.2", "question_type": "free_form", "precision": 2.0},
        {"pid": "5", "question": "How many?", "answer": "7", "question_type": "free_form", "precision": None},
    ]
    shown = {"image": "images/1.jpg", "decoded_image": struct(), "choices": None, "unit": None, "precision": None}
    types = {"5": {"answer_type": "integer"}}
    rows = [{"answer_type": "float"} | row | types.get(row["pid"], {}) for row in rows]
    choice, number, *precise, whole = read(
        "MathVista", write_parquet(tmp_path / "x.parquet", [shown | row for row in rows])
    )
    assert (choice.family, choice.expected.answers) == ("choice", ("B",))
    assert (number.family, number.expected.answers, number.question) == (
        "short answer",
        ("1.2",),
        "How long? (Unit: cm)",
    )
    asked = [(one.family, one.expected.answers) for one in (*precise, whole)]
    assert asked == [("rounded number", ("0.67",)), ("rounded number", ("1.20",)), ("short answer", ("7",))]
    assert choice.show() == (Image(struct()["bytes"]),)


def test_questions_of_mathvista_are_whole_prompts_in_the_kits_table(tmp_path: Path) -> None:
    """VLMEvalKit's utils/mathvista.py shows some; on the hub they are in `query`, beside the plain question."""
    form = (
        "Please answer the question requiring an integer answer and provide the final value, e.g., 1, 2, 3, at the end."
    )
    free = f"Hint: {form}\nQuestion: How long? (Unit: cm)"
    chosen = "Hint: Please answer and provide the correct option letter.\nQuestion: Which?\nChoices:\n(A) red\n(B) blue"
    base = {"task": "geometry", "unit": "cm", "image": in_base64()}
    rows: list[dict[str, Any]] = [
        base | {"index": 1, "question": free, "answer": "12", "question_type": "free_form"},
        base
        | {"index": 2, "question": chosen, "answer": "blue", "answer_option": "B", "question_type": "multi_choice"},
    ]
    rows[1] |= {"choices": "['red', 'blue']", "unit": ""}
    number, choice = read("MathVista", write_tsv(tmp_path / "MathVista_MINI.tsv", rows))
    assert (number.question, number.hint, number.category) == ("How long? (Unit: cm)", form, "geometry")
    assert (choice.question, choice.hint, choice.expected.answers) == ("Which?", "", ("B",))
    hub = {"pid": "1", "question": "How long?", "query": free, "answer": "12", "question_type": "free_form"}
    hub |= {"unit": "cm", "image": "images/1.jpg", "decoded_image": struct(), "metadata": {"task": "geometry"}}
    (example,) = read("MathVista", write_parquet(tmp_path / "hub.parquet", [hub]))
    assert (example.question, example.hint, example.category) == (number.question, form, "geometry")


@pytest.mark.parametrize(("option", "letter"), [({}, "A"), ({"answer_option": "B"}, "B")])
def test_choices_of_mathvista_may_be_letters(tmp_path: Path, option: dict[str, str], letter: str) -> None:
    """On the hub the answer is the text of a choice; the kit's table has its letter, too."""
    row = {"pid": "1", "question": "Which?", "choices": ["B", "D", "A", "C"], "answer": "B", "decoded_image": struct()}
    row |= {"question_type": "multi_choice", **option}
    (example,) = read("MathVista", write_parquet(tmp_path / "m.parquet", [row]))
    assert example.expected.answers == (letter,)


@pytest.mark.parametrize("in_table", [False, True])
def test_paragraphs_of_omnidocbench_that_go_on_in_the_next_column_are_one(tmp_path: Path, in_table: bool) -> None:
    """Relations of the type "truncated"; the kits' table has the picture, and all else in `answer` as JSON."""
    blocks = [
        {"category_type": "text_block", "order": 3, "anno_id": 7, "text": "river runs."},
        {"category_type": "text_block", "order": 1, "anno_id": 4, "text": "Here the "},
        {"category_type": "figure_caption", "order": 2, "anno_id": 5, "text": "A mill"},
    ]
    page = {
        "layout_dets": blocks,
        "page_info": {"image_path": "a.png", "page_attribute": {"language": "english"}},
        "extra": {
            "relation": [
                {"source_anno_id": 5, "target_anno_id": 4, "relation": "parent_son"},
                {"source_anno_id": 4, "target_anno_id": 7, "relation_type": "truncated"},
            ]
        },
    }
    if in_table:
        place = write_tsv(tmp_path / "o.tsv", [{"index": 0, "image": in_base64(), "answer": json.dumps(page)}])
    else:
        place = tmp_path / "OmniDocBench.json"
        place.write_text(json.dumps([page]))
    (example,) = read("OmniDocBench", place)
    assert (example.expected.answers, example.category) == (("Here the river runs.\n\nA mill",), "english")
    if in_table:
        assert example.show() == (Image(struct()["bytes"]),)


@pytest.mark.parametrize("folder", ["videos", "data", "videomme/videos"])
def test_videos_of_video_mme_lie_beside_the_hubs_folder_of_rows(tmp_path: Path, folder: str) -> None:
    shown = film(tmp_path / folder / "yt.mp4")
    row = {"videoID": "yt", "question_id": "001-1", "question": "Colour?", "options": ["A. red", "B. blue"]}
    write_parquet(tmp_path / "videomme" / "test-00000-of-00001.parquet", [row | {"answer": "B", "duration": "short"}])
    (example,) = read("Video-MME", tmp_path)
    assert (example.expected.answers, example.show()) == (("B",), (Video(shown),))


def test_mlvu_has_a_file_and_a_folder_for_each_kind(tmp_path: Path) -> None:
    """MLVU/MVLU on the hub: two of its files have no choices, durations are seconds, answers are texts."""
    shown = film(tmp_path / "MLVU" / "video" / "1_plotQA" / "a.mp4")
    (tmp_path / "MLVU" / "json").mkdir()
    row = {"video": "a.mp4", "duration": 246.5, "question": "Colour?", "answer": "blue", "question_type": "plotQA"}
    (tmp_path / "MLVU" / "json" / "1_plotQA.json").write_text(json.dumps([row | {"candidates": ["red", "blue"]}]))
    (tmp_path / "MLVU" / "json" / "9_summary.json").write_text(json.dumps([row | {"question_type": "summary"}]))
    (example,) = read("MLVU", tmp_path)
    assert (example.expected.answers, example.category, example.show()) == (("B",), "plotQA", (Video(shown),))


def test_mlvus_table_tells_the_folder_of_each_video(tmp_path: Path) -> None:
    """VLMEvalKit's MLVU_MCQ.tsv: `prefix` and `video`."""
    shown = film(tmp_path / "MLVU" / "video" / "3_ego" / "a.mp4")
    row = {"task_type": "ego", "prefix": "./MLVU/video/3_ego", "duration": 9.5, "video": "a.mp4", "question": "Colour?"}
    row |= {"answer": "blue", "candidates": "['red', 'blue']", "index": 0}
    (example,) = read("MLVU", write_tsv(tmp_path / "MLVU_MCQ.tsv", [row]))
    assert (example.category, example.show()) == ("ego", (Video(shown),))


def test_lmms_evals_mlvu_has_the_choices_below_the_question(tmp_path: Path) -> None:
    row = {"video_name": "a.mp4", "task_type": "count", "question": "How many?\n(A) 2\n(B) 5", "answer": "B"}
    (example,) = read("MLVU", write_parquet(tmp_path / "m.parquet", [row]))
    assert (example.question, dict(example.expected.choices)) == ("How many?", {"A": "2", "B": "5"})


@pytest.mark.parametrize("part", ["public-dataset", "self-collected"])
def test_videos_of_motionbench_lie_in_two_folders(tmp_path: Path, part: str) -> None:
    """zai-org/MotionBench on the hub: `MotionBench/public-dataset` and `.../self-collected` beside the questions."""
    shown = film(tmp_path / "MotionBench" / part / "a_5_6.mp4")
    asked = {"uid": "1", "question": "Colour?\nA. red\nB. blue", "answer": "A", "start": "0.0", "end": "1.0"}
    row = {"key": "a_5_6", "video_path": "a_5_6.mp4", "question_type": "Camera Motion", "qa": [asked]}
    row["qa"] = [asked, asked | {"uid": "2", "answer": "NA"}, asked | {"uid": "3", "answer": None}]
    write_jsonl(tmp_path / "video_info.meta.jsonl", [row])
    (example,) = read("MotionBench", tmp_path)
    assert (example.id, example.category, example.show()) == ("1", "Camera Motion", (Video(shown),))
