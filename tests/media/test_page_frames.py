"""TIFFs of several pages are documents; thumbnails, masks and views are no pages; fax dots become square."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, TiffImagePlugin

from demiglace.media import page_frames
from demiglace.media.document_pages import MAX_PAGES, open_pages
from demiglace.media.pictures import has_pages, kind_of, open_picture


def tiff(*pages: Image.Image, tags: Sequence[dict[int, int | float]] = (), **options: str) -> bytes:
    """Pages one after the other, the n-th with the n-th of the tags."""
    data = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(data) as writer:
        for number, page in enumerate(pages):
            own = TiffImagePlugin.ImageFileDirectory_v2()
            for tag, value in (tags[number] if number < len(tags) else {}).items():
                own[tag] = value
            page.save(writer, "TIFF", tiffinfo=own, **options)
            writer.newFrame()
    return data.getvalue()


def page(number: int, mode: str = "L") -> Image.Image:
    """Page n is 10 n pixels wide, black on its left half."""
    picture = Image.new(mode, (10 * number, 20), "white")
    picture.paste("black", (0, 0, 5 * number, 20))
    return picture


def widths(source: bytes | Path, pages: str | None = None) -> list[int]:
    return [picture.width for picture in open_pages(source, pages)]


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "CMYK"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate"])
def test_every_page_of_a_tiff_comes(mode: str, compression: str) -> None:
    data = tiff(*(page(number).convert(mode) for number in (1, 2, 3)), compression=compression)
    assert kind_of(data) == "document"
    assert widths(data) == [10, 20, 30]
    for picture in open_pages(data):
        assert picture.mode == "RGB"
        assert (picture.getpixel((0, 0)), picture.getpixel((picture.width - 1, 0))) == ((0, 0, 0), (255, 255, 255))


@pytest.mark.parametrize(
    ("chosen", "numbers"), [("2", [2]), ("1-2,3", [1, 2, 3]), ("3,1", [3, 1]), ("2,2,1,2", [2, 2, 1, 2])]
)
def test_chosen_pages_of_a_tiff(chosen: str, numbers: list[int]) -> None:
    data = tiff(*map(page, (1, 2, 3)), tags=[{}, {274: 6}, {}])
    expected = [20 if number == 2 else 10 * number for number in numbers]  # page 2 lies on its side, both 20
    pictures = list(open_pages(data, chosen))
    assert [picture.width for picture in pictures] == expected
    for number, picture in zip(numbers, pictures, strict=True):
        corners = picture.getpixel((0, 0)), picture.getpixel((picture.width - 1, 0))
        assert corners == ((0, 0, 0), (0, 0, 0) if number == 2 else (255, 255, 255))


@pytest.mark.parametrize(("chosen", "line"), [("4", "page 4 is outside .*, which has 3 pages"), ("x", "must look")])
def test_pages_that_a_tiff_has_not(chosen: str, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        widths(tiff(*map(page, (1, 2, 3))), chosen)


def test_a_document_is_not_one_picture() -> None:
    data = tiff(*map(page, (1, 2, 3)))
    with pytest.raises(ValueError, match="the given data has 3 pages: it is a document, not one picture"):
        open_picture(data)
    opened = Image.open(io.BytesIO(data))
    opened.seek(1)
    assert open_picture(opened).width == 20  # whoever opened it chose


def test_a_tiff_of_one_page_is_a_picture_whose_page_can_be_chosen() -> None:
    data = tiff(page(1))
    assert (kind_of(data), has_pages(data)) == ("image", True)
    assert widths(data) == widths(data, "1") == [open_picture(data).width] == [10]


@pytest.mark.parametrize("tags", [{254: 1}, {254: 4}, {254: 5}, {255: 2}])
def test_thumbnails_and_masks_are_no_pages(tags: dict[int, int | float]) -> None:
    data = tiff(page(4), page(1), tags=[{}, tags])
    assert (kind_of(data), open_picture(data).width) == ("image", 40)
    data = tiff(page(4), page(1), page(3), tags=[{254: 2}, tags, {254: 2}])
    assert (kind_of(data), widths(data)) == ("document", [40, 30])
    data = tiff(page(1), page(4), tags=[tags])
    assert (kind_of(data), open_picture(data).width) == ("image", 40)


def test_views_of_a_camera_are_no_pages() -> None:
    data = io.BytesIO()
    page(4, "RGB").save(data, "MPO", save_all=True, append_images=[page(4, "RGB")])
    assert (kind_of(data.getvalue()), open_picture(data.getvalue()).width) == ("image", 40)


@pytest.mark.parametrize(("unit", "dots"), [(2, (204.0, 98.0)), (3, (80.0, 38.5)), (1, (2.0, 1.0))])
def test_a_fax_in_its_standard_resolution_is_not_flat(unit: int, dots: tuple[float, float]) -> None:
    tags: list[dict[int, int | float]] = [{282: dots[0], 283: dots[1], 296: unit}] * 2
    fax = page(10).convert("1")
    assert [picture.size for picture in open_pages(tiff(fax, fax, tags=tags))] == [
        (100, round(20 * dots[0] / dots[1]))
    ] * 2
    assert open_picture(tiff(fax, tags=tags)).height == round(20 * dots[0] / dots[1])
    lying = [{**tags[0], 274: 6}]
    assert open_picture(tiff(fax, tags=lying)).size == (round(20 * dots[0] / dots[1]), 100)


@pytest.mark.parametrize("dots", [(300.0, 300.0), (204.0, 196.0), (0.0, 98.0), (98.0, 0.0), (1.0, 72.0)])
def test_square_or_senseless_dots_change_nothing(dots: tuple[float, float]) -> None:
    assert open_picture(tiff(page(10), tags=[{282: dots[0], 283: dots[1], 296: 2}])).size == (100, 20)


def test_a_damaged_page_is_told_when_its_turn_comes() -> None:
    data = tiff(*map(page, (1, 2)))
    cut = data[:-40]
    pages = open_pages(cut)
    assert next(pages).width == 10
    with pytest.raises(ValueError, match="page 2 of the given data cannot be decoded"):
        next(pages)


def test_too_many_pages_must_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiff(*[page(1)] * (MAX_PAGES + 1))
    with pytest.raises(ValueError, match=f"{MAX_PAGES + 1} pages, more than {MAX_PAGES}"):
        next(open_pages(data))
    assert widths(data, f"{MAX_PAGES}-{MAX_PAGES + 1}") == [10, 10]
    monkeypatch.setattr(page_frames, "MAX_FRAMES", 100)
    with pytest.raises(ValueError, match="the given data has more than 100 frames"):
        next(open_pages(data, "1"))


@pytest.mark.parametrize(("mode", "compression", "count"), [("1", "group4", 3), ("RGB", "jpeg", 2)])
def test_scans_as_devices_pack_them(tmp_path: Path, mode: str, compression: str, count: int) -> None:
    """Faxes by the rules of faxes; photographs of pages as JPEG, in strips with tables that they share."""
    first, *others = [page(90, mode).resize((900, 420)) for _ in range(count)]
    path = tmp_path / "scan.tif"
    strips = {} if compression == "group4" else {"tiffinfo": {TiffImagePlugin.ROWSPERSTRIP: 24}}
    first.save(path, "TIFF", save_all=True, append_images=others, compression=compression, **strips)
    assert kind_of(path) == "document"
    assert widths(path) == [900] * count
    for picture in open_pages(path):
        assert (picture.getpixel((10, 210)), picture.getpixel((890, 210))) == ((0, 0, 0), (255, 255, 255))
