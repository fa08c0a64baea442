"""hOCR of what was read: valid XHTML, which our own reader of text layers takes back."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from read_pages import HEIGHT, WIDTH, line, page, picture, region

from demiglace.documents.page import regions
from demiglace.documents.text_layer.image_pages import read_image_page
from demiglace.inference.read_page import ReadPage
from demiglace.transcripts.hocr import FOOT, HEAD, hocr_page

XHTML = "{http://www.w3.org/1999/xhtml}"


def pages(turn: int = 0) -> ReadPage:
    first = region(line(20, (30, "Two words")), line(44, (30, "and"), (300, "a cell & <more>")))
    return page(
        first, region(line(200, (30, "doubtful"), confidence=0.4), line(230, (30, "sure"), confidence=0.998)), turn=turn
    )


def document(*written: str) -> str:
    return HEAD + "".join(written) + FOOT


def by_class(text: str, name: str) -> list[ElementTree.Element]:
    return [element for element in ElementTree.fromstring(text).iter() if element.get("class") == name]


def test_pages_lines_and_words_have_boxes_and_confidence() -> None:
    text = document(*(hocr_page(pages(), "a \"b\" & 'c'.pdf", number, place) for place, number in enumerate((3, 7), 1)))
    root = ElementTree.fromstring(text)
    assert root.tag == f"{XHTML}html"
    names = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(names) == len(set(names))
    first, second = by_class(text, "ocr_page")
    assert first.get("title") == f'image "a \\"b\\" & \'c\'.pdf"; bbox 0 0 {WIDTH} {HEIGHT}; ppageno 2'
    assert second.get("title", "").endswith("ppageno 6")
    assert by_class(text, "ocr_line")[0].get("title") == "bbox 26 16 124 40; x_wconf 90"
    words = by_class(text, "ocrx_word")[:8]
    assert [word.text for word in words] == ["Two", "words", "and", "a", "cell", "&", "<more>", "doubtful"]
    assert words[1].get("title") == "bbox 70 20 120 36; x_wconf 90"
    capabilities = re.search('ocr-capabilities" content="(.*)"', text)
    assert capabilities
    used = {element.get("class") for element in root.iter() if element.get("class")}
    assert used | {"ocrp_wconf"} == set(capabilities[1].split())


def test_our_own_reader_takes_it_back(tmp_path: Path) -> None:
    picture(pages()).save(tmp_path / "scan.png")
    (tmp_path / "scan.hocr").write_text(document(hocr_page(pages(), "scan.png", 1, 1)))
    read = read_image_page(tmp_path / "scan.png")
    assert [one.text for one in read.lines] == ["Two words", "and", "a cell & <more>", "sure"]
    assert read.dropped == {"low confidence": 8}
    assert regions(read, "word")[1].boxes[0] == pytest.approx((70, 20, 120, 36))


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_lines_of_a_turned_page_tell_their_angle_and_are_not_learned(tmp_path: Path, turn: int) -> None:
    turned = pages(turn)
    text = document(hocr_page(turned, "scan.png", 1, 1))
    assert all(f"; textangle {turn};" in one.get("title", "") for one in by_class(text, "ocr_line"))
    picture(turned).save(tmp_path / "scan.png")
    (tmp_path / "scan.hocr").write_text(text)
    read = read_image_page(tmp_path / "scan.png")
    assert (read.lines, read.dropped.keys()) == ((), {"rotated"})


def test_what_xml_cannot_hold_is_replaced() -> None:
    strange = page(region(line(20, (30, "a\x00b\x1bc\ufffe"))))
    text = document(hocr_page(strange, "\x07.png", 1, 1))
    assert [word.text for word in by_class(text, "ocrx_word")] == ["a\ufffdb\ufffdc\ufffd"]
