"""A picture that a record names is seen, or the record is a bad one: nothing is trained without it in silence."""

import json
import shutil
from pathlib import Path

import pytest
from chat_records import ANSWER, CLIP, OTHER, PICTURE, WHAT, asking, shown

from demiglace.conversation import Text
from demiglace.data.sources.jsonl import JsonFile
from demiglace.records.bad_record import BadRecord
from demiglace.records.formats import read_record

SAMPLES = Path(__file__).parents[2] / "samples"
PDF = b"%PDF-1.7"


@pytest.mark.parametrize("key", ["image", "images", "image_path", "image_paths", "image_url"])
@pytest.mark.parametrize("as_list", [False, True])
def test_layouts_that_are_in_use(key, as_list):
    value = ["a.png"] if as_list else "a.png"
    for record in (asking(**{key: value}), asking(message={key: value}), asking("<image>What?", **{key: value})):
        assert shown(record) == (PICTURE, Text("What?"))
    video = key.replace("image", "video")
    for record in (asking(**{video: "a.mp4"}), asking(message={video: ["a.mp4"]})):
        assert shown(record) == (CLIP, Text("What?"))


def test_pictures_of_a_message_stand_in_that_message():
    turns = [{"role": "user", "content": "First?", "images": ["a.png"]}, ANSWER]
    turns += [{"role": "user", "content": "And <image> this?", "images": ["b.png"]}, ANSWER]
    messages = read_record({"messages": turns}, "data.jsonl:17", lambda name: Path("media") / name).messages
    assert messages[0].content == (PICTURE, Text("First?"))
    assert messages[2].content == (Text("And"), OTHER, Text("this?"))


UNREAD = [
    *[{key: ["a.png"]} for key in ("imgs", "img", "pics", "pictures", "photos", "screenshot", "files", "attachments")],
    *[
        {key: "a.png"}
        for key in ("imagePath", "imageFile", "img_path", "image1", "file_name", "path", "figure", "图片")
    ],
    *[{key: "a.mp4"} for key in ("clip", "movie", "video_file", "video2", "input")],
    *[{key: "a.wav"} for key in ("audio", "audios", "speech", "wav")],
    {"image_base64": "iVBORw0KGgoAAAANSUhEUg"},
    {"picture": {"bytes": b"any"}},
    {"blob": PDF},
    {"text": PDF},
    {"blob": "data:image/png;base64,iVBORw0KGgo="},
    {"pixel_values": [[0, 1], [2, 3]]},
    {"metadata": {"images": ["a.png"]}},
    {"0": "a.png"},
    {"_": {"1": "a.png"}},
    {"properties": [("image", "a")]},
    {"extra": [{"deep": {"img": "a"}}]},
    {"url": "https://a.example/b.png"},
    {"documents": [{"text": "A text that is no file."}]},
]


@pytest.mark.parametrize("beside", UNREAD, ids=lambda beside: json.dumps(beside, default=str)[:40])
def test_media_that_nothing_reads_are_a_bad_record_with_the_key(beside):
    key = next(iter(beside))
    for record in (asking(**beside), asking(message=beside), asking("<image>What?", **beside)):
        with pytest.raises(BadRecord, match=rf"data.jsonl:17: `(messages\.0\.)?{key}") as caught:
            shown(record)
        assert "\n" not in str(caught.value)


def test_pages_of_a_book_are_no_files_and_pictures_of_pages_are():
    assert shown(asking(pages="12-14")) == (Text("What?"),)
    with pytest.raises(BadRecord, match="`pages"):
        shown(asking(pages=["0.png", "1.png"]))


@pytest.mark.parametrize(
    "beside",
    [
        {"image_path": "b.png"},
        {"image2": "b.png"},
        {"second_image": "https://a.example/b.png"},
        {"rejected_images": ["b.png"]},
        {"masks": ["b.png"]},
        {"image2": "other/a.png"},
        {"depth": "other/a.png"},
        {"metadata": {"image": {"path": "b.png"}}},
        {"audio": "a.wav"},
    ],
)
def test_a_second_picture_is_not_left_out_beside_the_first(beside):
    with pytest.raises(BadRecord, match=next(iter(beside))):
        shown(asking(images=["a.png"], **beside))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "What?", "image": "a.png"},
        {"type": "text", "text": "What?", "image_url": {"url": "a.png"}},
        {"type": "image", "image": "a.png", "text": "What?"},
        {"type": "image", "image": "a.png", "image_url": "b.png"},
    ],
)
def test_a_part_that_says_two_things_is_refused(part):
    with pytest.raises(BadRecord, match=r"image|text"):
        shown(asking([part]))


ABOUT = {
    "id": "coco/000000033471.jpg",
    "image_id": "a.png",
    "image_width": 640,
    "image_size": [640, 480],
    "num_images": "1",
    "has_image": "yes",
    "image_caption": "A cat on a mat.",
    "video_title": "Cats",
    "media_type": "photo",
    "video_segments": [[0.0, 5.0], [7.5, 9.0]],
    "0": 5,
    "": "a",
    "modality": "image",
    "objects": {"ref": ["cat"], "bbox": [[1, 2, 3, 4]], "image_id": [0]},
    "voice": "active",
    "framework": "torch",
    "timeframe": "1950s",
    "median": "7",
    "pages": 320,
    "source": "report.pdf",
    "embedding": b"any",
    "image_hash": b"any",
    "response_format": {"schema": {"properties": {"image_url": {"type": "string"}}}},
}


@pytest.mark.parametrize("key", ABOUT)
def test_what_is_only_said_about_media_does_no_harm(key):
    assert shown(asking(**{key: ABOUT[key]})) == (Text("What?"),)
    if key != "pages":
        assert shown(asking(images=["a.png"], **{key: ABOUT[key]})) == (PICTURE, Text("What?"))


def test_another_name_of_what_is_shown_does_no_harm():
    names = {
        "image_url": "https://a.example/a.png",
        "file_name": "train/a.png",
        "image_name": "a",
        "image_source": "coco",
    }
    assert shown(asking(images=["a.png"], meta={"image": {"path": "x/a.png"}}, **names)) == (PICTURE, Text("What?"))


def test_messages_are_counted_as_they_stand_in_the_record():
    with pytest.raises(BadRecord, match=r"`messages\.0\.imgs"):
        shown(asking(message={"imgs": ["a.png"]}, system="Be brief."))


def test_keys_that_say_nothing_are_no_media():
    """Parquet gives every key to every row."""
    empty = {
        "images": None,
        "imgs": [],
        "videos": "",
        "image": {"bytes": None, "path": None},
        "audio": None,
        "fps": None,
    }
    assert shown(asking(message=empty, **empty)) == (Text("What?"),)
    assert shown(asking([WHAT | {"image": None, "video": {"path": None}}])) == (Text("What?"),)


def test_records_of_a_file_whose_pictures_were_not_seen(tmp_path):
    path = tmp_path / "data.jsonl"
    marked, plain, picture = "<image>\nRead the text.", "Read the text.", ["heading.png"]
    records = [asking(marked, imgs=picture), asking(plain, {"images": picture}), asking(marked, images=[])]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    shutil.copy(SAMPLES / "heading.png", tmp_path)
    source = JsonFile("data", path)
    with pytest.raises(BadRecord, match=r"jsonl:1: `imgs"):
        source.read(0, 0, (0,))
    assert source.read(0, 1, (0,)).messages[0].content[0].source == tmp_path / "heading.png"
    with pytest.raises(BadRecord, match=r"jsonl:3: 1 marks <image>, but 0 files"):
        source.read(0, 2, (0,))
