import json
import os
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest
from sheets import PAGES, sheet
from typer.testing import Result

from demiglace import Demiglace
from demiglace.folder_lock import locked
from demiglace.inference import page_reading
from demiglace.media.pictures import open_picture
from demiglace.model.hub import folder_of

Run = Callable[..., Result]


def test_text_goes_to_stdout(run: Run, image: Path) -> None:
    result = run("read", image)
    expected = page_reading.read_page(Demiglace.load(), open_picture(image))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == expected.text + "\n"


def test_several_pages_get_headings(run: Run, image: Path, document: Path) -> None:
    headings = [line for line in run("read", document).stdout.splitlines() if "---" in line]
    assert headings == [f"--- three.pdf, page {number} ---" for number in (1, 2, 3)]
    assert "---" not in run("read", document, "--pages", 2).stdout
    headings = [line for line in run("read", image, document, "--pages", 2).stdout.splitlines() if "---" in line]
    assert headings == ["--- image.png, page 1 ---", "--- three.pdf, page 2 ---"]


def test_the_pages_of_a_tiff_are_read_as_those_of_a_pdf(run: Run, tmp_path: Path) -> None:
    scan = tmp_path / "scan.tif"
    first, *others = (sheet(text).convert("1") for text in PAGES)
    first.save(scan, save_all=True, append_images=others, compression="group4")
    told = run("read", scan).stdout
    assert re.findall("--- scan.tif, page (.) ---", told) == ["1", "2", "3"]
    assert run("read", scan, "--pages", 2).stdout in told
    assert run("read", scan, "--pages", 4).exit_code == 1


def test_pages_are_refused_where_no_file_has_any(run: Run, image: Path, document: Path) -> None:
    result = run("read", image, "--pages", 2)
    line = "demiglace: --pages 2 chooses pages of PDFs and TIFFs, and no file given is one\n"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", line)


def test_json_tells_regions_and_confidence(run: Run, image: Path) -> None:
    told = json.loads(run("read", image, "--json").stdout)
    (page,) = told["pages"]
    (region,) = page["regions"]
    (line,) = region["lines"]
    assert told["file"] == str(image)
    assert (page["page"], page["width"], page["height"], page["text"]) == (1, 300, 200, region["text"])
    assert 0 < region["confidence"] <= 1
    assert line["text"] == region["text"]
    left, top, right, bottom = line["box"]
    assert 30 < left < right < 200
    assert 50 < top < bottom < 110


def test_files_of_their_own(run: Run, image: Path, document: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    assert run("read", image, document, "--out", out).stdout == ""
    assert sorted(path.name for path in out.glob("[!.]*")) == ["image.txt", "three.txt"]
    assert (out / "image.txt").read_text() == run("read", image).stdout
    assert run("read", document, "--out", out, "--json").exit_code == 0
    assert [page["page"] for page in json.loads((out / "three.json").read_text())["pages"]] == [1, 2, 3]


def test_what_is_finished_is_left_alone(run: Run, image: Path, tmp_path: Path) -> None:
    assert run("read", image, "--out", tmp_path).stderr == ""
    (tmp_path / "image.txt").write_text("corrected by hand")
    result = run("read", image, "--out", tmp_path)
    assert result.stderr == f"1 of 1 files are finished already in {tmp_path}\n"
    assert (tmp_path / "image.txt").read_text() == "corrected by hand"


def test_a_text_of_unknown_origin_is_neither_overwritten_nor_taken_for_the_result(
    run: Run, image: Path, document: Path, tmp_path: Path
) -> None:
    (tmp_path / "image.txt").write_text("mine")
    result = run("read", image, document, "--out", tmp_path)
    assert result.exit_code == 1
    line = f"the origin of {tmp_path / 'image.txt'} is unknown: remove it, or choose another folder"
    assert result.stderr == f"demiglace: {line}\n"
    assert (tmp_path / "image.txt").read_text() == "mine"
    assert (tmp_path / "three.txt").is_file()


def test_other_pages_are_read_and_not_skipped(run: Run, document: Path, tmp_path: Path) -> None:
    first, second = (["read", document, "--pages", number, "--out", tmp_path] for number in (1, 2))
    run(*first)
    before = (tmp_path / "three.txt").read_text()
    result = run(*second)
    assert result.stderr == f"{tmp_path / 'three.txt'} was read with other pages: {document} is read again\n"
    assert (tmp_path / "three.txt").read_text() == run("read", document, "--pages", 2).stdout != before
    assert run(*second).stderr == f"1 of 1 files are finished already in {tmp_path}\n"
    run(*first)
    assert (tmp_path / "three.txt").read_text() == before


def test_a_replaced_file_is_read_again(run: Run, image: Path, tmp_path: Path) -> None:
    run("read", image, "--out", tmp_path)
    before = (tmp_path / "image.txt").read_text()
    sheet("Goodbye").save(image)
    result = run("read", image, "--out", tmp_path)
    assert result.stderr == f"{tmp_path / 'image.txt'} was read with other contents: {image} is read again\n"
    assert (tmp_path / "image.txt").read_text() == run("read", image).stdout != before


def test_another_model_reads_again(run: Run, image: Path, tmp_path: Path) -> None:
    nano, other = tmp_path / "nano", tmp_path / "other"
    shutil.copytree(folder_of(None), nano)
    run("read", image, "--out", tmp_path, "--model", nano)
    assert "finished already" in run("read", image, "--out", tmp_path, "--model", nano).stderr
    shutil.copytree(nano, other)
    result = run("read", image, "--out", tmp_path, "--model", other)
    assert f"was read with other model: {image} is read again" in result.stderr
    (other / "model.safetensors").touch()
    assert "with other weights:" in run("read", image, "--out", tmp_path, "--model", other).stderr
    assert "with other dtype:" in run("read", image, "--out", tmp_path, "--model", other, "--dtype", "bfloat16").stderr


def test_files_of_one_name_do_not_replace_each_other(run: Run, image: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "image.png"
    other.parent.mkdir()
    sheet("Goodbye").save(other)
    out = tmp_path / "out"
    run("read", image, "--out", out)
    before = (out / "image.txt").read_text()
    result = run("read", other, "--out", out)
    assert (result.exit_code, (out / "image.txt").read_text()) == (1, before)
    assert result.stderr == f"demiglace: {out / 'image.txt'} was read from {image}: choose another folder for {other}\n"
    image.unlink()
    assert run("read", other, "--out", out).exit_code == 0
    assert (out / "image.txt").read_text() != before


def test_two_commands_do_not_read_into_one_folder(run: Run, image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with locked(out):
        result = run("read", image, "--out", out)
    assert (result.exit_code, result.stdout) == (2, "")
    line = rf"demiglace: {out} is in use by process {os.getpid()} on {socket.gethostname()}: .*\n"
    assert re.fullmatch(line, result.stderr)
    assert run("read", image, "--out", out).exit_code == 0
    assert (out / "image.txt").is_file()
    assert not list(out.glob("*.lock"))


def test_a_sideways_page_is_turned_and_told(run: Run, tmp_path: Path) -> None:
    lines = "One line of print\nand the second one\nTotal due 12.50\nPaid in cash today"
    page = PIL.Image.new("RGB", (420, 260), "white")
    PIL.ImageDraw.Draw(page).multiline_text((40, 40), lines, "black", PIL.ImageFont.load_default(28), spacing=14)
    page.save(tmp_path / "upright.png")
    page.transpose(PIL.Image.Transpose.ROTATE_90).save(tmp_path / "side.png")
    upright, side = run("read", tmp_path / "upright.png"), run("read", tmp_path / "side.png")
    assert upright.stderr == ""
    assert side.stdout == upright.stdout
    told = f"{tmp_path / 'side.png'}, page 1: turned clockwise by 90 degrees to be read\n"
    assert side.stderr == told
    run("read", tmp_path / "side.png", "--json", "--out", tmp_path)
    (read,) = json.loads((tmp_path / "side.json").read_text())["pages"]
    assert (read["turn"], read["width"], read["height"]) == (90, 260, 420)


def test_a_page_that_cannot_be_trusted_is_told(run: Run, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (6, 60)).repeat(12, 0).repeat(5, 1).astype(np.uint8) * 255
    PIL.Image.fromarray(np.pad(noise, 40, constant_values=255)).save(tmp_path / "noise.png")
    result = run("read", tmp_path / "noise.png")
    assert result.exit_code == 0
    assert re.search(r"noise.png, page 1: read with a mean confidence of 0\.\d\d, too low to trust", result.stderr)


def test_lines_of_little_confidence_are_left_out_and_told(run: Run, image: Path) -> None:
    all_lines, kept = (run("read", image, "--json", "--min-confidence", least) for least in ("0", "1"))
    lines = [region["lines"] for region in json.loads(all_lines.stdout)["pages"][0]["regions"]]
    assert json.loads(kept.stdout)["pages"][0]["left_out"] == sum(map(len, lines)) > 0
    assert "left out" not in all_lines.stderr
    found = len(lines[0])
    assert f"page 1: left out for too little confidence: {found} of {found} lines; --min-confidence 0" in kept.stderr


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--pages", "2-1"), "page range '2-1' runs from 2 to 1"),
        (("--pages", "all"), "pages must look like '1-3,7', got 'all'"),
        (("--json", "--format", "hocr"), "--json and --format hocr cannot be combined"),
        (("--format", "pdf"), "--format pdf requires --out, a folder for the PDFs"),
        (("--batch-size", 0), "--batch-size must be at least 1, got 0"),
        (("--num-beams", 65), "num_beams must be a whole number from 1 to 64, got 65"),
        (("--adapter", "runs/mine/adapter"), "--adapter requires --model, the one that it was trained on"),
        (("--device", "toaster"), "device 'toaster' cannot be used here"),
    ],
)
def test_wrong_use_is_status_2(run: Run, image: Path, options: tuple[object, ...], line: str) -> None:
    result = run("read", image, *options)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"demiglace: {line}")


def test_two_files_never_share_a_text(run: Run, image: Path, tmp_path: Path) -> None:
    result = run("read", image, tmp_path / "image.pdf", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "would both be written to" in result.stderr
    assert not (tmp_path / "out").exists()


def test_no_file_is_written_over_itself(run: Run, document: Path) -> None:
    before = document.read_bytes()
    result = run("read", document, "--format", "pdf", "--out", document.parent)
    line = f"demiglace: {document} would be written over itself: choose another folder than {document.parent}\n"
    assert (result.exit_code, result.stderr, document.read_bytes()) == (2, line, before)
