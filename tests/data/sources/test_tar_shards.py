"""Shards are read in place, by name; hostile ones are refused."""

import io
import json
import pickle
import tarfile

import PIL.Image
import pytest

from demiglace.conversation import Document, Image, Text, Video, VideoSampling
from demiglace.data.sources import tar_shards
from demiglace.data.sources.tar_shards import TarShards
from demiglace.records.bad_record import BadRecord


def png(level: int = 0) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("L", (4, 4), level).save(file, "PNG")
    return file.getvalue()


def llava(text: str, question: str = "<image>\nSay it.", **beside) -> bytes:
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": text}]
    return json.dumps({"conversations": turns} | beside).encode()


def written(path, members: dict[str, bytes], format_=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w", format=format_) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def one(tmp_path, members: dict[str, bytes]):
    return TarShards("shards", (written(tmp_path / "a.tar", members),)).read(0, 0, seed=(0,))


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_record_of_every_shard_comes_once(tmp_path, format_):
    long = "" if format_ == tarfile.USTAR_FORMAT else "long" * 60
    first = {"a/1.json": llava("one"), "a/1.png": png(), f"{long}2.png": png(), f"{long}2.json": llava("two")}
    paths = (
        written(tmp_path / "0.tar", first, format_),
        written(tmp_path / "1.tar", {"1.json": llava("three"), "1.png": png()}, format_),
    )
    source = TarShards("shards", paths)
    assert source.blocks == (2, 1)
    read = [source.read(block, row, (0,)) for block, row in [(0, 0), (0, 1), (1, 0)]]
    assert [conversation.messages[-1].content[0].text for conversation in read] == ["one", "two", "three"]
    assert all(conversation.messages[0].content == (Image(png()), Text("Say it.")) for conversation in read)


def test_captions(tmp_path):
    conversation = one(tmp_path, {"1.jpg": png(), "1.txt": b"A black square.\n"})
    assert conversation.messages[0].content == (Image(png()), Text("Describe the picture."))
    assert conversation.messages[1].content == (Text("A black square."),)
    clip = {"1.mp4": b"\0\0\0\x18ftypmp42", "1.txt": b"A square moves."}
    assert one(tmp_path, clip).messages[0].content[1] == Text("Describe the video.")
    shard = written(tmp_path / "asked.tar", clip)
    asked = TarShards("shards", (shard,), question="What moves?").read(0, 0, ())
    assert asked.messages[0].content[1] == Text("What moves?")


def test_facts_beside_a_caption_are_no_record(tmp_path):
    """As img2dataset writes shards."""
    facts = json.dumps({"url": "https://example.org/1.jpg", "caption": "A black square.", "key": "1", "width": 4})
    conversation = one(tmp_path, {"1.jpg": png(), "1.json": facts.encode(), "1.txt": b"A black square."})
    assert conversation.messages[0].content == (Image(png()), Text("Describe the picture."))
    assert conversation.messages[1].content == (Text("A black square."),)
    with pytest.raises(BadRecord, match="needs `messages` or `conversations`, got url"):
        one(tmp_path, {"1.jpg": png(), "1.json": facts.encode()})


def test_text_alone_answers_an_empty_turn(tmp_path):
    assert one(tmp_path, {"1.txt": b"Words."}).messages[0].content == (Text(""),)


@pytest.mark.parametrize("reference", ["left.png", "1.left.png", "1.LEFT.png"])
def test_records_name_their_own_members(tmp_path, reference):
    members = {"a/1.left.png": png(1), "a/1.right.png": png(2), "a/1.json": llava("one", image=reference)}
    assert one(tmp_path, members).messages[0].content[0] == Image(png(1))


def test_unnamed_members_come_in_the_order_of_the_shard(tmp_path):
    members = {"1.b.png": png(2), "1.json": llava("one", "Compare."), "1.a.png": png(1), "1.mp4": b"film"}
    shown = (Image(png(2)), Image(png(1)), Video(b"film"), Text("Compare."))
    assert one(tmp_path, members | {"1.cls": b"7"}).messages[0].content == shown


@pytest.mark.parametrize(
    "name", ["1.{}.png", "doc1.{}.png", "1.page-{}.png", "a/1.{}.page.png", "1.{:02}.png", "1.{}.PNG"]
)
def test_pages_are_shown_in_the_order_of_their_numbers(tmp_path, name):
    numbers = [11, 2, 0, 10, *range(3, 10), 1]
    members = {name.format(number): png(number) for number in numbers}
    record = name.partition(".")[0] + ".json"
    content = one(tmp_path, members | {record: llava("one", "Read the pages.")}).messages[0].content
    assert content == (*[Image(png(number)) for number in range(12)], Text("Read the pages."))


def test_numbers_of_two_kinds_of_names_are_no_order(tmp_path):
    members = {"1.page2.png": png(1), "1.scan1.png": png(2), "1.txt": b"Words."}
    assert one(tmp_path, members).messages[0].content[:2] == (Image(png(1)), Image(png(2)))


def test_pdfs_and_pictures_of_several_pages_are_documents(tmp_path):
    first, *others = [PIL.Image.new("L", (4, 4), level) for level in range(3)]
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=others)
    members = {"1.tif": file.getvalue(), "1.pdf": b"%PDF-1.7", "1.txt": b"Words."}
    asked = Text("Describe the document.")
    assert one(tmp_path, members).messages[0].content == (Document(file.getvalue()), Document(b"%PDF-1.7"), asked)


def test_videos_are_looked_at_as_the_source_or_the_record_says(tmp_path):
    path = written(tmp_path / "a.tar", {"1.mp4": b"film", "1.txt": b"Words.", "2.mp4": b"film"} | {
        "2.json": llava("one", "<video>What?", fps=2.0)
    })  # fmt: skip
    source = TarShards("shards", (path,), sampling=VideoSampling(fps=10.0, max_packages=7))
    assert source.read(0, 0, (0,)).messages[0].content[0] == Video(b"film", VideoSampling(fps=10.0, max_packages=7))
    assert source.read(0, 1, (0,)).messages[0].content[0] == Video(b"film", VideoSampling(fps=2.0, max_packages=7))


def test_a_pickled_source_takes_no_members_along(tmp_path):
    source = TarShards("shards", (written(tmp_path / "a.tar", {"1.txt": b"Words."}),))
    expected = source.read(0, 0, (0,))
    copy = pickle.loads(pickle.dumps(source))
    assert vars(copy).keys() == {"name", "paths", "question", "sampling"}
    assert copy.read(0, 0, (1,)) == expected


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"1.png": b"a"}, "neither .json nor .txt among its files: png"),
        ({"1.json": b"{"}, "not valid JSON"),
        ({"1.json": llava("one", image="../../etc/passwd")}, "is not among the files of this record: json"),
        ({"1.json": llava("one", image="2.png"), "2.png": b"a"}, "2.png is not among the files of this record: json"),
        ({"1.json": llava("one")}, "1 marks <image>, but 0 files"),
        ({"1.json": llava("one"), "1.png": b""}, r"\.png has 0 bytes, taken are 1 to"),
        ({"1.json": llava("one"), "1.png": png(), "1.wav": b"a"}, r"\.wav is sound, which is not read"),
        ({"1.txt": b"\xff"}, "can't decode byte"),
        ({"1.txt": b" "}, "the caption in .txt is empty"),
    ],
)
def test_mistakes_are_told_with_shard_and_name(tmp_path, members, why):
    with pytest.raises(BadRecord, match=rf"a\.tar, 1: .*{why}"):
        one(tmp_path, members)


def test_huge_members_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_shards, "MAX_RECORD_BYTES", 10)
    with pytest.raises(BadRecord, match=r"a\.tar, 1: \.txt has 11 bytes, taken are 1 to 10"):
        one(tmp_path, {"1.txt": b"x" * 11})


def test_links_devices_and_hidden_names_are_left_out(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, type_ in [("1.txt", tarfile.SYMTYPE), ("1.json", tarfile.CHRTYPE), ("1.png", tarfile.LNKTYPE)]:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = type_, "/etc/passwd"
            tar.addfile(member)
        for name in ("._1.txt", "README", "2.txt"):
            member = tarfile.TarInfo(name)
            member.size = 2
            tar.addfile(member, io.BytesIO(b"ok"))
    source = TarShards("shards", (tmp_path / "a.tar",))
    assert source.blocks == (1,)
    assert source.read(0, 0, (0,)).messages[-1].content[0].text == "ok"


def test_a_file_of_two_names_is_in_both_samples(tmp_path):
    (tmp_path / "0.txt").write_text("Words.")
    for name in ("1.txt", "2.txt"):  # as `cp -l` does
        (tmp_path / name).hardlink_to(tmp_path / "0.txt")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("0.txt", "1.txt", "2.txt"):
            tar.add(tmp_path / name, f"./{name}")
        assert [member.islnk() for member in tar] == [False, True, True]
    source = TarShards("shards", (tmp_path / "a.tar",))
    assert source.blocks == (3,)
    assert [source.read(0, row, (0,)).messages[-1].content[0].text for row in range(3)] == ["Words."] * 3


def header(name: str, **fields) -> bytes:
    member = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(member, key, value)
    return member.tobuf(tarfile.GNU_FORMAT)


HOSTILE = {
    "size beyond the file": header("1.txt", size=10**12) + b"x" * 2048,
    "negative size": header("0.txt") + header("1.txt", size=-1024) + b"x" * 2048,
    "endless name": header("x", type=tarfile.GNUTYPE_LONGNAME, size=2**20) + b"x" * 2**20 + header("1.txt"),
    "negative name": header("x", type=tarfile.GNUTYPE_LONGNAME, size=-(2**20)) + b"x" * 2048,
    "endless attributes": header("x", type=tarfile.XHDTYPE, size=2**20) + b"x" * 2**20 + header("1.txt"),
    "names of names": header("x", type=tarfile.GNUTYPE_LONGNAME, size=0) * 3000 + header("1.txt"),
    "compressed": b"\x1f\x8b" + b"x" * 2048,
    "no tar": b"words " * 500,
    "cut off": header("1.txt", size=4096) + b"x" * 1024,
    "empty": b"",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_and_broken_shards_are_one_bad_record(tmp_path, data):
    path = tmp_path / "a.tar"
    path.write_bytes(data)
    source = TarShards("shards", (path, written(tmp_path / "b.tar", {"1.txt": b"Words."})))
    assert source.blocks == (1, 1)
    with pytest.raises(BadRecord, match=r"a\.tar: (not a tar file that can be read|.*empty, 0 bytes)"):
        source.read(0, 0, (0,))
    assert source.read(1, 0, (0,)).messages[-1].content[0].text == "Words."


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_shards, "MAX_MEMBERS", 2)
    with pytest.raises(BadRecord, match=r"a\.tar: not a tar file that can be read: member 2"):
        one(tmp_path, {f"{number}.txt": b"Words." for number in range(3)})


def test_a_missing_shard_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        TarShards("shards", (tmp_path / "a.tar",)).blocks  # noqa: B018
