import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest
from typer.testing import Result

Run = Callable[..., Result]

FILES = ["page.png", "corrupted.png", "overlay.png", "target.json"]
LINES = ["Of the making of many books", "there is no end", "and much study", "is a weariness"]


def pdf(pages: list[list[str]]) -> bytes:
    """Pages of 300 x 200 points with lines of Helvetica far enough apart to be blocks of their own."""
    bodies = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = " ".join(f"1 0 0 1 20 {170 - 40 * row} Tm ({line}) Tj" for row, line in enumerate(lines))
        content = f"BT /F1 14 Tf {shown} ET".encode()
        bodies.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        kids.append(len(bodies) + 1)
        bodies.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % len(bodies)
        )
    bodies[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(bodies) + 1
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (size, table, trailer)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("paper") / "paper.pdf"
    path.write_bytes(pdf([["A title"], LINES, []]))
    return path


def picture(path: Path) -> np.ndarray:
    with PIL.Image.open(path) as image:
        return np.array(image.convert("RGB"))


def test_writes_the_page_before_after_and_marked_and_what_is_asked(run: Run, paper: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "seen"
    result = run("corrupt", paper, "--page", 2, "--out", out, "--share", 1, "--levels", "high,moderate=2")
    assert result.stdout.splitlines()[:4] == [str(out / name) for name in FILES]
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    assert [path.name for path in out.parent.iterdir()] == ["seen"]
    page, corrupted, overlay = (picture(out / name) for name in FILES[:3])
    assert page.shape == corrupted.shape == (400, 600, 3)
    assert (page != corrupted).any()
    assert overlay.shape[0] > page.shape[0]
    target = json.loads((out / "target.json").read_text())
    assert target["page"] == {"name": "paper.pdf#2", "width": 600, "height": 400}
    assert target["answer"] == "\n\n".join(LINES)
    assert [region["text"] for region in target["regions"]] == LINES
    assert target["request"].splitlines()[1:] == [region["position"] for region in target["regions"]]
    levels = [region["level"] for region in target["regions"]]
    assert set(levels) <= {"moderate", "high"}
    told = ", ".join(f"{level}: {levels.count(level)}" for level in ("moderate", "high") if level in levels)
    assert result.stdout.splitlines()[4:] == [told]


def test_pixels_change_inside_the_targets_alone(run: Run, paper: Path, tmp_path: Path) -> None:
    run("corrupt", paper, "--page", 2, "--out", tmp_path, "--unit", "word", "--share", 0.3, "--levels", "high")
    page, corrupted = picture(tmp_path / "page.png"), picture(tmp_path / "corrupted.png")
    for region in json.loads((tmp_path / "target.json").read_text())["regions"]:
        ((left, top, right, bottom),) = region["boxes"]
        rows, columns = slice(int(top) - 4, int(bottom) + 5), slice(int(left) - 4, int(right) + 5)
        assert (page[rows, columns] != corrupted[rows, columns]).any()
        corrupted[rows, columns] = page[rows, columns]
    np.testing.assert_array_equal(page, corrupted)


def test_the_seed_decides(run: Run, paper: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        run("corrupt", paper, "--page", 2, "--out", tmp_path / name, "--seed", seed)
    contents = {name: [(tmp_path / name / file).read_bytes() for file in FILES] for name in "abc"}
    assert contents["a"] == contents["b"] != contents["c"]


def test_dpi_sets_the_size(run: Run, paper: Path, tmp_path: Path) -> None:
    run("corrupt", paper, "--out", tmp_path, "--dpi", 72)
    assert picture(tmp_path / "page.png").shape == (200, 300, 3)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of one line, and a layer that says what it is."""
    path = tmp_path_factory.mktemp("scan") / "scan.png"
    drawn = PIL.Image.new("RGB", (300, 60), "white")
    PIL.ImageDraw.Draw(drawn).text((20, 20), "Of the making", "black", PIL.ImageFont.load_default(20))
    drawn.save(path)
    box = PIL.ImageDraw.Draw(drawn).textbbox((20, 20), "Of the making", PIL.ImageFont.load_default(20))
    path.with_suffix(".json").write_text(json.dumps({"lines": [{"text": "Of the making", "box": box}]}))
    return path


def test_takes_a_picture_with_its_text_beside_it(run: Run, scan: Path, tmp_path: Path) -> None:
    assert run("corrupt", scan, "--out", tmp_path, "--levels", "moderate").exit_code == 0
    assert json.loads((tmp_path / "target.json").read_text())["answer"] == "Of the making"
    assert (picture(tmp_path / "page.png") == picture(scan)).all()


@pytest.mark.parametrize(
    ("arguments", "told"), [(["--page", 2], "one picture: it has no page 2"), (["--dpi", 72], "--dpi 72 is for PDFs")]
)
def test_a_picture_has_one_page_and_its_own_size(
    run: Run, scan: Path, tmp_path: Path, arguments: list[object], told: str
) -> None:
    result = run("corrupt", scan, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_tiff_of_several_pages_is_refused_as_what_it_is(run: Run, tmp_path: Path) -> None:
    pages = tmp_path / "pages.tif"
    first, *others = (PIL.Image.new("RGB", (30, 20), colour) for colour in ("white", "black"))
    first.save(pages, save_all=True, append_images=others)
    result = run("corrupt", pages, "--page", 2, "--out", tmp_path / "out")
    told = f"demiglace: {pages} has several pages and is no PDF: corrupt takes PDFs and single pictures\n"
    assert (result.exit_code, result.stderr) == (2, told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--page", 3], "paper.pdf#3: "),
        (["--page", 7], "7"),
        (["--share", 0], "share must be a number in (0, 1], got 0"),
        (["--levels", "low,hihg"], "levels: 'hihg' is unknown"),
        (["--levels", "low,low"], "each once"),
        (["--levels", "low=-1"], "such as"),
        (["--unit", "page"], "'page'"),
        (["--dpi", 0], "dpi"),
    ],
)
def test_an_error_is_a_line_and_leaves_nothing(
    run: Run, paper: Path, tmp_path: Path, arguments: list[object], told: str
) -> None:
    result = run("corrupt", paper, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_what_was_there(
    run: Run, paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("corrupt", paper, "--out", tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def fails(path: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", fails)
    result = run("corrupt", paper, "--out", tmp_path / "out", "--seed", 1)
    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
