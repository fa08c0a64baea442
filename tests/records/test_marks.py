"""A mark without a file, and a file without a mark where marks are used, make a bad record."""

import pytest
from chat_records import ANSWER, CLIP, PICTURE, WHAT, asking, shown

from demiglace.conversation import Document, Text
from demiglace.records.bad_record import BadRecord


@pytest.mark.parametrize("mark", ["<image>", "<video>", "<audio>", "<image_00>"])
@pytest.mark.parametrize("text", ["{}\nWhat?", "{}What?", "What? {}", "What?\n{}", "Look:\n{}\nWhat?", "{}{}"])
@pytest.mark.parametrize("beside", [{}, {"images": []}, {"images": None}, {"image": ""}, {"videos": []}])
def test_a_mark_without_a_file(mark, text, beside):
    for content in (text.format(mark, mark), [{"type": "text", "text": text.format(mark, mark)}]):
        with pytest.raises(BadRecord, match=mark):
            shown(asking(content, **beside))
        with pytest.raises(BadRecord, match=mark):
            shown(asking(content, message=beside))


@pytest.mark.parametrize(
    "text", ["What does <image> mean in SVG?", "Is `<image>` closed?", "`<video>`", "<images> of cats", "a < image > b"]
)
def test_a_text_may_talk_about_marks_where_no_file_is_named(text):
    assert shown(asking(text)) == (Text(text),)
    picture = {"type": "image", "image": "a.png"}
    assert shown(asking([picture, {"type": "text", "text": text}])) == (PICTURE, Text(text))


@pytest.mark.parametrize(
    "text", ["<|image_pad|>What?", "<|vision_start|><|image_pad|>", "<img>a.png</img>What?", "<ImageHere>"]
)
def test_marks_of_other_models_are_no_words_to_learn(text):
    for record in (asking(text), asking(text, images=["a.png"])):
        with pytest.raises(BadRecord, match="calls for no file here"):
            shown(record)


def test_a_picture_that_the_assistant_should_show():
    turns = [{"role": "user", "content": "Draw a cat."}, ANSWER | {"content": "<image>"}]
    with pytest.raises(BadRecord, match="stands with the assistant"):
        shown({"messages": turns, "images": ["a.png"]})


@pytest.mark.parametrize("mark", ["<image>", "<document>", "<pdf>"])
@pytest.mark.parametrize("key", ["document", "documents", "pdf", "pdfs", "pdf_path"])
def test_documents_stand_at_their_marks(mark, key):
    document = Document(PICTURE.source.with_name("a.pdf"))
    assert shown(asking(f"Read {mark} aloud.", **{key: "a.pdf"})) == (Text("Read"), document, Text("aloud."))


def test_documents_are_words_of_xml_where_none_is_named():
    text = "<document>\nA text.\n</document>"
    assert shown(asking(text)) == (Text(text),)
    with pytest.raises(BadRecord, match="1 marks <document>, but 0 files"):
        shown(asking(text, documents=[]))


def test_marks_of_a_message_and_of_the_record_do_not_mix():
    with pytest.raises(BadRecord, match="2 marks <image>, but 1 files"):
        shown(asking("<image><image>What?", message={"images": ["a.png"]}, image="b.png"))
    assert shown(asking([{"type": "video"}, WHAT], videos=["a.mp4"])) == (CLIP, Text("What?"))


@pytest.mark.parametrize(("asked", "said"), [("Locate <ref-object>", "<bbox>"), ("What is at <bbox>?", "A dog.")])
def test_boxes_and_names_that_stand_in_objects(asked, said):
    turns = [{"role": "user", "content": f"<image>{asked}"}, ANSWER | {"content": said}]
    record = {"messages": turns, "images": ["a.png"]}
    with pytest.raises(BadRecord, match="calls for one of `objects`, which are not read: write it out"):
        shown(record | {"objects": {"ref": ["dog"], "bbox": [[1, 2, 3, 4]]}})
    for objects in ({}, {"ref": [], "bbox": []}):
        assert shown(record | {"objects": objects}) == (PICTURE, Text(asked))


def test_objects_that_no_mark_calls_for_are_a_note():
    assert shown(asking("<image>What?", images=["a.png"], objects={"bbox": [[1, 2, 3, 4]]})) == (PICTURE, Text("What?"))
