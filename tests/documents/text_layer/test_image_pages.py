"""Pictures of pages with a text layer beside them, in each of the four formats."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demiglace.documents.page import regions
from demiglace.documents.text_layer import image_pages
from demiglace.documents.text_layer.image_pages import read_image_page

WIDTH, HEIGHT = 300, 120
# Two lines of two words, then a block of one; boxes are painted black.
WORDS = {
    "Two": (20, 10, 50, 22),
    "words": (56, 10, 100, 22),
    "and": (20, 28, 44, 40),
    "more,": (50, 28, 92, 42),
    "apart": (20, 80, 64, 92),
}
LINES = [["Two", "words"], ["and", "more,"], ["apart"]]
BLOCKS = [LINES[:2], LINES[2:]]


@pytest.fixture
def picture(tmp_path) -> Path:
    pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for left, top, right, bottom in WORDS.values():
        pixels[top:bottom, left:right] = 0
    Image.fromarray(pixels).save(tmp_path / "page.png")
    return tmp_path / "page.png"


def hull(words: list[str]) -> tuple[int, ...]:
    boxes = np.array([WORDS[word] for word in words])
    return (*boxes[:, :2].min(0), *boxes[:, 2:].max(0))


def hocr(scale: int = 1, changes: dict[str, str] | None = None) -> str:
    def title(box) -> str:
        return "bbox " + " ".join(str(scale * edge) for edge in box)

    def word(text: str) -> str:
        said = (changes or {}).get(text, text)
        return f"<span class='ocrx_word' title='{title(WORDS[text])}; x_wconf 90'><em>{said}</em></span>"

    def line(words: list[str]) -> str:
        return f"<span class='ocr_line' title='{title(hull(words))}; baseline 0 0'>{' '.join(map(word, words))}</span>"

    blocks = "".join(f"<p class='ocr_par'>{''.join(map(line, block))}</p>" for block in BLOCKS)
    return (
        "<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0//EN' 'x.dtd'><html><head><meta charset='utf-8'/></head><body>"
        f"<div class='ocr_page' title='image \"page.png\"; {title((0, 0, WIDTH, HEIGHT))}'>{blocks}</div></body></html>"
    )


def alto(scale: int = 1, page: str = 'WIDTH="{}" HEIGHT="{}"') -> str:
    def word(text: str) -> str:
        left, top, right, bottom = (scale * edge for edge in WORDS[text])
        return f'<String CONTENT="{text}" HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"/>'

    def line(words: list[str]) -> str:
        return f"<TextLine>{'<SP/>'.join(map(word, words))}</TextLine>"

    blocks = "".join(f"<TextBlock>{''.join(map(line, block))}</TextBlock>" for block in BLOCKS)
    size = page.format(scale * WIDTH, scale * HEIGHT)
    return (
        '<?xml version="1.0"?><alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Description><MeasurementUnit>'
        f"mm10</MeasurementUnit></Description><Layout><Page {size}><PrintSpace>{blocks}</PrintSpace></Page></Layout>"
        "</alto>"
    )


def points(box) -> str:
    left, top, right, bottom = box
    return f'<Coords points="{left},{top} {right},{top} {right},{bottom} {left},{bottom}"/>'


def page_xml(with_words: bool = True) -> str:
    def said(text: str) -> str:
        return f"<TextEquiv><Unicode>{text}</Unicode></TextEquiv>"

    def line(words: list[str]) -> str:
        inner = "".join(f"<Word>{points(WORDS[word])}{said(word)}</Word>" for word in words) if with_words else ""
        return f"<TextLine>{points(hull(words))}{inner}{said(' '.join(words))}</TextLine>"

    first, second = ("".join(map(line, block)) for block in BLOCKS)
    return (
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
        f'<Page imageWidth="{WIDTH}" imageHeight="{HEIGHT}"><ReadingOrder><OrderedGroup>'
        '<RegionRefIndexed index="0" regionRef="a"/><RegionRefIndexed index="1" regionRef="b"/></OrderedGroup>'
        f'</ReadingOrder><TextRegion id="b">{second}</TextRegion><TextRegion id="a">{first}</TextRegion></Page></PcGts>'
    )


def json_lines() -> str:
    lines = [
        {"text": " ".join(words), "box": [int(edge) for edge in hull(words)], "block": number}
        for number, block in enumerate(BLOCKS)
        for words in block
    ]
    return json.dumps({"width": WIDTH, "height": HEIGHT, "lines": lines})


def json_words(entries: dict | None = None, **more) -> str:
    return json.dumps([{"text": text, "box": box, **more} for text, box in (entries or WORDS).items()])


LAYERS = {
    "page.hocr": hocr(),
    "page.html": hocr(scale=3),
    "page.xml": alto(),
    "page.alto.xml": alto(scale=4),
    "page.page.xml": page_xml(),
    "page.json": json_lines(),
}


def lay(picture: Path, layer: str, suffix: str = ".json") -> Path:
    picture.with_suffix(suffix).write_text(layer)
    return picture


@pytest.mark.parametrize(
    ("name", "layer"), [*LAYERS.items(), ("page.json", json_words()), ("page.xml", page_xml(with_words=False))]
)
def test_every_format_gives_the_same_page(picture, name, layer):
    (picture.parent / name).write_text(layer)
    page = read_image_page(picture)
    assert [line.text for line in page.lines] == ["Two words", "and more,", "apart"]
    assert page.blocks == (range(2), range(2, 3))
    assert page.lines[0].box == pytest.approx((20, 10, 100, 22))
    assert (page.name, page.picture.shape, page.dropped) == ("page.png", (HEIGHT, WIDTH, 3), {})
    assert all(len(line.characters) == len(line.text) for line in page.lines)


@pytest.mark.parametrize("name", ["page.hocr", "page.xml", "page.page.xml"])
def test_words_keep_their_boxes(picture, name):
    (picture.parent / name).write_text(LAYERS[name])
    for word in regions(read_image_page(picture), "word"):
        left, _, right, _ = WORDS[word.text]
        assert word.boxes[0][0::2] == pytest.approx((left, right))


def test_letters_share_the_box_of_their_word_out(picture):
    characters = read_image_page(lay(picture, json_lines())).lines[0].characters
    assert characters[0, 0] == 20
    assert characters[-1, 2] == pytest.approx(100)
    assert (np.diff(characters[:, 0]) > 0).all()


def test_boxes_of_letters_are_kept(picture):
    letters = [[20, 10, 41, 22], [41, 10, 43, 22], [43, 10, 50, 22]]
    entry = {"text": "Two", "box": WORDS["Two"], "characters": letters}
    line = read_image_page(lay(picture, json.dumps({"lines": [entry]}))).lines[0]
    assert line.characters.tolist() == letters


HOCR_LETTER = "<span class='ocrx_cinfo' title='x_bboxes {x} 10 {end} 22'>{letter}</span>"
ALTO_LETTER = '<Glyph CONTENT="{letter}" HPOS="{x}" VPOS="10" WIDTH="6" HEIGHT="12"/>'
PAGE_LETTER = '<Glyph><Coords points="{x},10 {end},22"/><TextEquiv><Unicode>{letter}</Unicode></TextEquiv></Glyph>'


def letters(form: str) -> str:
    return "".join(form.format(x=x, end=x + 6, letter=letter) for x, letter in ((20, "a"), (40, "b")))


@pytest.mark.parametrize(
    ("suffix", "layer"),
    [
        (".hocr", hocr(changes={"Two": letters(HOCR_LETTER)})),
        (".xml", page_xml().replace("<TextEquiv><Unicode>Two<", letters(PAGE_LETTER) + "<TextEquiv><Unicode>ab<")),
        (".xml", alto().replace('"Two"', '"ab"').replace("/>", f">{letters(ALTO_LETTER)}</String>", 1)),
    ],
    ids=["hOCR", "PAGE", "ALTO"],
)
def test_boxes_of_letters_are_kept_in_every_format(picture, suffix, layer):
    line = read_image_page(lay(picture, layer, suffix)).lines[0]
    assert line.text == "ab words"
    assert line.characters[:2, [0, 2]].tolist() == [[20, 26], [40, 46]]


def test_hocr_may_use_the_entities_of_html(picture):
    page = read_image_page(lay(picture, hocr(changes={"words": "caf&eacute;"}), ".hocr"))
    assert page.lines[0].text == "Two café"


def test_hyphens_of_alto_belong_to_their_word(picture):
    layer = alto().replace("</TextLine>", '<HYP CONTENT="-"/></TextLine>', 1)
    assert read_image_page(lay(picture, layer, ".xml")).lines[0].text == "Two words-"


def test_wide_gaps_part_a_line(picture):
    pixels = np.array(Image.open(picture))
    pixels[10:22, 150:194] = 0
    Image.fromarray(pixels).save(picture)
    page = read_image_page(lay(picture, hocr().replace("bbox 56 10 100 22", "bbox 150 10 194 22"), ".hocr"))
    assert [line.text for line in page.lines] == ["Two", "words", "and more,", "apart"]
    assert page.blocks == (range(3), range(3, 4))


def test_words_on_top_of_each_other_spoil_their_line(picture):
    page = read_image_page(lay(picture, hocr().replace("bbox 56 10 100 22", "bbox 24 10 68 22"), ".hocr"))
    assert ([line.text for line in page.lines], page.dropped) == (["and more,", "apart"], {"overlapping": 8})


@pytest.mark.parametrize(
    ("changes", "dropped"),
    [
        ({"words": [56, 10, 400, 22]}, {"outside": 5, "beside a dropped character": 3}),
        ({"words": [56, 10, 56, 22]}, {"empty box": 5, "beside a dropped character": 3}),
        ({"words": [202, 10, 246, 22]}, {"no contrast": 5}),
    ],
)
def test_words_that_disagree_with_the_picture_spoil_their_line(picture, changes, dropped):
    page = read_image_page(lay(picture, json_words(WORDS | changes)))
    left = ["Two"] if "no contrast" in dropped else []
    assert [line.text for line in page.lines] == [*left, "and more,", "apart"]
    assert page.dropped == dropped


@pytest.mark.parametrize(
    ("text", "reason"), [("\ue000", "private use"), ("\ufffd", "unmapped"), ("אב", "right to left")]
)
def test_characters_that_cannot_be_read_spoil_their_line(picture, text, reason):
    page = read_image_page(lay(picture, hocr(changes={"words": text}), ".hocr"))
    assert [line.text for line in page.lines] == ["and more,", "apart"]
    assert page.dropped == {reason: len(text), "beside a dropped character": 3}


@pytest.mark.parametrize("layer", [hocr().replace("x_wconf 90", "x_wconf 12"), json_words(confidence=0.12)])
def test_words_read_without_confidence_are_left_out(picture, layer):
    page = read_image_page(lay(picture, layer, ".hocr"))
    assert (page.lines, page.dropped) == ((), {"low confidence": 21})


def test_a_picture_without_a_layer_is_refused(picture):
    with pytest.raises(ValueError, match=r"page\.png has no text layer beside it: page with \.hocr, .*\.json"):
        read_image_page(picture)
    with pytest.raises(ValueError, match="does not exist"):
        read_image_page(picture.with_name("none.png"))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (alto(page='WIDTH="300" HEIGHT="300"'), "of a page of 300 x 300, the picture has 300 x 120"),
        (alto(page=""), "measures in mm10 and does not say how large the page is"),
        (alto().replace('HPOS="20"', 'HPOS="1e99"'), "'1e99' where a number belongs"),
        (alto().replace('HPOS="20"', 'HPOS="nan"'), "'nan' where a number belongs"),
        (alto().replace('HPOS="20"', ""), "'None' where a number belongs"),
        (alto().replace("</Layout>", "<Page/></Layout>"), "holds 2 pages instead of 1"),
        (page_xml().replace("20,10", "20"), "whose Coords are no points"),
        (page_xml().replace(points(WORDS["Two"]), ""), "Word without Coords"),
        (hocr().replace("bbox 0 0 300", "box 0 0 300"), "has no bbox"),
        (hocr().replace("bbox 0 0 300", "bbox 10 0 300"), "begins at 10, 0"),
        ('{"lines": 3}', "no list of objects"),
        ("[[1]]", "no list of objects"),
        ("{", "not readable as JSON"),
        ('[{"text": 3, "box": [1, 2, 3, 4]}]', "text is int"),
        ('[{"text": "a", "box": [1, 2, 3]}]', "a box of 3 numbers"),
        ('[{"text": "a", "box": null}]', "a box of 0 numbers"),
        ('[{"text": "ab", "box": [1, 2, 3, 4], "characters": [[1, 2, 3, 4]]}]', "2 characters in 'ab'"),
        ("<note/>", "<note>, which is neither"),
        ("plain words", "not readable as XML"),
    ],
)
def test_malformed_layers_are_refused_with_their_name(picture, layer, message):
    with pytest.raises(ValueError, match=message) as failure:
        read_image_page(lay(picture, layer))
    assert "page.json" in str(failure.value)
    assert "\n" not in str(failure.value)


BOMB = '<!DOCTYPE alto [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><alto>&b;</alto>'


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (BOMB, "declares a document type"),
        (BOMB.encode("utf-16"), "declares a document type"),
        ('<!DOCTYPE alto SYSTEM "file:///etc/passwd"><alto/>', "declares a document type"),
        ("<a>" * 500 + "</a>" * 500, "nested more than 100 deep"),
        ("<html>" + "<div>" * 500, "nested more than 100 deep"),
        ("<!DOCTYPE html SYSTEM 'a>b' [<!ENTITY a 'ha'>]><html>&a;</html>", "declares a document type"),
        ("[" * 100_000, "not readable as JSON"),
    ],
    ids=["entities", "UTF-16", "external", "deep XML", "deep HTML", "entities in HTML", "deep JSON"],
)
def test_hostile_layers_are_refused(picture, layer, message):
    picture.with_suffix(".xml").write_bytes(layer if isinstance(layer, bytes) else layer.encode())
    with pytest.raises(ValueError, match=message):
        read_image_page(picture)


def test_large_layers_are_refused(picture, monkeypatch):
    monkeypatch.setattr(image_pages, "MAX_CHARACTERS", 10)
    with pytest.raises(ValueError, match="21 characters, more than the 10 taken"):
        read_image_page(lay(picture, json_words()))
    monkeypatch.setattr(image_pages, "MAX_LAYER_BYTES", 100)
    with pytest.raises(ValueError, match="more than the 100 taken"):
        read_image_page(picture)


def test_boxes_that_cover_the_page_many_times_are_refused(picture):
    with pytest.raises(ValueError, match="cover the page 5 times, more than 4"):
        read_image_page(lay(picture, json_words({f"w{n}": (0, 0, WIDTH, HEIGHT) for n in range(5)})))
