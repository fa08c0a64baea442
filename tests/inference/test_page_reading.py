from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
import PIL.ImageFont
import PIL.ImageOps
import pytest
import torch

from demiglace import Demiglace, Image, SamplingParams
from demiglace.documents.segmentation.line_crops import CuttingConfig, cut_page
from demiglace.inference import page_reading
from demiglace.inference.page_reading import (
    MOST_BATCHES,
    PAGES_AHEAD,
    QUESTION,
    PageReader,
    ReadPage,
    open_pages_to_read,
    read_page,
)
from demiglace.media.pictures import upright_rgb
from demiglace.scoring.text_distance import character_error_rate

LINES = [["A short heading"], ["The first line of print", "and then the second"], ["Total  12.50"]]


@pytest.fixture(scope="module")
def nano() -> Demiglace:
    return Demiglace.load(device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def page() -> PIL.Image.Image:
    picture = PIL.Image.new("RGB", (600, 420), "white")
    draw = PIL.ImageDraw.Draw(picture)
    top = 40
    for region, size in zip(LINES, (40, 24, 24), strict=True):
        for line in region:
            draw.text((50, top), line, "black", PIL.ImageFont.load_default(size))
            top += size * 1.5
        top += 50
    return picture


def test_a_page_is_read_in_order(nano: Demiglace, page: PIL.Image.Image) -> None:
    read = read_page(nano, page)
    assert [len(region.lines) for region in read.regions] == [1, 2, 1]
    for region, lines in zip(read.regions, LINES, strict=True):
        assert character_error_rate("\n".join(lines), region.text) < 0.35
        assert region.text == "\n".join(line.text for line in region.lines)
    assert read.text == "\n\n".join(region.text for region in read.regions)
    assert (read.width, read.height) == page.size


def test_how_many_are_read_at_a_time_changes_nothing(nano: Demiglace, page: PIL.Image.Image) -> None:
    cutting = CuttingConfig(most_letters=8)
    alone, together = (read_page(nano, page, cutting, rows) for rows in (1, 7))
    assert alone.text == together.text
    assert [region.confidence for region in alone.regions] == pytest.approx(
        [region.confidence for region in together.regions], abs=1e-4
    )


def test_pages_read_ahead_are_those_read_alone(nano: Demiglace, page: PIL.Image.Image) -> None:
    parts = [page.crop((0, top, 600, top + 140)) for top in (0, 90, 180, 270)]
    taken: list[int] = []

    def given() -> Iterator[PIL.Image.Image]:
        for number, part in enumerate(parts):
            taken.append(number)
            yield part

    with PageReader(nano) as reader:
        ahead = reader.read_all(given())
        first = next(ahead)
        assert taken == list(range(PAGES_AHEAD))
        texts = [first.text, *(read.text for read in ahead)]
    assert texts == [read_page(nano, part).text for part in parts]
    assert len(set(texts)) == len(parts)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_several_batches_at_a_time_give_the_same(nano: Demiglace, page: PIL.Image.Image, threads: int) -> None:
    """And the threads that the caller had are left to him."""
    before, alone = torch.get_num_threads(), read_page(nano, page, CuttingConfig(most_letters=8))
    torch.set_num_threads(threads)
    try:
        with PageReader(nano, CuttingConfig(most_letters=8), rows=3) as reader:
            assert reader.num_batches == min(threads, MOST_BATCHES)
            assert reader.read(page).text == alone.text
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_beams_of_pieces_are_those_of_their_pictures(nano: Demiglace, page: PIL.Image.Image) -> None:
    cutting = CuttingConfig(most_letters=8)
    with PageReader(nano, cutting, num_beams=3) as reader:
        line = reader.read(page).regions[0].lines[0]
    pieces = cut_page(page, cutting)[0].lines[0].pieces
    sampling = replace(SamplingParams.greedy(100), num_beams=3)
    assert line.text == " ".join(nano.ask(QUESTION, Image(piece.picture), sampling=sampling).text for piece in pieces)


def test_a_page_that_cannot_be_read_is_an_error_of_that_page(
    nano: Demiglace, page: PIL.Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = page_reading.find_way_up
    monkeypatch.setattr(
        page_reading, "find_way_up", lambda one, *rest: find(one, *rest) if one.size == page.size else 1 / 0
    )
    with PageReader(nano) as reader:
        bad, good = reader.submit(page.crop((0, 0, 600, 400))), reader.submit(page)
        with pytest.raises(ZeroDivisionError):
            bad.result()
        assert good.result().regions


def test_confidence_is_the_geometric_mean_over_all_tokens(nano: Demiglace, page: PIL.Image.Image) -> None:
    cutting = CuttingConfig(most_letters=8)
    region, *_ = read_page(nano, page, cutting).regions
    pieces = [piece for line in cut_page(page, cutting)[0].lines for piece in line.pieces]
    sampling = SamplingParams.greedy(100)
    answers = [nano.ask(QUESTION, Image(piece.picture), sampling=sampling) for piece in pieces]
    counts = [answer.new_tokens + 1 for answer in answers]
    product = 1.0
    for answer, count in zip(answers, counts, strict=True):
        product *= answer.confidence**count
    assert len(pieces) > 1
    assert region.confidence == pytest.approx(product ** (1 / sum(counts)), abs=1e-4)
    assert 0 < region.confidence <= 1


def test_noise_is_read_with_less_confidence(nano: Demiglace, page: PIL.Image.Image) -> None:
    clean = page.crop((40, 35, 400, 90))
    ruined = clean.resize((45, 7)).resize(clean.size)
    sure, unsure = (nano.ask(QUESTION, Image(picture)).confidence for picture in (clean, ruined))
    assert unsure < sure


def test_texture_is_left_out_and_counted(nano: Demiglace, page: PIL.Image.Image) -> None:
    grain = np.random.default_rng(0).integers(0, 256, (300, 300), np.uint8)
    texture = PIL.ImageOps.autocontrast(PIL.Image.fromarray(grain).filter(PIL.ImageFilter.GaussianBlur(2)))
    sheet = PIL.Image.new("RGB", (page.width, page.height + 400), "white")
    sheet.paste(page, (0, 0))
    sheet.paste(texture, (100, page.height + 50))
    alone, among = read_page(nano, page), read_page(nano, sheet)
    with PageReader(nano, min_confidence=0) as reader:
        every = reader.read(sheet)
    print_alone, print_among, print_every = map(line_texts, (alone, among, every))
    assert print_among[: len(print_alone)] == print_every[: len(print_alone)] == print_alone
    assert (alone.left_out, every.left_out) == (0, 0)
    assert 0 < len(print_every) - len(print_among) <= among.left_out  # of some nothing is read
    assert every.confidence < among.confidence


def test_where_all_is_left_out_the_page_is_not_trusted(nano: Demiglace, page: PIL.Image.Image) -> None:
    with PageReader(nano, min_confidence=1) as reader:
        read = reader.read(page)
    assert (read.regions, read.left_out) == ((), 4)
    assert 0 < read.confidence < 1


def line_texts(page: ReadPage) -> list[str]:
    return [line.text for region in page.regions for line in region.lines]


@pytest.mark.parametrize("least", [-0.1, 1.5, float("nan")])
def test_a_confidence_is_between_0_and_1(nano: Demiglace, least: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1, got"):
        PageReader(nano, min_confidence=least)


def test_an_empty_page_has_no_regions(nano: Demiglace) -> None:
    read = read_page(nano, PIL.Image.new("RGB", (300, 400), "white"))
    assert (read.regions, read.text) == ((), "")


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "I;16"])
def test_a_picture_of_any_mode_is_read(nano: Demiglace, page: PIL.Image.Image, mode: str) -> None:
    if mode == "I;16":
        converted = PIL.Image.fromarray(np.asarray(page.convert("L")).astype(np.uint16) * 257)
    else:
        converted = page.convert(mode)
    as_rgb = read_page(nano, upright_rgb(converted, "page"))
    assert read_page(nano, converted) == as_rgb
    assert len(as_rgb.regions) == 3


def test_a_picture_is_read_as_its_exif_turns_it(nano: Demiglace, page: PIL.Image.Image, tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    page.transpose(PIL.Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    with PIL.Image.open(tmp_path / "turned.png") as turned:
        assert turned.size == (420, 600)
        assert read_page(nano, turned) == read_page(nano, page)


def test_rows_must_be_positive(nano: Demiglace, page: PIL.Image.Image) -> None:
    with pytest.raises(ValueError, match="got 0"):
        read_page(nano, page, rows=0)


def test_pages_of_files(page: PIL.Image.Image, tmp_path: Path) -> None:
    page.save(tmp_path / "image.png")
    page.save(tmp_path / "three.pdf", save_all=True, append_images=[page, page], resolution=200)
    with open_pages_to_read(tmp_path / "image.png", "7") as pages:
        assert {number: drawn().size for number, drawn in pages} == {1: page.size}
    with open_pages_to_read(tmp_path / "three.pdf", "3,1-2,3") as pages:
        assert [number for number, _ in pages] == [3, 1, 2, 3]
        assert pages[2][1]().size == page.size
    with pytest.raises(ValueError, match="page 4 is outside"), open_pages_to_read(tmp_path / "three.pdf", "4"):
        pass


def test_animations_are_refused(tmp_path: Path) -> None:
    frames = [PIL.Image.new("RGB", (30, 20), (90 * number, 0, 0)) for number in range(3)]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="is a video or an animation"), open_pages_to_read(tmp_path / "clip.gif"):
        pass
