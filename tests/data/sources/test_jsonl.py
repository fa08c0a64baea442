"""Every record of a file comes once, by number; what is wrong with one is told with its line."""

import json
import pickle

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demiglace.conversation import Image
from demiglace.data.sources import jsonl
from demiglace.data.sources.jsonl import JsonFile
from demiglace.records.bad_record import BadRecord


def record(text: str, **beside) -> dict:
    turns = [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": text}]
    return {"messages": turns} | beside


def written(path, content: str | bytes) -> JsonFile:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return JsonFile("records", path)


def answers(source: JsonFile) -> list[str]:
    places = [(block, row) for block, size in enumerate(source.blocks) for row in range(size)]
    return [source.read(*place, seed=(0,)).messages[-1].content[0].text for place in places]


TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"])).map(lambda text: f"“{text}”"), min_size=1, max_size=4
)
ANSWERS = ["one", 'two "quoted" \\ ]}{[', "drei für zwölf", "four\nlines\\", "5"]


@settings(max_examples=20, deadline=None)
@given(
    texts=TEXTS,
    indent=st.sampled_from([None, 2]),
    ascii_only=st.booleans(),
    break_=st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_every_record_comes_once_and_in_order(tmp_path_factory, texts, indent, ascii_only, break_):
    folder = tmp_path_factory.mktemp("records")
    records = [record(text) for text in texts]
    lines = break_.join(json.dumps(one, ensure_ascii=ascii_only) for one in records)
    assert answers(written(folder / "a.jsonl", lines)) == texts
    assert answers(written(folder / "b.jsonl", lines + break_)) == texts
    array = json.dumps(records, ensure_ascii=ascii_only, indent=indent)
    assert answers(written(folder / "a.json", array)) == texts


@pytest.mark.parametrize("start", ["", "\ufeff", " \n"])
def test_marks_and_space_before_the_first_record(tmp_path, start):
    assert answers(written(tmp_path / "a.jsonl", start + json.dumps(record("one")))) == ["one"]
    assert answers(written(tmp_path / "a.json", start + json.dumps([record("one")]))) == ["one"]


def test_brackets_and_quotes_in_strings_end_no_record(tmp_path):
    assert answers(written(tmp_path / "a.json", json.dumps([record(text) for text in ANSWERS]))) == ANSWERS


def test_blocks_and_chunks_hide_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "BLOCK", 3)
    monkeypatch.setattr(jsonl, "CHUNK", 50)
    texts = [str(number) for number in range(10)]
    source = written(tmp_path / "a.jsonl", "\n".join(json.dumps(record(text)) for text in texts))
    assert source.blocks == (3, 3, 3, 1)
    assert answers(source) == texts


def test_a_pickled_source_takes_no_index_along_and_reads_the_same(tmp_path):
    source = written(tmp_path / "a.jsonl", "\n".join(json.dumps(record(text)) for text in ANSWERS))
    expected = answers(source)
    copy = pickle.loads(pickle.dumps(source))
    assert "_index" not in vars(copy)
    assert copy == source
    assert answers(copy) == expected


def test_a_picture_beside_the_file(tmp_path):
    (tmp_path / "pictures").mkdir()
    PIL.Image.new("RGB", (4, 4)).save(tmp_path / "pictures" / "a.png")
    source = written(tmp_path / "a.jsonl", json.dumps(record("black", image="pictures/a.png")))
    assert source.read(0, 0, (0,)).messages[0].content[0] == Image(tmp_path / "pictures" / "a.png")


def test_a_media_folder_of_its_own(tmp_path):
    (tmp_path / "media").mkdir()
    picture = tmp_path / "media" / "a.png"
    PIL.Image.new("RGB", (4, 4)).save(picture)
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(json.dumps(record("black", image=name)) for name in ("a.png", str(picture))))
    source = JsonFile("records", path, media=tmp_path / "media")
    assert [source.read(0, row, (0,)).messages[0].content[0] for row in (0, 1)] == [Image(picture)] * 2


def test_mistakes_are_told_with_their_line(tmp_path):
    lines = [json.dumps(record("fine")), "", '{"messages": [', json.dumps(record("a", image="missing.png")), "[1]"]
    lines += [json.dumps(record("a", image="../../etc/passwd")), json.dumps(record("a", image="/etc/passwd")), "\xff"]
    source = written(tmp_path / "a.jsonl", "\n".join(lines[:-1]).encode() + b"\n \xff")
    complaints = [(3, "not valid JSON"), (4, "does not exist"), (5, "must be an object"), (6, "leads out of")]
    complaints += [(7, "is an absolute path"), (8, "not valid JSON")]
    assert source.blocks == (7,)
    for row, (line, why) in enumerate(complaints, start=1):
        with pytest.raises(BadRecord, match=rf"a\.jsonl:{line}: .*{why}"):
            source.read(0, row, (0,))
    assert source.read(0, 0, (0,)).messages[-1].content[0].text == "fine"


def test_a_broken_object_in_an_array_is_one_bad_record(tmp_path):
    broken = f"[{json.dumps(record('one'))}, {{'messages': }}, {json.dumps(record('three'))}]"
    source = written(tmp_path / "a.json", broken)
    assert source.blocks == (3,)
    assert source.read(0, 2, (0,)).messages[-1].content[0].text == "three"
    with pytest.raises(BadRecord, match=r"a\.json\[1\]: not valid JSON"):
        source.read(0, 1, (0,))


def test_an_array_that_breaks_off_ends_with_a_bad_record(tmp_path):
    whole = json.dumps([record("one"), record("two")])
    source = written(tmp_path / "a.json", whole[:-9])
    assert source.blocks == (2,)
    with pytest.raises(BadRecord, match=r"a\.json\[1\]: not valid JSON"):
        source.read(0, 1, (0,))


def test_huge_records_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "MAX_RECORD_BYTES", 200)
    source = written(tmp_path / "a.jsonl", json.dumps(record("x" * 300)))
    with pytest.raises(BadRecord, match=r"a\.jsonl:1: a record of \d+ bytes, more than the 200 taken"):
        source.read(0, 0, (0,))


def test_quotes_that_never_close_take_no_more_than_one_look(tmp_path):
    """Each of them would otherwise be followed to the end of the file."""
    source = written(tmp_path / "a.json", b'[{"a": "' + b'\\"' * 100_000)
    assert source.blocks == (1,)


@pytest.mark.parametrize("content", ["", "\n\n", "[]", "[1, 2]"])
def test_files_without_records_are_refused(tmp_path, content):
    with pytest.raises(ValueError, match=r"no records|0 bytes"):
        written(tmp_path / "a.json", content).blocks  # noqa: B018


@pytest.mark.parametrize("held", [record("one"), {"data": [record("one")]}], ids=["a record", "a list in it"])
def test_an_object_over_several_lines_is_no_row_of_broken_lines(tmp_path, held):
    with pytest.raises(ValueError, match=r"a\.json holds an object over several lines"):
        written(tmp_path / "a.json", json.dumps(held, indent=2)).blocks  # noqa: B018


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        JsonFile("records", tmp_path / "a.jsonl").blocks  # noqa: B018
