"""Rows of Parquet files, with pictures in their columns as data sets keep them."""

import builtins
import io
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path

import PIL.Image
import pytest

from demiglace.conversation import Image, Text
from demiglace.data.sources import parquet
from demiglace.data.sources.parquet import ParquetFiles
from demiglace.records.bad_record import BadRecord

pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")


@cache
def png() -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", (4, 4)).save(file, "PNG")
    return file.getvalue()


def rows(*texts: str) -> list[dict]:
    return [
        {
            "conversations": [{"from": "human", "value": "<image>\nSay it."}, {"from": "gpt", "value": text}],
            "image": {"bytes": png(), "path": "never/opened.png"},
        }
        for text in texts
    ]


def written(path, records: list[dict], group: int = 2):
    from pyarrow.parquet import write_table

    write_table(pyarrow.Table.from_pylist(records), path, row_group_size=group)
    return path


@pytest.fixture
def source(tmp_path) -> ParquetFiles:
    first = written(tmp_path / "0.parquet", rows("a", "b", "c"))
    return ParquetFiles("rows", (first, written(tmp_path / "1.parquet", rows("d"))))


def read(source: ParquetFiles, block: int, row: int):
    return source.read(block, row, seed=(0,))


def test_every_row_comes_once(source):
    assert source.blocks == (2, 1, 1)
    answers = [
        read(source, block, row).messages[-1].content[0].text
        for block, size in enumerate(source.blocks)
        for row in range(size)
    ]
    assert answers == ["a", "b", "c", "d"]


def test_pictures_are_bytes(source):
    assert read(source, 0, 1).messages[0].content == (Image(png()), Text("Say it."))


def test_other_columns_of_pictures(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    turns = [{"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "Say it."}]}]
    turns.append({"role": "assistant", "content": [{"type": "text", "text": "a"}]})
    struct, path = {"bytes": png(), "path": None}, {"bytes": None, "path": "a.png"}
    shown = {}
    for name, column in {"bytes": {"image": png()}, "list": {"images": [struct]}, "path": {"image": path}}.items():
        file = written(tmp_path / f"{name}.parquet", [{"messages": turns} | column])
        shown[name] = read(ParquetFiles("rows", (file,)), 0, 0).messages[0].content
    assert shown["bytes"] == shown["list"] == (Image(png()), Text("Say it."))
    assert shown["path"] == (Image(tmp_path / "a.png"), Text("Say it."))


def test_a_file_without_rows_before_others_decides_nothing(tmp_path, source):
    """As streaming writers leave a shard that got no record: with no row group, or with an empty one."""
    empty = tmp_path / "empty.parquet"
    schema = pyarrow.Table.from_pylist(rows("a")).schema
    pyarrow.parquet.ParquetWriter(empty, schema).close()
    assert ParquetFiles("rows", (empty,)).names_files
    assert not ParquetFiles("rows", (empty, *source.paths)).names_files
    pyarrow.parquet.write_table(schema.empty_table(), empty)
    assert not ParquetFiles("rows", (empty, *source.paths)).names_files


def test_a_pickled_source_takes_its_counts_but_no_rows_along(source):
    first = read(source, source.blocks.index(1), 0)
    copy = pickle.loads(pickle.dumps(source))
    assert vars(copy).keys() == {"name", "paths", "media", "media_root", "sampling", "find", "blocks"}
    assert read(copy, 1, 0) == first


def test_a_block_is_decoded_once(source, monkeypatch):
    decoded = []
    read_group = parquet._read_group
    monkeypatch.setattr(parquet, "_read_group", lambda *place: decoded.append(place) or read_group(*place))
    for block, row in [(0, 0), (0, 1), (1, 0), (0, 0), (1, 0), (2, 0), (1, 0), (0, 0)]:
        read(source, block, row)
    assert [group for _, group in decoded] == [0, 1, 0]


def test_what_was_not_asked_for_longest_is_decoded_again(source, monkeypatch):
    tables = {0: 300, 1: 300, 2: 300}
    decoded = []

    def read_group(path, group):
        decoded.append(len(decoded))
        return pyarrow.table({"a": pyarrow.array([0] * tables[group], pyarrow.int8())})

    monkeypatch.setattr(parquet, "_read_group", read_group)
    monkeypatch.setattr(parquet, "MAX_GROUP_BYTES", 700)
    monkeypatch.setattr(ParquetFiles, "_groups", [(Path("a"), group, 300) for group in tables])
    for block in (0, 1, 0, 2, 0, 1):
        source._group(block)
    assert len(decoded) == 4


def test_bad_rows_are_told_with_their_place(tmp_path):
    records = [*rows("a", "b"), rows("c")[0] | {"image": {"bytes": None, "path": "../../etc/passwd"}}]
    source = ParquetFiles("rows", (written(tmp_path / "a.parquet", records),))
    with pytest.raises(BadRecord, match=r"a\.parquet, row 0 of group 1: .* leads out of"):
        read(source, 1, 0)


def test_a_broken_file_is_one_bad_record(tmp_path, source):
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    empty = tmp_path / "empty.parquet"
    empty.touch()
    source = ParquetFiles("rows", (*source.paths, broken, empty))
    assert source.blocks == (2, 1, 1, 1, 1)
    for block in (3, 4):
        with pytest.raises(BadRecord, match=r"\.parquet, row 0 of group 0: the row group cannot be read"):
            read(source, block, 0)


def test_damaged_pages_are_bad_records(tmp_path, source):
    data = bytearray(source.paths[0].read_bytes())
    data[4 : len(data) // 3] = bytes(len(data) // 3 - 4)
    (tmp_path / "damaged.parquet").write_bytes(data)
    source = ParquetFiles("rows", (tmp_path / "damaged.parquet",))
    assert source.blocks == (2, 1)
    with pytest.raises(BadRecord, match="cannot be read") as raised:
        read(source, 0, 0)
    assert "\n" not in str(raised.value)  # as pyarrow writes it
    assert "\n" not in raised.value.why


def test_few_bytes_that_stand_for_many_are_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MAX_GROUP_BYTES", 1_000_000)
    path = written(tmp_path / "a.parquet", rows(*["x" * 10_000] * 1000), group=1000)
    assert path.stat().st_size < 500_000
    with pytest.raises(BadRecord, match=r"a row group of 1\d{6} bytes and more, 1000000 are taken"):
        read(ParquetFiles("rows", (path,)), 0, 0)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        ParquetFiles("rows", (tmp_path / "a.parquet",)).blocks  # noqa: B018


def test_without_pyarrow_the_extra_is_named(source, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ValueError, match=r"needs pyarrow: pip install 'demiglace\[parquet\]'"):
        ParquetFiles("rows", source.paths).blocks  # noqa: B018


def test_pyarrow_is_imported_late():
    code = "import demiglace.data.sources.parquet, sys; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
