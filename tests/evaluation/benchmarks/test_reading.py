"""Lines, pages and tables of folders, each with its text beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from public_layouts import png

from demiglace.evaluation.benchmark_names import BENCHMARKS


def test_the_text_of_a_page_may_begin_with_a_mark_and_must_be_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "a.txt").write_bytes("\ufeffcafé".encode())
    (example,) = BENCHMARKS["pages"].examples(tmp_path)
    assert example.expected.answers == ("café",)
    (tmp_path / "a.txt").write_bytes("café".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a\.txt is not UTF-8 text"):
        list(BENCHMARKS["pages"].examples(tmp_path))


@pytest.mark.parametrize("suffix", [".png", ".TIFF", ".bmp", ".jp2"])
def test_pages_are_pictures_of_any_format(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(png())
    (tmp_path / "a.txt").write_text("Hello")
    assert [example.id for example in BENCHMARKS["pages"].examples(tmp_path)] == ["a"]
