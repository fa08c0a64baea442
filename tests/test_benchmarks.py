"""What the reading benchmark makes of readers whose mistakes are known."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import reading
import reading_peers
from reading_pages import HEIGHT, WIDTH, render_page
from reading_peers import READERS, Job, Outcome, read_apart
from reading_sets import ReadingSet, Skipped, all_sets, rendered_lines, rendered_pages, spread
from real_data import DATA, needs_real_data

TEXTS = ["Total due", "9.99", "in capitals", "one more line"]
PICTURES = [Image.new("RGB", (60, 20), "white") for _ in TEXTS]


drawn = pytest.mark.usefixtures("unseen_faces", "installed_prose")


def scored(texts: list[str], case_sensitive: bool = True, unit: str = "line", quotable: bool = False) -> dict:
    known = ReadingSet(unit, PICTURES, TEXTS, case_sensitive, quotable)
    return reading.score(known, Outcome(texts, seconds=0.5, peak_bytes=30_000_000))


def test_the_score_counts_what_is_wrong() -> None:
    scores = scored(["total due", "9.99\n", "in capitals", "one line"])
    characters = sum(map(len, TEXTS))
    assert scores["cer"] == pytest.approx((1 + len(" more")) / characters)
    assert scores["cer_case_insensitive"] == pytest.approx(len(" more") / characters)
    assert scores["exact"] == 2 / 4
    assert scores["cer_interval"][0] <= scores["cer"] <= scores["cer_interval"][1]
    assert scores["lines_per_second"] == 8
    assert scores["peak_bytes"] == 30_000_000


def test_only_texts_of_our_own_are_quoted() -> None:
    read = ["total due", "9.99", "in capitals", "one more line"]
    assert "examples" not in scored(read)
    assert scored(read, quotable=True)["examples"][0] == {"text": "Total due", "read": "total due"}


def test_a_truth_in_capitals_gives_no_rate_that_minds_case() -> None:
    scores = scored([text.upper() for text in TEXTS], case_sensitive=False)
    assert scores["cer"] is None
    assert scores["cer_case_insensitive"] == scores["cer_interval"][1] == 0
    assert scores["exact"] == 1


def test_pages_are_scored_by_words_too() -> None:
    assert scored(["due Total", "9.99", "in", "one more line"], unit="page")["word_f1"] == pytest.approx(
        (1 + 1 + 2 / 3 + 1) / 4
    )


def test_the_interval_of_equal_texts_is_a_point() -> None:
    assert reading.interval(np.array([[1, 4]] * 7)) == (0.25, 0.25)


def test_markdown_has_a_row_for_each_set_and_says_what_was_skipped() -> None:
    lines, pages = scored(TEXTS), scored([text.upper() for text in TEXTS], case_sensitive=False, unit="page")
    worse = scored(["", "9.99", "in capitals", "one more line"])
    report = {
        "date": "2026-01-02",
        "machine": {"gpu": None, "processor": "a CPU", "threads": 2, "dtype": "float32"},
        "weights": {"name": "nano", "sha256": "0123456789abcdef", "parameters": 1234},
        "results": [
            {
                "set": "lines",
                "unit": "line",
                "count": 4,
                "readers": dict(zip(READERS, (lines, worse, lines), strict=True)),
            },
            {"set": "pages", "unit": "page", "count": 4, "readers": dict.fromkeys(READERS, pages)},
            {"set": "absent", "skipped": "no such pages"},
        ],
    }
    head, *_, first, second, skipped = reading.markdown(report).splitlines()
    assert head.startswith("nano (weights 0123456789ab, 1,234 parameters, float32) on a CPU, 2 threads, 2026-01-02.")
    assert "demiglace / tesseract / RapidOCR" in head
    assert first == "| lines (4) | 0.000 / 0.243 / 0.000 | - | 8 / 8 / 8 | 30 / 30 / 30 |"
    assert second.startswith("| pages, any case (4) | 0.000 / 0.000 / 0.000 | 1.000 / 1.000 / 1.000 |")
    assert skipped.startswith("| absent | skipped: no such pages |")


def test_absent_data_are_skipped_with_a_reason(tmp_path: Path) -> None:
    real = {name: make for name, make in all_sets(tmp_path, 3, 1).items() if not name.startswith("rendered")}
    assert len(real) > 5
    for make in real.values():
        found = make()
        assert isinstance(found, Skipped)
        assert found.reason


@needs_real_data
def test_real_sets_hold_as_many_texts_as_pictures() -> None:
    for name, make in all_sets(DATA, 2, 2).items():
        if not name.startswith("rendered"):
            found = make()
            assert isinstance(found, ReadingSet), name
            assert not found.quotable
            assert len(found.pictures) == len(found.texts) == 2
            assert all(text.strip() for text in found.texts)


def test_files_are_taken_from_all_over() -> None:
    files = [Path(str(number)) for number in range(10)]
    assert spread(files, 3) == [files[0], files[3], files[6]]
    assert spread(files, 10) == spread(files, 12) == files


@drawn
@pytest.mark.parametrize("wear", ["clean", "degraded", "low", "moderate"])
def test_rendered_lines_are_the_same_each_time_and_for_each_wear(wear: str) -> None:
    once, again, clean = rendered_lines(4, wear), rendered_lines(4, wear), rendered_lines(4, "clean")
    assert isinstance(once, ReadingSet)
    assert once.texts == again.texts == clean.texts
    assert all(a.tobytes() == b.tobytes() for a, b in zip(once.pictures, again.pictures, strict=True))
    assert all(4 <= len(text) <= 40 for text in once.texts)
    changed = [a.tobytes() != b.tobytes() for a, b in zip(once.pictures, clean.pictures, strict=True)]
    assert any(changed) == (wear != "clean")


@drawn
def test_every_character_of_a_rendered_page_has_ink_in_its_box(unseen_faces) -> None:
    page = render_page(np.random.default_rng(0), unseen_faces)
    letters = page.text.replace("\n", "")
    assert page.picture.shape == (HEIGHT, WIDTH)
    assert len(letters) == len(page.boxes) == len(page.line_of) > 500
    for letter, (left, top, right, bottom) in zip(letters, page.boxes, strict=True):
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT
        if letter.isalnum():
            assert page.picture[int(top) : int(bottom) + 1, int(left) : int(right) + 1].min() < 200


@drawn
def test_rendered_pages_say_the_same_clean_and_degraded() -> None:
    clean, degraded = rendered_pages(1, "clean"), rendered_pages(1, "degraded")
    assert clean.texts == degraded.texts
    assert clean.pictures[0].tobytes() != degraded.pictures[0].tobytes()


class Told(list):
    """What a process has told."""

    @property
    def texts(self) -> list[str]:
        return [text for told in self[:-1] for text in told["texts"]]


def test_work_reads_in_chunks_and_tells_its_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def reader(job: Job) -> reading_peers.Reader:
        return lambda files: calls.append(list(files)) or [file.upper() for file in files]

    monkeypatch.setitem(READERS, "shouting", reader)
    told = Told()
    reading_peers.work(Job("shouting", "page", list("abcde"), threads=1), told.append)
    warm_up, *chunks = calls
    assert warm_up == [str(reading_peers.WARM_UP)]
    assert chunks == [list("abcd"), ["e"]]
    assert told.texts == list("ABCDE")
    assert told[-1]["seconds"] > 0
    assert 5e6 < told[-1]["peak_bytes"] < 1e11


def test_a_reader_that_fails_gives_no_figures() -> None:
    with pytest.raises(RuntimeError, match="nobody read 0 of 1 pictures and left with status 1"):
        read_apart(Job("nobody", "line", ["a.png"], threads=1), lambda count: None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "cure"),
    [("tesseract", "apt-get install tesseract-ocr"), ("RapidOCR", "pip install 'demiglace[bench]'")],
    ids=["tesseract", "RapidOCR"],
)
@pytest.mark.parametrize("unit", ["line", "page"])
def test_a_peer_reads_in_its_own_process(reader: str, cure: str, unit: str) -> None:
    if not reading_peers.is_installed(reader):
        pytest.skip(f"{reader} is not installed: {cure}")
    sample = Path(__file__).parents[1] / "samples" / "heading.png"
    steps: list[int] = []
    outcome = read_apart(Job(reader, unit, [str(sample)] * 3, threads=1), steps.append)
    assert sum(steps) == len(outcome.texts) == 3
    assert len(set(outcome.texts)) == 1
    assert outcome.texts[0].strip()
    assert 2e7 < outcome.peak_bytes < 4e9
