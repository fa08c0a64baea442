"""Do the levels of corruption mean what they say? Tesseract's error on lines of one page, by severity.

    python experiments/corruption_levels/run.py /usr/share/doc/fontconfig/fontconfig-user.pdf.gz

Page 3 at 200 dpi, its first 20 lines of letters, each read alone, all at the same severity. Seed 1. Writes
`result.json` beside this file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from results_file import machine_here, tesseract_version, versions_here, write_result

from demiglace.documents.corruption.corruption import Target, corrupt
from demiglace.documents.page import Page, regions
from demiglace.documents.text_layer.pdf_pages import read_pdf
from demiglace.scoring.text_distance import corpus_character_error_rate

FOLDER = Path(__file__).parent
PAGE, DPI, SEED, LINES = "3", 200, 1, 20
SEVERITIES = (0.0, 0.08, 0.17, 0.25, 0.333, 0.34, 0.5, 0.66)
MARGIN = 10  # pixels around a line, of white


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pdf", type=Path)
    page = drawn(parser.parse_args().pdf)
    lines = [region for region in regions(page, "line") if sum(map(str.isalpha, region.text)) > 40][:LINES]
    rates = {}
    for severity in track(SEVERITIES, "severities"):
        damaged = corrupt(page.picture, [Target(line, severity) for line in lines], (SEED,))
        read = [tesseract(crop(damaged, line.boxes[0])) for line in lines]
        rates[str(severity)] = corpus_character_error_rate([line.text for line in lines], read)
    told = {"lines": len(lines), "characters": sum(len(line.text) for line in lines), "cer": rates}
    versions = {**versions_here(), "tesseract": tesseract_version()}
    write_result(FOLDER / "result.json", told, "the reader is tesseract", machine_here(), versions)
    print(json.dumps(told))


def drawn(pdf: Path) -> Page:
    with tempfile.NamedTemporaryFile(suffix=".pdf") as unpacked:
        content = pdf.read_bytes()
        Path(unpacked.name).write_bytes(gzip.decompress(content) if pdf.suffix == ".gz" else content)
        (page,) = read_pdf(unpacked.name, PAGE, DPI)
    assert isinstance(page, Page), page.why
    return page


def crop(picture: np.ndarray, box: tuple[float, float, float, float]) -> Image.Image:
    left, top, right, bottom = (round(side) for side in box)
    cut = Image.fromarray(picture[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2])
    framed = Image.new("RGB", (cut.width + 2 * MARGIN, cut.height + 2 * MARGIN), "white")
    framed.paste(cut, (MARGIN, MARGIN))
    return framed


def tesseract(picture: Image.Image) -> str:
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        picture.save(file.name)
        command = ["tesseract", file.name, "-", "-l", "eng", "--psm", "7"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
