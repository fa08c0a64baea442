"""Every public benchmark reads its public layouts: the question, the right answer, the prompt and the category."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from public_layouts import in_base64, png, struct, write_jsonl, write_parquet, write_tsv

from demiglace.conversation import Image, Text, Video
from demiglace.evaluation.benchmark import Example
from demiglace.evaluation.benchmark_names import BENCHMARKS, benchmark_named
from demiglace.evaluation.inference_settings import conversation_of, default_settings
from demiglace.evaluation.prediction import Prediction, Reply
from demiglace.evaluation.scores import benchmark_score, score_predictions

CHOICES = {"A": "red", "B": "blue"}
PICTURE = {"image": in_base64()}


def read(name: str, place: Path) -> list[Example]:
    return list(BENCHMARKS[name].examples(place))


def prompt(name: str, example: Example, long: bool = False) -> str:
    return BENCHMARKS[name].prompt(example, long)


def test_mmbench_groups_rotations_and_shares_pictures(tmp_path: Path) -> None:
    base = {
        "index": 241,
        "question": "Colour?",
        "hint": "Look.",
        **CHOICES,
        "answer": "A",
        "l2-category": "colours",
        **PICTURE,
    }
    write_tsv(tmp_path / "MMBench_DEV_EN_V11.tsv", [base, {**base, "index": 1000241, "answer": "B", "image": "241"}])
    one, other = read("MMBench", tmp_path)
    assert one.groups == other.groups == {"rotations": "241"}
    assert (one.expected.answers, other.expected.answers, one.category) == (("A",), ("B",), "colours")
    assert other.show() == one.show()
    assert prompt("MMBench", one) == (
        "Hint: Look.\nQuestion: Colour?\nOptions:\nA. red\nB. blue\n"
        "Please select the correct answer from the options above."
    )
    assert prompt("MMBench", one, long=True).endswith('in the format of "Answer: …".')


@pytest.mark.parametrize("name", ["MMStar", "AI2D", "MMMU"])
def test_choices_of_a_tsv(tmp_path: Path, name: str) -> None:
    row = {"index": 0, "question": "Colour?", **CHOICES, "answer": "B", "category": "c", **PICTURE}
    (example,) = read(name, write_tsv(tmp_path / f"{name}.tsv", [row]))
    assert (example.expected.answers, dict(example.expected.choices), example.category) == (("B",), CHOICES, "c")


def test_the_hubs_mmstar_has_choices_in_the_question(tmp_path: Path) -> None:
    question = "Colour?\nOptions: A: red, dark, B: blue"
    row = {"index": 0, "question": question, "answer": "B", "category": "c", "l2_category": "d", "image": struct()}
    (example,) = read("MMStar", write_parquet(tmp_path / "MMStar.parquet", [row]))
    assert (example.question, dict(example.expected.choices)) == ("Colour?", {"A": "red, dark", "B": "blue"})


def test_the_hubs_ai2d_numbers_its_choices(tmp_path: Path) -> None:
    row = {"question": "How many?", "options": ["3", "1", "0"], "answer": "1", "image": struct()}
    (example,) = read("AI2D", write_parquet(tmp_path / "AI2D.parquet", [row]))
    assert example.expected.answers == ("B",)


def test_mmmu_puts_pictures_where_they_are_named(tmp_path: Path) -> None:
    row = {"id": "val_1", "question": "Is <image 2> as <image 1>?", "options": "['yes', '<image 3>']", "answer": "A"}
    row |= {"question_type": "multiple-choice", "image_1": struct("red"), "image_2": struct("blue"), "subfield": "Art"}
    (example,) = read("MMMU", write_parquet(tmp_path / "MMMU.parquet", [row]))
    asked = conversation_of(BENCHMARKS["MMMU"], example, default_settings(BENCHMARKS["MMMU"], False))
    first, second, third, fourth, rest = asked.messages[0].content
    assert isinstance(first, Text)
    assert first.text == "Question: Is "
    assert (second, third, fourth) == (Image(struct("blue")["bytes"]), Text(" as "), Image(struct("red")["bytes"]))
    assert isinstance(rest, Text)
    assert rest.text.startswith("?\nOptions:\nA. yes\nB. <image 3>")


def test_mmmu_shows_a_picture_at_each_of_its_marks(tmp_path: Path) -> None:
    row = {"id": "val_1", "question": "In <image 1> x is 5. Find y in <image 1>.", "options": "['<image 2>', '2']"}
    row |= {"answer": "A", "image_1": struct("red"), "image_2": struct("blue")}
    (example,) = read("MMMU", write_parquet(tmp_path / "MMMU.parquet", [row]))
    asked = conversation_of(BENCHMARKS["MMMU"], example, default_settings(BENCHMARKS["MMMU"], False))
    red, blue = (Image(struct(colour)["bytes"]) for colour in ("red", "blue"))
    before, *shown, rest = asked.messages[0].content
    assert before == Text("Question: In ")
    assert shown == [red, Text(" x is 5. Find y in "), red, Text(".\nOptions:\nA. "), blue]
    assert isinstance(rest, Text)
    assert rest.text.startswith("\nB. 2\n")


def test_pictures_without_a_mark_come_first_in_order(tmp_path: Path) -> None:
    row = {"id": "val_1", "question": "Is <image 3> the odd one?", "options": "['yes', 'no']", "answer": "A"}
    row |= {f"image_{number}": struct(colour) for number, colour in enumerate(("red", "blue", "green"), start=1)}
    (example,) = read("MMMU", write_parquet(tmp_path / "MMMU.parquet", [row]))
    asked = conversation_of(BENCHMARKS["MMMU"], example, default_settings(BENCHMARKS["MMMU"], False))
    first, second, _, third, _ = asked.messages[0].content
    assert [first, second, third] == [Image(struct(colour)["bytes"]) for colour in ("red", "blue", "green")]


def test_open_questions_of_mmmu(tmp_path: Path) -> None:
    tsv = {"index": 1, "id": "a", "question": "How many?", "A": "12", "B": "Other Answers", "answer": "A", **PICTURE}
    (example,) = read("MMMU", write_tsv(tmp_path / "a.tsv", [tsv]))
    assert (example.family, example.expected.answers) == ("open question of MMMU", ("12",))
    hub = {
        "id": "b",
        "question": "How many?",
        "options": "[]",
        "answer": "12",
        "question_type": "open",
        "image_1": struct(),
    }
    (example,) = read("MMMU", write_parquet(tmp_path / "b.parquet", [hub]))
    assert (example.family, example.expected.answers) == ("open question of MMMU", ("12",))


@pytest.mark.parametrize(
    ("name", "family", "answers", "column"),
    [
        ("DocVQA", "ANLS", ["Paris", "PARIS"], "answers"),
        ("InfoVQA", "ANLS", ["12%"], "answers"),
        ("ChartQA", "relaxed number", ["12"], "answer"),
        ("TextVQA", "VQA accuracy", ["stop"] * 10, "answers"),
        ("OCRBench", "contained text", ["STOP"], "answer"),
    ],
)
def test_questions_about_documents(tmp_path: Path, name: str, family: str, answers: list[str], column: str) -> None:
    hub = {"question": "What?", column: answers, "image": struct()}
    written = answers[0] if name == "ChartQA" else str(answers)
    tsv = {"index": 0, "question": "What?", "answer": written, **PICTURE}
    files = (write_parquet(tmp_path / "a.parquet", [hub]), write_tsv(tmp_path / "b.tsv", [tsv]))
    for file in files:
        (example,) = read(name, file)
        assert (example.family, example.expected.answers) == (family, tuple(answers))
        assert example.show() == (Image(struct()["bytes"]),)
    (example,) = read(
        name, write_jsonl(tmp_path / "c.jsonl", [{"question": "What?", "answer": answers, "image": "d.png"}])
    )
    with pytest.raises(ValueError, match=r"row 1 of c\.jsonl names d\.png, which is not in"):
        example.show()


def test_formulas_of_ocrbench_are_compared_as_formulas(tmp_path: Path) -> None:
    row = {"index": 1, "question": "Write.", "answer": "['x^2']", **PICTURE}
    row["category"] = "Handwritten Mathematical Expression Recognition"
    (example,) = read("OCRBench", write_tsv(tmp_path / "o.tsv", [row]))
    assert example.family == "contained formula"


def test_hallusionbench_groups_figures_and_questions(tmp_path: Path) -> None:
    tsv = {
        "index": "VD_illusion_image_0_1_2",
        "question": "Longer?",
        "answer": "No",
        "l2-category": "VD_illusion",
        **PICTURE,
    }
    hub = {
        "category": "VD",
        "subcategory": "illusion",
        "set_id": "0",
        "figure_id": "1",
        "question_id": "2",
        "question": "Longer?",
    }
    hub |= {"gt_answer": "0", "image": struct()}
    wanted = {"figure": "VD_illusion_0_1", "question": "VD_illusion_0_2", "set": "VD_illusion_0"}
    for file in (write_tsv(tmp_path / "a.tsv", [tsv]), write_parquet(tmp_path / "b.parquet", [hub])):
        (example,) = read("HallusionBench", file)
        assert (example.groups, example.expected.answers) == (wanted, ("no",))


def test_mmvet_needs_a_judge(tmp_path: Path) -> None:
    row = {"index": 0, "question": "What?", "answer": "cat<OR>dog", "category": "rec", **PICTURE}
    (example,) = read("MMVet", write_tsv(tmp_path / "MMVet.tsv", [row]))
    judge = BENCHMARKS["MMVet"].judge
    assert judge is not None
    assert "Prediction: a cat\n" in judge(example.question, example.expected.answers[0], "a cat")


@pytest.mark.parametrize(("name", "category"), [("Video-MME", "short"), ("MLVU", "plotQA")])
def test_questions_about_videos_by_rows(tmp_path: Path, name: str, category: str) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "abc.mp4").write_bytes(b"film")
    row = {
        "index": 0,
        "video": "abc",
        "duration": "short",
        "task_type": "plotQA",
        "question": "Colour?",
        "candidates": "['A. red', 'B. blue']",
        "answer": "B",
    }
    (example,) = read(name, write_tsv(tmp_path / f"{name}.tsv", [row]))
    assert (example.expected.answers, dict(example.expected.choices), example.category) == (("B",), CHOICES, category)
    (part,) = example.show()
    assert isinstance(part, Video)
    assert prompt(name, example).startswith("Colour?\nA. red\nB. blue\n")


@pytest.mark.parametrize(("name", "mark"), [("LVBench", "({}) "), ("MotionBench", "{}. ")])
def test_questions_about_videos_by_video(tmp_path: Path, name: str, mark: str) -> None:
    question = "\n".join(["Colour?", mark.format("A") + "red", mark.format("B") + "blue"])
    asked = [{"uid": "1", "question": question, "answer": "B", "question_type": ["a", "b"]}]
    withheld = {"uid": "2", "question": question, "answer": "NA"}
    row = {"key": "abc.mp4", "type": "cartoon", "qa": [*asked, *([withheld] if name == "MotionBench" else [])]}
    (example,) = read(name, write_jsonl(tmp_path / "video_info.meta.jsonl", [row]))
    assert (example.id, example.question, example.expected.answers, example.category) == (
        "1",
        "Colour?",
        ("B",),
        "a, b",
    )


def test_omnidocbench_reads_blocks_in_order(tmp_path: Path) -> None:
    blocks = [
        {"category_type": "table", "order": 2, "html": "<table><tr><td>a</td></tr></table>", "ignore": False},
        {"category_type": "equation_isolated", "order": 3, "latex": "x^2", "ignore": False},
        {"category_type": "title", "order": 1, "text": "Title", "ignore": False},
        {"category_type": "footer", "order": 3, "text": "7", "ignore": False},
        {"category_type": "text_block", "order": 4, "text": "no", "ignore": True},
    ]
    page = {"layout_dets": blocks, "page_info": {"image_path": "a.png", "page_attribute": {"language": "english"}}}
    (tmp_path / "OmniDocBench.json").write_text(json.dumps([page]))
    (example,) = read("OmniDocBench", tmp_path)
    table = "<table><tr><td>a</td></tr></table>"
    assert (example.expected.answers, example.category) == ((f"Title\n\n{table}\n\n$$\nx^2\n$$",), "english")
    found = Prediction.of(example, {}, "", Reply(answer=f"{table}\n\nTitle"))
    figures = benchmark_score(BENCHMARKS["OmniDocBench"], score_predictions([found])).figures
    assert [(one.figure.name, one.share.value) for one in figures] == [
        ("text", 100.0),
        ("reading order", 100.0),
        ("tables, TEDS", 100.0),
        ("formulas", 0.0),
    ]


def test_objhalbench_knows_objects_by_outlines_and_captions(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "obj_halbench_300_with_image.jsonl", [{"image_id": 7, "question": "Describe.", **PICTURE}])
    with pytest.raises(ValueError, match=r"holds no synonyms\*\.txt"):
        read("ObjHalBench", tmp_path)
    (tmp_path / "synonyms.txt").write_text("person, woman, man\ndog, puppy\ncup, mug\n")
    outlines = [{"image_id": 7, "category_id": 1}, {"image_id": 8, "category_id": 3}]
    categories = [{"id": 1, "name": "person"}, {"id": 3, "name": "cup"}]
    (tmp_path / "instances_val2014.json").write_text(json.dumps({"annotations": outlines, "categories": categories}))
    captions = {"annotations": [{"image_id": 7, "caption": "A man walks two puppies and a dog."}]}
    (tmp_path / "captions_val2014.json").write_text(json.dumps(captions))
    (example,) = read("ObjHalBench", tmp_path)
    assert example.expected.answers == ("dog", "person")
    replies = [Reply(answer="A woman with a dog."), Reply(answer="A woman drinks from a mug, another mug, a dog.")]
    found = [Prediction.of(example, {}, "", reply) for reply in replies]
    shares = benchmark_score(BENCHMARKS["ObjHalBench"], score_predictions(found)).figures
    assert [one.share.value for one in shares] == [50.0, pytest.approx(100 * 2 / 6)]


def test_tables_of_a_folder_are_scored_by_teds(tmp_path: Path) -> None:
    table = "<table><tr><td>a</td><td>b</td></tr></table>"
    (tmp_path / "one.png").write_bytes(png())
    with pytest.raises(ValueError, match=r"1 pictures, but 0 with a \.html"):
        read("tables", tmp_path)
    (tmp_path / "one.html").write_text(table)
    (example,) = read("tables", tmp_path)
    found = Prediction.of(example, {}, "", Reply(answer=table))
    assert benchmark_score(BENCHMARKS["tables"], score_predictions([found])).figures[0].share.value == 100.0


def test_another_layout_is_told(tmp_path: Path) -> None:
    file = write_tsv(tmp_path / "x.tsv", [{"prompt": "What?", "reply": "B"}])
    for name in ("MMBench", "DocVQA", "HallusionBench", "Video-MME"):
        with pytest.raises(ValueError, match=r"row 1 of x\.tsv holds nothing in .*; its columns are: prompt, reply"):
            read(name, file)


def test_names_are_found_whatever_their_writing_and_near_ones_are_told() -> None:
    assert benchmark_named("video_mme").name == "Video-MME"
    with pytest.raises(ValueError, match="unknown benchmark 'MMBnch'; similar: MMBench"):
        benchmark_named("MMBnch")
    with pytest.raises(ValueError, match="choose from drawn, easy_vqa"):
        benchmark_named("xyzzy")


def test_every_benchmark_that_needs_data_says_so_without_a_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", _unreachable)
    for benchmark in BENCHMARKS.values():
        if benchmark.needs_data:
            with pytest.raises(ValueError, match=r"PATH|cannot be downloaded|FOLDER"):
                next(iter(benchmark.examples(None)))


def _unreachable(*_: object, **__: object) -> str:
    from huggingface_hub.errors import LocalEntryNotFoundError

    raise LocalEntryNotFoundError("no network")
