"""`demiglace eval` and `demiglace compare` as a user types them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fsspec import filesystem
from public_layouts import in_base64, png, write_jsonl, write_tsv
from typer.testing import Result

Run = Callable[..., Result]

NOBODY = ("--server", "http://127.0.0.1:9/v1", "--retries", 0)
COLOURS = ("red", "blue", "green", "black")


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Four questions in the form of easy-VQA, one of them about a picture that is broken."""
    for colour in COLOURS:
        (tmp_path / f"{colour}.png").write_bytes(png(colour))
    (tmp_path / "black.png").write_bytes(b"no picture")
    rows = [{"image": f"{colour}.png", "question": "what color is the shape?", "answer": colour} for colour in COLOURS]
    return write_jsonl(tmp_path / "qa.jsonl", rows)


def ask(run: Run, model: Path | str, questions: Path, out: Path, *more: object) -> Result:
    arguments = ("--dtype", "float32", "--max-new-tokens", 4, *more)
    return run("eval", model, f"easy_vqa={questions}", "--out", out, *arguments)


def test_a_report_is_written_and_nothing_is_asked_twice(run: Run, model: Path, questions: Path, tmp_path: Path) -> None:
    result = ask(run, model, questions, tmp_path / "out")
    assert result.exit_code == 0
    assert "| easy_vqa | accuracy |" in result.stdout
    assert "easy_vqa: 1 failed: " in result.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert {name: report["benchmarks"]["easy_vqa"][name] for name in ("asked", "failed", "cut")} == {
        "asked": 4,
        "failed": 1,
        "cut": 3,
    }
    assert (tmp_path / "out" / "report.png").read_bytes().startswith(b"\x89PNG")
    predictions = tmp_path / "out" / "easy_vqa" / "predictions.jsonl"
    before = predictions.read_text().splitlines()
    assert ask(run, model, questions, tmp_path / "out").exit_code == 0
    assert predictions.read_text().splitlines()[: len(before)] == before
    assert len(predictions.read_text().splitlines()) == len(before) + 1  # what failed is tried again


def test_data_are_taken_from_a_store_by_their_address(
    run: Run, model: Path, questions: Path, memory: str, tmp_path: Path
) -> None:
    filesystem("memory").put([str(path) for path in questions.parent.glob("*.*")], f"{memory}/easy/")
    far, near = f"{memory}/easy/", ask(run, model, questions, tmp_path / "near")
    stale = tmp_path / "far" / "easy_vqa" / "data" / "left"
    stale.parent.mkdir(parents=True)
    stale.write_text("by a run that was killed")
    result = run(
        "eval", model, f"easy_vqa={far}", "--out", tmp_path / "far", "--dtype", "float32", "--max-new-tokens", 4,
        "--cache", tmp_path / "cache",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert result.stdout.replace("far/easy_vqa/data/", "") == near.stdout  # the broken picture's place
    assert not stale.parent.exists()
    assert json.loads((tmp_path / "far" / "easy_vqa" / "settings.json").read_text())["data"] == far
    small = ("--cache", tmp_path / "small", "--cache-gb", 1e-7)
    refused = run("eval", model, f"easy_vqa={far}", "--out", tmp_path / "small out", *small)
    assert (refused.exit_code, "bytes in all, more than the 100 of the cache" in refused.stderr) == (2, True)


def test_the_engine_and_transformers_give_the_same_answers(run: Run, questions: Path, tmp_path: Path) -> None:
    ask(run, "nano", questions, tmp_path / "engine")
    ask(run, "nano", questions, tmp_path / "transformers", "--backend", "transformers")
    result = run("compare", tmp_path / "engine", tmp_path / "transformers", "--json", "--html", tmp_path / "page.html")
    found = json.loads(result.stdout)["easy_vqa"]
    assert (found["compared"], found["left_out"], found["changes"]) == (3, 1, {})
    answers = [
        {
            line["id"]: line["reply"]["raw"]
            for line in map(json.loads, (folder / "easy_vqa" / "predictions.jsonl").open())
        }
        for folder in (tmp_path / "engine", tmp_path / "transformers")
    ]
    assert answers[0] == answers[1]
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_other_settings_are_refused_with_both(run: Run, model: Path, questions: Path, tmp_path: Path) -> None:
    ask(run, model, questions, tmp_path / "out")
    result = ask(run, model, questions, tmp_path / "out", "--think")
    assert result.exit_code == 2
    assert '"thinking": false' in result.stderr
    assert '"thinking": true' in result.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("--backend", "transformers", "--dtype", "float32"), ("--backend", "transformers", "--dtype", "bfloat16")),
        (NOBODY, (*NOBODY, "--plain-server")),
        (NOBODY, (*NOBODY, "--frames-as-pictures")),
    ],
)
def test_answers_of_other_options_of_a_backend_are_not_mixed(
    run: Run, questions: Path, tmp_path: Path, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    arguments = ("eval", "nano", f"easy_vqa={questions}", "--out", tmp_path, "--max-new-tokens", 2)
    run(*arguments, *before)
    file = tmp_path / "easy_vqa" / "predictions.jsonl"
    file.write_text(re.sub('"error": "[^"]*"', '"error": ""', file.read_text()))  # nobody answered there
    refused = run(*arguments, *after)
    assert (refused.exit_code, "holds answers of model" in refused.stderr) == (2, True), refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nano", "easy_vga"), "unknown benchmark 'easy_vga'; similar: easy_vqa"),
        (("nano", "drawn=x"), "drawn makes its own questions"),
        (("nano", "DocVQA=missing.tsv"), "missing.tsv is neither a file nor a folder"),
        (("nano", "lines"), "lines has to be given"),
        (("nano", "drawn", "--rules", "mine"), "unknown rules 'mine'"),
        (
            ("nano", "drawn", "--rules", "lmms-eval-0.7.3"),
            "drawn: the rules 'lmms-eval-0.7.3' do not score 'short answer'",
        ),
        (("nano", "drawn", "--settings", "paper"), "the paper has no settings for drawn"),
        (("nano", "drawn", "--judge", "http://x"), "--judge and --judge-model require each other"),
        (("m", "drawn", "--server", "http://x/v1", "--adapter", "a"), "--adapter is for our engine"),
        (("nano", "drawn", "--plain-server"), "--plain-server is for a server, and --server was not given"),
        (("nano", "drawn", "--timeout", 9), "--timeout is for a server, and --server was not given"),
        (("nano", "drawn", "--retries", 2), "--retries is for a server, and --server was not given"),
        (("nano", "easy_vqa", "--fps", 5), "--fps is for videos, and there are none in easy_vqa"),
        (("nano", "IFEval=x", "easy_vqa", "--package-frames", 6), "for videos, and there are none in IFEval, easy_vqa"),
        (
            ("m", "drawn", "--server", "http://x/v1", "--backend", "transformers"),
            "--backend is for our engine, and --server was chosen",
        ),
        (("nano", "drawn", "--backend", "transformers", "--concurrency", 4), "--concurrency is for our engine"),
        (("nano", "drawn", "--judge", "http://x", "--judge-model", "m"), "--judge has no effect: drawn needs no judge"),
        (("nano", "drawn", "--judge-key-file", __file__), "--judge-key-file is for a judge, and --judge was not given"),
        (("nano", "drawn", "MMVet=x", "--data", "y"), "--data has no effect: each benchmark has data of its own"),
    ],
)
def test_mistakes_are_one_line(run: Run, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    result = run("eval", *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_nothing_is_asked_where_the_rules_do_not_score_one_of_the_benchmarks(run: Run, tmp_path: Path) -> None:
    row = {"index": 0, "question": "Which?", "A": "red", "B": "blue", "answer": "A", "image": in_base64()}
    stars = f"MMStar={write_tsv(tmp_path / 'MMStar.tsv', [row])}"
    rules = ("--rules", "vlmevalkit-2026-08", "--max-new-tokens", 1, "--out", tmp_path / "out")
    refused = run("eval", "nano", stars, "easy_vqa=" + str(tmp_path / "MMStar.tsv"), *rules)
    assert (refused.exit_code, len(refused.stderr.strip().splitlines())) == (2, 1)
    assert "easy_vqa: the rules 'vlmevalkit-2026-08' do not score 'short answer'; they score choice" in refused.stderr
    assert not list((tmp_path / "out").rglob("*.jsonl"))
    assert run("eval", "nano", stars, *rules).exit_code == 0


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("MMBench=nowhere", "nowhere is neither a file nor a folder"),
        ("AI2D={}/AI2D.tsv", "row 2 of AI2D.tsv has the answer 'E', but its choices are A, B"),
    ],
)
def test_nothing_is_asked_where_the_data_of_a_later_benchmark_are_bad(
    run: Run, tmp_path: Path, bad: str, told: str
) -> None:
    row = {"index": 0, "question": "Which?", "A": "red", "B": "blue", "answer": "A", "image": in_base64()}
    stars = f"MMStar={write_tsv(tmp_path / 'MMStar.tsv', [row])}"
    write_tsv(tmp_path / "AI2D.tsv", [row, row | {"index": 1, "answer": "E"}])
    refused = run("eval", "nano", stars, bad.format(tmp_path), "--max-new-tokens", 1, "--out", tmp_path / "out")
    assert (refused.exit_code, told in refused.stderr) == (2, True)
    assert not list((tmp_path / "out").rglob("*.jsonl"))


def test_the_report_covers_all_benchmarks_in_the_folder(run: Run, model: Path, questions: Path, tmp_path: Path) -> None:
    """Their data may be gone; what other weights answered, or the rules do not score, is left out."""
    out, row = tmp_path / "out", {"index": 0, "question": "Which?", "A": "red", "B": "blue", "answer": "A"}
    ask(run, model, questions, out)
    questions.unlink()
    stars = f"MMStar={write_tsv(tmp_path / 'MMStar.tsv', [row | {'image': in_base64()}])}"
    arguments = ("eval", model, stars, "--out", out, "--dtype", "float32", "--max-new-tokens", 4)
    told = run(*arguments)
    assert (told.exit_code, "| easy_vqa | accuracy |" in told.stdout) == (0, True)
    found = json.loads((out / "report.json").read_text())["benchmarks"]
    assert list(found) == ["MMStar", "easy_vqa"]
    assert (found["easy_vqa"]["asked"], found["easy_vqa"]["failed"]) == (4, 1)
    by_kit = run(*arguments, "--rules", "vlmevalkit-2026-08")
    assert (by_kit.exit_code, "easy_vqa is not in the report: the rules" in by_kit.stderr) == (0, True)
    assert list(json.loads((out / "report-vlmevalkit-2026-08.json").read_text())["benchmarks"]) == ["MMStar"]
    settings = out / "easy_vqa" / "settings.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"weights": "other"}))
    left_out = run(*arguments)
    assert "easy_vqa is not in the report: other weights answered it" in left_out.stderr
    assert list(json.loads((out / "report.json").read_text())["benchmarks"]) == ["MMStar"]


def test_a_benchmark_of_failures_alone_ends_with_a_line_and_a_report(run: Run, tmp_path: Path) -> None:
    result = run("eval", "m", "drawn", "--limit", 2, *NOBODY, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "drawn: all 2 requests failed, the first: http://127.0.0.1:9/v1, 1 tries" in result.stderr
    assert "| drawn | none |" in result.stdout
    assert not (tmp_path / "out" / "report.png").exists()


def test_an_empty_set_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "qa.jsonl").write_text("")
    result = run("eval", "nano", f"easy_vqa={tmp_path / 'qa.jsonl'}", "--out", tmp_path / "out")
    assert (result.exit_code, "easy_vqa has 0 examples" in result.stderr) == (2, True)


def test_a_missing_extra_is_named_before_anything_else(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    told = "rapidfuzz is missing: pip install 'demiglace[eval]'"
    for arguments in (("eval", "nano", "drawn", "--out", tmp_path / "out"), ("compare", tmp_path, tmp_path)):
        refused = run(*arguments)
        assert (refused.exit_code, told in refused.stderr) == (2, True), refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1


def test_folders_without_a_common_benchmark_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    result = run("compare", tmp_path / "a", tmp_path / "a")
    assert (result.exit_code, "no benchmark was asked in both" in result.stderr) == (2, True)
