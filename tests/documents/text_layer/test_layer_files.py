"""Text layers that are malformed, hostile or too large are refused with their name."""

import pytest
from text_layers import HEIGHT, WIDTH, WORDS, alto, hocr, json_words, lay, page_xml, points

from demiglace.documents.text_layer import image_pages
from demiglace.documents.text_layer.image_pages import read_image_page


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
        (hocr().replace("bbox 0 0 300", "bbox 0 0 0"), "has a page of 0 x "),
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
