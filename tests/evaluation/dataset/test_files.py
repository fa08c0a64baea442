"""Where data are found, and rows of every kind of file."""

from __future__ import annotations

from pathlib import Path

import pytest
from public_layouts import in_base64, struct, write_jsonl, write_parquet, write_tsv

from demiglace.evaluation.dataset.files import Source, rows_of

SOURCE = Source(("Set_TEST", "Set"), "owner/Set", "data/test-*.parquet")


def test_all_kinds_of_files_have_the_same_rows(tmp_path: Path) -> None:
    rows = [{"question": 'a\tb\n"c"', "answer": "1"}, {"question": "é", "answer": "2"}]
    files = [
        write_tsv(tmp_path / "Set.tsv", rows),
        write_jsonl(tmp_path / "Set.jsonl", rows),
        write_parquet(tmp_path / "Set.parquet", rows),
    ]
    for file in files:
        assert [dict(row.fields) for row in rows_of([file])] == rows
        if file.suffix != ".parquet":
            file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())  # as Excel and Notepad write
            assert [dict(row.fields) for row in rows_of([file])] == rows


def test_data_are_found_by_name_in_folders_and_among_the_hubs_shards(tmp_path: Path) -> None:
    shards = [write_parquet(tmp_path / f"data/test-0000{number}-of-2.parquet", [{"a": number}]) for number in (0, 1)]
    assert SOURCE.files(tmp_path) == shards
    inner = write_jsonl(tmp_path / "Set" / "Set.jsonl", [{"a": 1}])
    assert SOURCE.files(tmp_path) == [inner]
    best = write_tsv(tmp_path / "Set_TEST.tsv", [{"a": 1}])
    assert SOURCE.files(tmp_path) == [best]
    assert SOURCE.files(inner) == [inner]


def test_a_folder_of_the_hub_may_have_a_name_of_the_benchmark(tmp_path: Path) -> None:
    """DocVQA/DocVQA/validation-*.parquet, and Video-MME/videomme/test-*.parquet."""
    source = Source(("Set",), "owner/Set", "Set/test-*.parquet")
    shard = write_parquet(tmp_path / "Set" / "Set" / "test-0.parquet", [{"a": 1}])
    assert source.files(tmp_path) == source.files(tmp_path / "Set") == [shard]
    with pytest.raises(ValueError, match=r"holds none of Set\.tsv, .*Set/test-\*\.parquet"):
        source.files(tmp_path / "Set" / "Set")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds none of Set_TEST\.tsv, .*data/test-\*\.parquet"):
        SOURCE.files(tmp_path)
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        SOURCE.files(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="mine=PATH"):
        Source(("mine",)).files(None)


def test_a_picture_may_be_another_rows(tmp_path: Path) -> None:
    """Before or behind the row that has it (VLMEvalKit)."""
    rows = [{"index": "7", "image": "3"}, {"index": "3", "image": in_base64()}, {"index": "1000003", "image": "3"}]
    found = list(rows_of([write_tsv(tmp_path / "Set.tsv", rows)]))
    assert [row.fields["image"] for row in found] == [in_base64()] * 3


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("Set.tsv", b"a\tb\n1\n", "more or fewer fields"),
        ("Set.tsv", b"a\tb\n\xff\xfe\t1\n", "is not valid TSV"),
        ("Set.jsonl", b"{}\nnothing\n", "line 2 of .* is not valid JSON"),
        ("Set.jsonl", b"[1]\n", "must hold a JSON object, got list"),
        ("Set.json", b'{"a": 1}', "must hold one list of objects"),
        ("Set.parquet", b"PAR1 not really", "is not a Parquet file"),
        ("Set.xlsx", b"PK", "ends with none of"),
    ],
)
def test_files_that_are_not_what_they_say_are_refused(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=told):
        list(rows_of([tmp_path / name]))


def test_a_file_of_another_layout_is_told_by_its_columns(tmp_path: Path) -> None:
    (row,) = rows_of([write_jsonl(tmp_path / "Set.jsonl", [{"prompt": "x", "image": "y"}])])
    with pytest.raises(
        ValueError, match=r"row 1 of Set\.jsonl holds nothing in question; its columns are: prompt, image"
    ):
        row.text("question")


def test_structs_of_pictures_stay_whole(tmp_path: Path) -> None:
    (row,) = rows_of([write_parquet(tmp_path / "Set.parquet", [{"image": struct()}])])
    assert row.fields["image"] == struct()
