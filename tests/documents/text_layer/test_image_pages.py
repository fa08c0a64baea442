"""Pictures of pages with a text layer beside them, in each of the four formats."""

import json

import numpy as np
import pytest
from PIL import Image
from text_layers import HEIGHT, WIDTH, WORDS, alto, hocr, json_lines, json_words, lay, page_xml

from demiglace.documents.page import regions
from demiglace.documents.text_layer.image_pages import read_image_page

LAYERS = {
    "page.hocr": hocr(),
    "page.html": hocr(scale=3),
    "page.xml": alto(),
    "page.alto.xml": alto(scale=4),
    "page.page.xml": page_xml(),
    "page.json": json_lines(),
}


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


def test_a_block_ends_where_it_would_cover_a_line_of_another(picture):
    lines = [("Two words", (20, 10, 100, 22), 0), ("and more,", (20, 28, 92, 42), 1), ("apart", WORDS["apart"], 0)]
    entries = [{"text": text, "box": box, "block": block} for text, box, block in lines]
    page = read_image_page(lay(picture, json.dumps({"lines": entries})))
    assert [region.text for region in regions(page, "block")] == ["Two words", "apart", "and more,"]
    whole = [{**entry, "block": 0} for entry in entries]
    page = read_image_page(lay(picture, json.dumps({"lines": whole})))
    assert [region.text for region in regions(page, "block")] == ["Two words\nand more,\napart"]


def test_lines_that_hocr_calls_rotated_are_left_out(picture):
    above, _, below = hocr().rpartition("baseline 0 0")
    layer = above.replace("baseline 0 0", "textangle 0.4") + "textangle 90" + below
    read = read_image_page(lay(picture, layer, ".hocr"))
    assert ([line.text for line in read.lines], read.dropped) == (["Two words", "and more,"], {"rotated": 5})


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
