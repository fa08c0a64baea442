"""Pictures that others drew: rows become questions, halves are kept apart, and figures are counted by kind."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import seeing

from demiglace import Conversation, Demiglace


@pytest.mark.parametrize(
    ("ask", "row", "kind", "answer"),
    [
        (seeing.easy_vqa, {"question": "what color is it?", "answer": "teal"}, "colour", "teal"),
        (seeing.easy_vqa, {"question": "what is it?", "answer": "circle"}, "form", "circle"),
        (seeing.easy_vqa, {"question": "is it?", "answer": "no"}, "yes or no", "no"),
        (seeing.shapes, {"query": "is a red shape red", "answer": "true"}, "no relation", "yes"),
        (seeing.shapes, {"query": "is a star left of right of a square", "answer": "false"}, "two relations", "no"),
        (seeing.nlvr, {"sentence": "There is a box.", "label": "true"}, "sentence", "true"),
        (seeing.blindtest, {"task": "count_circles", "question": "How many?", "answer": "5"}, "count circles", "5"),
        (seeing.blindtest, {"task": "rows_columns", "question": "Rows?", "answer": "(5, 6)"}, "rows columns", "(5, 6)"),
        (seeing.blindtest, {"task": "nested_squares", "question": "How many?", "answer": "3"}, "nested squares", "3"),
    ],
)  # fmt: skip
def test_a_row_becomes_a_question_with_its_kind(ask, row, kind, answer):
    question = ask(row)
    assert (question.kind, question.answer) == (kind, answer)
    assert question.is_answered_by(f"{answer.capitalize()}.")


def test_the_halves_are_told_by_the_name_alone_and_about_as_large():
    names = [f"{number}.png" for number in range(1000)]
    kept = [name for name in names if seeing.half_of(name) == seeing.KEPT]
    assert 430 < len(kept) < 570
    assert kept[:4] == ["0.png", "2.png", "5.png", "7.png"]


def test_questions_of_a_half_are_about_its_pictures_alone(tmp_path):
    write_set(tmp_path / "nlvr", 20)
    nlvr = seeing.SETS["nlvr"]
    halves = [seeing.questions_of(tmp_path / "nlvr", nlvr, half) for half in (seeing.LOOKED_AT, seeing.KEPT)]
    both = seeing.questions_of(tmp_path / "nlvr", nlvr, seeing.BOTH)
    assert len(halves[0]) + len(halves[1]) == len(both) == 20
    for half, asked in zip((seeing.LOOKED_AT, seeing.KEPT), halves, strict=True):
        assert {seeing.half_of(parts[0].source.name) for parts, _ in asked} == {half}


def test_the_boxes_of_a_picture_are_the_frames_of_one_package(tmp_path):
    picture = Image.new("RGB", (400, 100), "grey")
    for left, colour in zip(seeing.NLVR_LEFTS, ("red", "green", "blue"), strict=True):
        picture.paste(colour, (left, 0, left + seeing.NLVR_BOX, seeing.NLVR_BOX))
    picture.save(tmp_path / "boxes.png")
    video = seeing.three_frames(tmp_path / "boxes.png")
    shown = [frame.getcolors() for frame in video.source]
    assert shown == [[(10_000, colour)] for colour in ((255, 0, 0), (0, 128, 0), (0, 0, 255))]
    sample = Demiglace.load(None).processor.prepare(Conversation.ask("Which?", video))
    assert sample.visual.package_sizes.tolist() == [3]


def test_sets_are_measured_with_intervals_and_absent_ones_skipped(tmp_path):
    write_set(tmp_path / "nlvr", 4)
    report = seeing.run(Demiglace.load(None), tmp_path, seeing.BOTH, 3)
    figures = report["results"]["nlvr"]["all"]
    assert figures["asked"] == 3
    assert 0 <= figures["interval"][0] <= figures["right"] / 3 <= figures["interval"][1] <= 1
    assert set(report["results"]["shapes"]) == {"skipped"}
    assert "| shapes | skipped: no qa.jsonl" in seeing.table(report)


def test_an_interval_holds_the_share():
    low, high = seeing.interval(np.arange(200) % 4 == 0)
    assert 0.17 < low < 0.25 < high < 0.33


def write_set(folder, count):
    folder.mkdir()
    rows = [{"image": f"{n}.png", "sentence": "There is a box.", "label": "true"} for n in range(count)]
    (folder / "qa.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for row in rows:
        Image.new("RGB", (40, 10), (9, 9, 9)).save(folder / row["image"])
