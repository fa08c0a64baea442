import json
from collections.abc import Callable
from pathlib import Path

import PIL.Image
from typer.testing import Result

Run = Callable[..., Result]


def test_counts_are_what_a_question_takes(run: Run, model: Path, page: Path, clip: Path) -> None:
    bills = json.loads(run("tokens", page, clip, "--json", "--package-frames", 4, "--model", model).stdout)
    for file, bill, options in zip((page, clip), bills, ((), ("--package-frames", 4)), strict=True):
        answer = json.loads(
            run("ask", file, "What?", "--model", model, "--json", "--max-new-tokens", 1, *options).stdout
        )
        assert bill["file"] == str(file)
        assert bill["costs"][0]["tokens"] == answer["visual_tokens"]


def test_pages_add_up(run: Run, tmp_path: Path) -> None:
    pages = [PIL.Image.new("RGB", (200, 100), "white") for _ in range(3)]
    pages[0].save(tmp_path / "three.pdf", save_all=True, append_images=pages[1:], resolution=144)
    (bill,) = json.loads(run("tokens", tmp_path / "three.pdf", "--pages", "2-3", "--json").stdout)
    assert bill["holds"] == "pages: 2"
    assert [(cost["name"], cost["tokens"]) for cost in bill["costs"]] == [
        ("Demiglace", 2 * 64),
        ("Qwen2.5-VL", 2 * 7 * 4),
        ("Qwen3-VL", 2 * 12 * 6),
        ("InternVL3", 2 * 256 * 3),
    ]


def test_pages_of_a_tiff_add_up(run: Run, tmp_path: Path) -> None:
    pages = [PIL.Image.new("1", (200, 100), "white") for _ in range(3)]
    pages[0].save(tmp_path / "three.tif", save_all=True, append_images=pages[1:], compression="group4")
    (bill,) = json.loads(run("tokens", tmp_path / "three.tif", "--pages", "2-3", "--json").stdout)
    assert (bill["holds"], bill["costs"][0]["tokens"]) == ("pages: 2", 2 * 64)
    (bill,) = json.loads(run("tokens", tmp_path / "three.tif", "--json").stdout)
    assert (bill["holds"], bill["costs"][0]["tokens"]) == ("pages: 3", 3 * 64)


def test_slicing_options_count(run: Run, model: Path, page: Path) -> None:
    (bill,) = json.loads(run("tokens", page, "--json", "--max-slices", 1, "--model", model).stdout)
    assert (bill["costs"][0]["pictures"], bill["costs"][0]["tokens"]) == (1, 64)


def test_the_table_has_the_sum(run: Run, model: Path, page: Path, clip: Path) -> None:
    rows = [line.split() for line in run("tokens", page, clip, "--model", model).stdout.splitlines() if line.strip()]
    ours = {row[0]: row[1:4] for row in rows if row[0] in ("page.png", "clip.mp4", "all")}
    assert ours == {"page.png": ["3", "3", "192"], "clip.mp4": ["6", "6", "384"], "all": ["9", "9", "576"]}


def test_what_a_model_refuses_is_said(run: Run, tmp_path: Path) -> None:
    PIL.Image.new("RGB", (2100, 10)).save(tmp_path / "strip.png")
    assert "refused" in run("tokens", tmp_path / "strip.png").stdout


def test_it_is_said_by_which_arithmetic_others_are_counted(run: Run, page: Path) -> None:
    lines = run("tokens", page).stdout.splitlines()
    assert sum("qwen-vl-utils 0.0.14" in line or "transformers 5.23" in line for line in lines) == 2
    (bill,) = json.loads(run("tokens", page, "--json").stdout)
    counted_as = {cost["name"]: cost["counted_as"] for cost in bill["costs"]}
    assert counted_as["Demiglace"] is None
    assert "115,200" in counted_as["Qwen2.5-VL"]


def test_a_slow_clip_has_no_more_frames_for_others_than_it_holds(run: Run, tmp_path: Path) -> None:
    frames = [PIL.Image.new("RGB", (60, 40), (60 * number, 0, 90)) for number in range(3)]
    frames[0].save(tmp_path / "slow.gif", save_all=True, append_images=frames[1:], duration=5000)
    (bill,) = json.loads(run("tokens", tmp_path / "slow.gif", "--as-video", "--json").stdout)
    assert [cost["pictures"] for cost in bill["costs"]] == [3, 2, 3, 3]


def test_a_clip_that_does_not_fit_is_counted_as_it_will_be_taken(run: Run, short_model: Path, clip: Path) -> None:
    (bill,) = json.loads(run("tokens", clip, "--json", "--model", short_model).stdout)
    answer = json.loads(run("ask", clip, "What?", "--model", short_model, "--json", "--max-new-tokens", 1).stdout)
    assert bill["costs"][0]["tokens"] == answer["visual_tokens"] == 3 * 64
    assert [bill["note"]] == answer["notes"]
    assert bill["note"] in run("tokens", clip, "--model", short_model).stdout.splitlines()
    assert json.loads(run("tokens", clip, "--json", "--model", short_model, "--fps", 3).stdout)[0]["note"] == ""


def test_files_shown_together_share_the_room(run: Run, short_model: Path, page: Path, clip: Path) -> None:
    bills = json.loads(run("tokens", page, clip, "--json", "--model", short_model, "--max-slices", 1).stdout)
    assert [bill["costs"][0]["tokens"] for bill in bills] == [64, 128]
    shown = (page, clip, "What?", "--model", short_model, "--max-slices", 1, "--json", "--max-new-tokens", 1)
    assert json.loads(run("ask", *shown).stdout)["visual_tokens"] == 64 + 128


def test_a_room_too_small_for_one_package_is_told(run: Run, short_model: Path, page: Path, clip: Path) -> None:
    bills = json.loads(run("tokens", page, page, clip, "--json", "--model", short_model).stdout)
    assert [bill["costs"][0]["tokens"] for bill in bills] == [192, 192, 384]
    assert "room for 299" in bills[2]["note"]


def test_without_a_model_it_is_told_what_the_one_that_ships_takes(run: Run, tmp_path: Path) -> None:
    first, *others = (PIL.Image.new("RGB", (60, 40), (i, 0, 90)) for i in range(120))
    first.save(tmp_path / "long.gif", save_all=True, append_images=others, duration=200)
    (bill,) = json.loads(run("tokens", tmp_path / "long.gif", "--as-video", "--json").stdout)
    assert bill["costs"][0]["tokens"] == 4608
    assert bill["note"].startswith("asked without --model, ")
    assert "all 72 frames in 36 packages of 2" in bill["note"]
