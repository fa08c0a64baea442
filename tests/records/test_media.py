"""What a record refers to becomes a picture, a video or a document, looked at as the record says."""

import base64
import io
import json
from fractions import Fraction
from pathlib import Path

import PIL.Image
import pytest
from chat_records import CLIP, PICTURE, WHAT, asking, shown
from clips import make_clip

from demiglace.conversation import Document, Image, Text, Video, VideoSampling
from demiglace.data.sources.jsonl import JsonFile
from demiglace.media.video import read_packages
from demiglace.records.bad_record import BadRecord

PDF = b"%PDF-1.7 and so on"
PAPER = Document(Path("media/a.pdf"))
F0, F1 = Path("media/0.jpg"), Path("media/1.jpg")


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def picture(format_: str = "PNG", pages: int = 1) -> bytes:
    file = io.BytesIO()
    first, *others = [PIL.Image.new("L", (4, 4), level) for level in range(pages)]
    first.save(file, format_, **({"save_all": True, "append_images": others} if others else {}))
    return file.getvalue()


@pytest.mark.parametrize(
    "part",
    [
        {"image": "a.png"},
        {"type": "image_path", "image_path": "a.png"},
        {"type": "input_image", "image_url": "a.png", "detail": "auto"},
        {"type": "image_url", "image_url": {"url": "a.png", "detail": "low"}},
        {"type": "image", "url": "a.png"},
        {"type": "image", "source": {"type": "url", "url": "a.png"}},
    ],
)
def test_parts_as_other_programs_write_them(part):
    assert shown(asking([part, {"type": "input_text", "text": "What?"}])) == (PICTURE, Text("What?"))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "document", "document": "a.pdf"},
        {"type": "pdf", "path": "a.pdf"},
        {"type": "image", "image": "a.pdf"},
        {"type": "image_url", "image_url": {"url": "a.pdf"}},
    ],
)
def test_pdfs_in_messages(part):
    assert shown(asking([part, WHAT])) == (PAPER, Text("What?"))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{in_base64(PDF)}"}},
        {"type": "input_file", "filename": "a.pdf", "file_data": in_base64(PDF)},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": in_base64(PDF)}},
        {"type": "image", "image": PDF},
    ],
)
def test_pdfs_as_bytes(part):
    assert shown(asking([part, WHAT])) == (Document(PDF), Text("What?"))


def test_pdfs_and_pages_beside_the_messages():
    assert shown(asking("<image>What?", images=["a.pdf"])) == (PAPER, Text("What?"))
    chosen = Document(PAPER.source, "1-3,7")
    assert shown(asking(documents=["a.pdf"], pages="1-3,7")) == (chosen, Text("What?"))
    assert shown(asking(documents=["a.pdf", "a.pdf"], pages=["1-3,7", None])) == (chosen, PAPER, Text("What?"))
    assert shown(asking(message={"pdf": "a.pdf", "pages": "1-3,7"})) == (chosen, Text("What?"))
    assert shown(asking([{"type": "pdf", "pdf": "a.pdf", "pages": 2}])) == (Document(PAPER.source, "2"),)


def test_pictures_of_several_pages_are_documents(tmp_path):
    (tmp_path / "fax.tif").write_bytes(picture("TIFF", pages=3))
    (tmp_path / "photo.tif").write_bytes(picture("TIFF"))
    several = picture("TIFF", pages=2)
    record = asking(images=["fax.tif", "photo.tif", several], pages=["1", None, None])
    read = shown(record, lambda name: tmp_path / name)
    assert read[:2] == (Document(tmp_path / "fax.tif", "1"), Image(tmp_path / "photo.tif"))
    assert read[2] == Document(several)


def test_pages_can_be_chosen_of_a_tiff_of_one_page_too(tmp_path):
    (tmp_path / "fax.tif").write_bytes(picture("TIFF"))
    read = shown(asking(images=["fax.tif"], pages="1"), lambda name: tmp_path / name)
    assert read[0] == Document(tmp_path / "fax.tif", "1")


@pytest.mark.parametrize(
    "address", ["file://my%20scan.png", "file://{folder}/my%20scan.png", "FILE://localhost{folder}/my%20scan.png"]
)
def test_a_file_address_may_be_written_in_percent_signs(tmp_path, address):
    (tmp_path / "my scan.png").write_bytes(picture())
    source = JsonFile("data", tmp_path / "data.jsonl", media=tmp_path)
    reference = address.format(folder=tmp_path)
    (tmp_path / "data.jsonl").write_text(json.dumps(asking([{"image": reference}, WHAT])) + "\n")
    (seen,) = [part for part in source.read(0, 0, (0,)).messages[0].content if isinstance(part, Image)]
    assert Path(seen.source) == tmp_path / "my scan.png"
    (tmp_path / "my%20scan.png").write_bytes(picture())  # as Qwen's own code opens it
    (seen,) = [part for part in source.read(0, 0, (0,)).messages[0].content if isinstance(part, Image)]
    assert Path(seen.source) == tmp_path / "my%20scan.png"


@pytest.mark.parametrize("beside", [{"images": ["a.png"]}, {"videos": ["a.mp4"]}])
def test_pages_of_what_has_none(beside):
    with pytest.raises(BadRecord, match="`pages` does not apply"):
        shown(asking(pages="1", **beside))


def sampled(**fields: object) -> Video:
    return Video(CLIP.source, VideoSampling(**fields))


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"fps": 10.0}, {"fps": 10.0}),
        ({"fps": 2}, {"fps": 2.0}),
        ({"nframes": 8}, {"num_frames": 8}),
        ({"nframes": 8.0}, {"num_frames": 8}),
        ({"video_start": 1, "video_end": 2.5}, {"start": 1.0, "end": 2.5}),
        ({"package_frames": 2}, {"package_frames": 2, "force_package_frames": True}),
        ({"max_packages": 5, "fps": None}, {"max_packages": 5}),
    ],
)
def test_how_a_record_wants_its_video_looked_at(settings, fields):
    expected = (sampled(**fields), Text("What?"))
    for record in (
        asking([{"type": "video", "video": "a.mp4"} | settings, WHAT]),
        asking([{"type": "video_url", "video_url": {"url": "a.mp4"} | settings}, WHAT]),
        asking("<video>What?", videos=["a.mp4"], **settings),
        asking(videos=[{"path": "a.mp4"} | settings]),
        asking(message={"videos": ["a.mp4"]} | settings),
        asking(videos=["a.mp4"], **{key: [value] for key, value in settings.items()}),
    ):
        assert shown(record) == expected


def test_the_nearest_word_counts():
    record = asking([{"type": "video", "video": "a.mp4", "nframes": 4}, {"type": "video", "video": "a.mp4"}], fps=2)
    source = VideoSampling(fps=7.0, max_packages=9)
    four, two = (VideoSampling(fps=fps, max_packages=9, num_frames=number) for fps, number in ((7.0, 4), (2.0, None)))
    assert [part.sampling for part in shown(record, sampling=source)] == [four, two]
    assert shown(asking(videos=["a.mp4"]), sampling=source)[0].sampling == source
    assert shown(asking(videos=["a.mp4"]))[0].sampling is None


def test_each_of_several_videos_has_its_own_rate():
    read = shown(asking(images=["a.png"], videos=["a.mp4", "a.mp4"], fps=[1, 2]))
    assert read[:3] == (PICTURE, sampled(fps=1.0), sampled(fps=2.0))


@pytest.mark.parametrize(
    ("record", "frames", "sampling"),
    [
        (asking([{"type": "video", "video": ["0.jpg", "1.jpg"], "fps": 2}]), 2, VideoSampling(fps=2.0)),
        (asking([{"type": "video", "video": ["0.jpg", "1.jpg"], "sample_fps": 2}]), 2, VideoSampling(fps=2.0)),
        (asking(videos=["0.jpg", "1.jpg"]), 2, None),
        (asking(videos=[["0.jpg", "1.jpg"]]), 2, None),
        (asking(frames=["0.jpg", "1.jpg"]), 2, None),
        (asking("<video>What?", video=["0.jpg"]), 1, None),
    ],
)
def test_a_list_of_frames_is_a_video(record, frames, sampling):
    assert shown(record)[0] == Video((F0, F1)[:frames], sampling)


@pytest.mark.parametrize("own", [{"fps": 2}, {"pages": "1"}, {"max_pixels": 4}, {"image_url": "b.png"}])
def test_a_frame_is_looked_at_as_the_whole_video_is(own):
    with pytest.raises(BadRecord, match=f"`{next(iter(own))}`.* (is not supported|does not apply)"):
        shown(asking([{"type": "video", "video": [{"path": "0.jpg"} | own, "1.jpg"]}]))


def test_a_list_of_videos_is_several():
    assert shown(asking(video=["a.mp4", "a.mp4"])) == (CLIP, CLIP, Text("What?"))
    assert shown(asking([{"type": "video", "video": ["a.mp4"]}])) == (CLIP,)
    two = shown(asking(videos=[["0.jpg", "1.jpg"], "a.mp4"]))
    assert two == (Video((F0, F1)), CLIP, Text("What?"))


VIDEO = {"type": "video", "video": "a.mp4"}
NOT_SUPPORTED = ["max_frames", "min_frames", "num_frames", "max_pixels", "total_pixels", "resized_width", "frame_rate"]


@pytest.mark.parametrize("key", [*NOT_SUPPORTED, "video_fps", "max_slice_nums", "frames", "speed"])
def test_a_field_of_a_video_that_is_not_supported(key):
    with pytest.raises(BadRecord, match=f"`{key}` of a part of type video is not supported"):
        shown(asking([VIDEO | {key: 4}]))
    if key != "speed":
        with pytest.raises(BadRecord, match=f"`{key}` is not supported, got 4"):
            shown(asking(videos=["a.mp4"], **{key: 4}))


@pytest.mark.parametrize("setting", [{"fps": 2}, {"nframes": 4}, {"video_start": 1}, {"package_frames": 2}])
def test_a_video_setting_where_no_video_is(setting):
    (key,) = setting
    for record in (
        asking(**setting),
        asking(images=["a.png"], **setting),
        asking(message={"images": ["a.png"]} | setting),
        asking([{"type": "image", "image": "a.png"} | setting]),
        asking([{"type": "video"} | setting], videos=["a.mp4"]),
        asking(images=[{"path": "a.png"} | setting]),
    ):
        with pytest.raises(BadRecord, match=f"`{key}` does not apply"):
            shown(record)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"fps": 2, "nframes": 4}, "fps and nframes cannot be combined"),
        ({"fps": "2"}, "`fps` must be a number, got str '2'"),
        ({"fps": True}, "`fps` must be a number"),
        ({"fps": 10**400}, "`fps` must be a number"),
        ({"fps": float("nan")}, "`fps` must be a number"),
        ({"fps": 0}, r"fps must be a number in \(0, 60\]"),
        ({"nframes": 2.5}, "`nframes` must be a whole number, got float 2.5"),
        ({"nframes": 0}, "num_frames, .*, must be a whole number from 1"),
        ({"package_frames": 7}, "package_frames must be a whole number from 1 to 6"),
        ({"video_start": 2, "video_end": 1}, "start must be before end"),
        ({"video_start": -1}, "start must be a number in"),
        ({"sample_fps": 2}, "`sample_fps` does not apply"),
        ({"pages": "1"}, "`pages` does not apply"),
    ],
)
def test_settings_out_of_bounds(settings, why):
    for record in (asking([VIDEO | settings]), asking(videos=["a.mp4"], **settings)):
        with pytest.raises(BadRecord, match=why):
            shown(record)


def test_as_many_settings_as_files():
    with pytest.raises(BadRecord, match="`fps` has 2 values for 1 files"):
        shown(asking(videos=["a.mp4"], fps=[1, 2]))


def test_a_video_among_pictures_or_pages_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    for key, value in (("images", "a.mp4"), ("documents", "a.mp4"), ("images", b"\0\0\0\x18ftypisom")):
        with pytest.raises(BadRecord, match="is a video, but stands among the"):
            shown(asking(**{key: [value]}), lambda name: tmp_path / name)


def written(path: Path, *records: dict) -> JsonFile:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return JsonFile("data", path)


def test_what_a_record_asks_for_is_looked_at(tmp_path):
    make_clip(tmp_path / "flash.mp4", range(56), time_base=Fraction(1, 20), rate=20)
    asked = ({"fps": 10.0}, {"video_start": 0.0, "video_end": 1.0}, {"nframes": 2})
    clips = [[{"type": "video", "video": "flash.mp4", **settings}, WHAT] for settings in asked]
    source = written(
        tmp_path / "data.jsonl", asking("<video>What?", videos=["flash.mp4"]), *[asking(clip) for clip in clips]
    )
    counted = []
    for row in range(4):
        video = next(part for part in source.read(0, row, (0,)).messages[0].content if isinstance(part, Video))
        counted.append(sum(len(package.frames) for package in read_packages(video.source, video.sampling)))
    assert counted[3] == 2
    assert counted[1] > counted[0] > counted[2]


def test_a_pdf_in_a_record_of_a_file(tmp_path):
    (tmp_path / "two-pages.pdf").write_bytes(picture("PDF", pages=2))
    record = asking("<image>What is the total?", images=["two-pages.pdf"])
    content = written(tmp_path / "data.jsonl", record).read(0, 0, (0,)).messages[0].content
    assert content == (Document(tmp_path / "two-pages.pdf"), Text("What is the total?"))
