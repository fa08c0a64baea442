"""How a page that lies on its side or upside down is told from an upright one, and what confidence is worth.

    python benchmarks/page_turns.py --data FOLDER [--model FOLDER] [--receipts 20] [--lines 60] [--out FILE]

Each page is turned each way and handed over so; it is right where it is found again, an upright one where it is left
as it is. Upright pages are read whole as well: mean confidence beside their error rate. FOLDER holds `small_ocr_pages`,
`scribe_ocr_pages`, `pdf_pages`, `sroie_receipts` and `lines`; what is absent is left out. Needs the extra `eval`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from reading_sets import ReadingSet, Skipped, pdf_pages, real_lines, receipts, scanned_pages
from results_file import machine_of, weights_of, write_result

from demiglace import Demiglace
from demiglace.documents.segmentation.line_crops import CuttingConfig
from demiglace.inference.page_reading import PageReader, read_page
from demiglace.inference.page_turn import SURE, better_way, tried
from demiglace.safe_files import write_whole
from demiglace.scoring.text_distance import character_error_rate, word_f1

ROOT = Path(__file__).parents[1]
ALL = 10_000
TURNS = (0, 90, 180, 270)
HEAD = (
    "| set | pages | upright: min / median | on a side: median / max | upside down: median / max | upright left as is "
    "| on a side corrected | upside down corrected | upright pages where other rotations were tried |"
)
SHOWN = {  # title -> sets
    "scanned pages": ("scans", "more scans"),
    "first pages of PDFs": ("PDF pages",),
    "receipts": ("receipts",),
    "single lines": ("lines",),
}


def way_ups(assistant: Demiglace, page: Pillow.Image) -> dict:
    """Confidence each way, and by the turn with which the page is handed over, the turn that is found to undo it."""
    with PageReader(assistant) as reader:
        ways = {turn: tried(page, turn, CuttingConfig(), reader.answers) for turn in TURNS}
    found = {}
    for handed in TURNS:
        others = [ways[(handed + turn) % 360] for turn in TURNS[1:]]
        found[handed] = (better_way(ways[handed], others).turn - handed) % 360
    return {"confidence": {turn: round(way.confidence, 3) for turn, way in ways.items()}, "found": found}


def measured(assistant: Demiglace, name: str, pages: ReadingSet, whole: bool) -> list[dict]:
    rows = []
    for picture, text in zip(pages.pictures, pages.texts, strict=True):
        row = {"set": name, **way_ups(assistant, picture)}
        if whole:
            read = read_page(assistant, picture)
            row |= {"read_confidence": round(read.confidence, 3), "word_f1": round(word_f1(text, read.text), 3)}
            row["cer"] = round(character_error_rate(text.upper(), read.text.upper()), 3)
        rows.append(row)
        print(row, flush=True)
    return rows


def summary(rows: list[dict]) -> dict:
    """Of one set: confidences as they lie, and how many of the pages handed over each way are found."""
    report: dict = {"pages": len(rows)}
    for turn in TURNS:
        confidences = [row["confidence"][turn] for row in rows]
        report[turn] = {
            "least": min(confidences),
            "median": round(float(np.median(confidences)), 3),
            "most": max(confidences),
            "right": sum(row["found"][turn] == (360 - turn) % 360 for row in rows),
            "left_as_it_lies": sum(row["found"][turn] == 0 for row in rows),
        }
    return report


def table(report: dict) -> str:
    """A row for each kind of page, of a report as it is read from its file."""
    lines = [HEAD, "|---|" + "---:|" * 8]
    for title, sets in SHOWN.items():
        if rows := [row for row in report["pages"] if row["set"] in sets]:
            lines.append(f"| {title} | {len(rows)} | {' | '.join(cells(rows))} |")
    return "\n".join(lines) + "\n"


def cells(rows: list[dict]) -> list[str]:
    ways = (("0",), ("90", "270"), ("180",))
    upright, side, down = ([row["confidence"][turn] for row in rows for turn in turns] for turns in ways)
    right = {turn: sum(row["found"][str(turn)] == (360 - turn) % 360 for row in rows) for turn in TURNS}
    return [
        f"{hundredths(min(upright))} / {hundredths(np.median(upright))}",
        *(f"{hundredths(np.median(turned))} / {hundredths(max(turned))}" for turned in (side, down)),
        str(right[0]),
        f"{right[90] + right[270]} of {2 * len(rows)}",
        str(right[180]),
        str(sum(confidence < SURE for confidence in upright)),
    ]


def hundredths(share: float) -> str:
    return f"{share:.2f}".lstrip("0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="nano-reader", help="folder or hub id of a checkpoint")
    parser.add_argument("--receipts", type=int, default=20)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "page_turns.json")
    options = parser.parse_args()
    assistant, weights = Demiglace.load(options.model, device="cpu"), weights_of(options.model)
    sets = {
        "scans": scanned_pages(options.data / "small_ocr_pages", ALL),
        "more scans": scanned_pages(options.data / "scribe_ocr_pages", ALL),
        "PDF pages": pdf_pages(options.data, ALL),
        "receipts": receipts(options.data, options.receipts),
        "lines": real_lines(options.data, "", options.lines),
    }
    rows = [
        row
        for name, pages in sets.items()
        if not isinstance(pages, Skipped)
        for row in measured(assistant, name, pages, whole=name != "lines")
    ]
    names = dict.fromkeys(row["set"] for row in rows)
    report = {"sets": {name: summary([row for row in rows if row["set"] == name]) for name in names}, "pages": rows}
    write_result(options.out, report, weights, machine_of(assistant))
    written = table(json.loads(options.out.read_text()))
    write_whole(options.out.with_suffix(".md"), written)
    print(written)


if __name__ == "__main__":
    main()
