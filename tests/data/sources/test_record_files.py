"""Files, folders and patterns name files of records, each once and in natural order; together they are one source."""

import json
import os
import pickle
import tarfile
from pathlib import Path

import datasets
import fsspec
import pytest
from stored_records import FILES

from demiglace.conversation import VideoSampling
from demiglace.data.object_cache import ObjectCache, StoredFile
from demiglace.data.sources.concatenated import Concatenated
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.record_files import open_records, place_of, record_files, training_files
from demiglace.data.sources.tar_shards import TarShards


def write_records(path: Path, *answers: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    turns = [[{"role": "user", "content": "Say it."}, {"role": "assistant", "content": answer}] for answer in answers]
    path.write_text("".join(json.dumps({"messages": turn}) + "\n" for turn in turns))
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("10.jsonl", "2.jsonl", "deep/b1.JSON", "deep/b10.ndjson", "deep/b9.json"):
        write_records(tmp_path / "data" / name, name)
    for name in ("notes.md", ".hidden.jsonl", ".cache/old.jsonl"):
        write_records(tmp_path / "data" / name, "no record")
    return tmp_path / "data"


IN_ORDER = ["2.jsonl", "10.jsonl", "deep/b1.JSON", "deep/b9.json", "deep/b10.ndjson"]


def test_a_folder_gives_the_files_below_it_in_natural_order(folder):
    assert list(record_files([folder])) == [folder / name for name in IN_ORDER]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.jsonl", IN_ORDER[:2]),
        ("[0-9].jsonl", IN_ORDER[:1]),
        ("deep/b?.*", IN_ORDER[2:4]),
        ("**/*.json*", [*IN_ORDER[:2], "deep/b9.json"]),
        ("*", IN_ORDER),
        ("**", IN_ORDER),
    ],
)
def test_a_pattern_gives_what_it_matches(folder, pattern, names):
    assert list(record_files([folder / pattern])) == [folder / name for name in names]


def test_files_keep_the_order_in_which_they_are_named(folder):
    named = [folder / "10.jsonl", folder / "2.jsonl"]
    assert list(record_files(named)) == named


def test_a_file_named_like_a_pattern_is_that_file(tmp_path):
    path = write_records(tmp_path / "a[1].jsonl", "one")
    write_records(tmp_path / "a1.jsonl", "other")
    assert record_files([path]) == (path,)


@pytest.mark.parametrize("again", ["2.jsonl", "./2.jsonl", "../data/2.jsonl", "*.jsonl", ".", "link.jsonl"])
def test_a_file_given_twice_is_refused(folder, again, tmp_path):
    os.symlink(folder / "2.jsonl", tmp_path / "link.jsonl")
    second = tmp_path / again if again == "link.jsonl" else folder / again
    with pytest.raises(ValueError, match=r"is given twice"):
        record_files([folder / "2.jsonl", second])


SPLITS = ("train-0.jsonl", "test.jsonl", "validation-00000.jsonl", "coco_val2017.json", "eval/train.jsonl",
          "train/dev.jsonl", "latest.jsonl", "Eval/1.jsonl")  # fmt: skip
OF_TRAINING = ("eval/train.jsonl", "latest.jsonl", "train-0.jsonl")


def named(files, folder) -> set[str]:
    return {str(place_of(file)).rpartition(f"{folder.name}/")[2] for file in files}


@pytest.fixture
def splits(tmp_path) -> Path:
    """In a folder whose own name is that of a split, which says nothing of its files."""
    for name in SPLITS:
        write_records(tmp_path / "test" / name, name)
    return tmp_path / "test"


@pytest.mark.parametrize("name", ["", "**/*", "**/*.json*", "*", "[a-zA-Z]*"])
def test_files_of_other_splits_are_left_out_of_folders_and_patterns(splits, name, monkeypatch):
    told = []
    found = training_files([splits / name if name else splits], told.append)
    assert named(found, splits) <= set(OF_TRAINING)
    assert "train-0.jsonl" in named(found, splits)
    assert len(told) == 1
    assert told[0].startswith("left out, as files of validation or test splits: ")
    monkeypatch.chdir(splits.parent)
    assert named(training_files([f"./test/{name}"], told.append), splits) == named(found, splits)
    monkeypatch.chdir(splits)
    assert set(training_files([name or "."], told.append)) == {Path(name) for name in named(found, splits)}
    assert named(record_files([splits]), splits) == set(SPLITS)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("test.jsonl", ["test.jsonl"]),
        ("validation*", ["validation-00000.jsonl"]),
        ("*/dev.*", ["train/dev.jsonl"]),
        ("eval/*", ["eval/train.jsonl"]),
    ],
)
def test_a_split_that_is_named_is_learned_from(splits, name, names):
    told = []
    assert named(training_files([splits / name], told.append), splits) == set(names)
    assert told == []
    with pytest.raises(ValueError, match=r"v\*n-0\* has only files of validation or test splits: .*-00000\.jsonl; to"):
        training_files([splits / "v*n-0*"], told.append)


def test_files_for_validation_are_not_learned_from(splits):
    told = []
    kept = record_files([splits / "latest.jsonl"])
    assert named(training_files([splits], told.append, kept), splits) == {"train-0.jsonl", "eval/train.jsonl"}
    with pytest.raises(ValueError, match=r"latest.jsonl is given for training and for validation"):
        training_files([splits / "train-0.jsonl", splits / ".." / "test" / "latest.jsonl"], told.append, kept)


def test_results_in_the_folder_of_the_data_are_no_records(splits):
    write_records(splits / "runs" / "run.json", "no record")
    found = training_files([splits], [].append, out=splits / "runs")
    assert named(found, splits) == set(OF_TRAINING)
    assert training_files([splits / "runs" / "run.json"], [].append, out=splits / "runs")
    assert training_files([splits / "runs"], [].append, out=splits / "runs") == ()


def test_files_of_other_splits_in_a_store_are_left_out(memory):
    system = fsspec.filesystem("memory")
    for name in SPLITS:
        system.pipe(f"{memory}/test/{name}", b"{}\n")
    told = []
    for address in (f"{memory}/test/", f"{memory}/test/**/*.jsonl"):
        found = [place_of(file).rpartition("/test/")[2] for file in training_files([address], told.append)]
        assert found == sorted(OF_TRAINING)
    assert len(told) == 2
    assert [place_of(file) for file in training_files([f"{memory}/test/test.jsonl"], told.append)] == [
        f"{memory}/test/test.jsonl"
    ]


@pytest.mark.parametrize("name", ["none.jsonl", "none", "*.parquet", "deep/*.md", "empty"])
def test_what_names_nothing_is_refused(folder, name):
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match=r"does not exist|names no file of records: \.jsonl, "):
        record_files([folder / name])


@pytest.mark.parametrize("name", ["saved", "saved/train", "saved/train/data-00000-of-00001.arrow"])
def test_a_data_set_saved_to_disk_is_refused(tmp_path, name):
    rows = datasets.DatasetDict({"train": datasets.Dataset.from_list([{"messages": "text"}])})
    rows.save_to_disk(tmp_path / "saved")
    with pytest.raises(ValueError, match=r"00001\.arrow: Arrow files of datasets are not read; `to_parquet`"):
        record_files([tmp_path / name])


def answers(source) -> list[str]:
    places = [(block, row) for block, size in enumerate(source.blocks) for row in range(size)]
    return [source.read(*place, seed=(0,)).messages[-1].content[0].text for place in places]


def test_several_files_are_one_source(tmp_path, monkeypatch):
    monkeypatch.setattr("demiglace.data.sources.jsonl.BLOCK", 2)
    first = write_records(tmp_path / "a.jsonl", "1", "2", "3")
    second = write_records(tmp_path / "b.txt", "4", "5")
    (tmp_path / "0.txt").write_text("6")
    with tarfile.open(tmp_path / "c.tar", "w") as tar:
        tar.add(tmp_path / "0.txt", "0.txt")
    source = open_records("data", (first, second, tmp_path / "c.tar"))
    assert source.blocks == (2, 1, 2, 1)
    assert answers(source) == ["1", "2", "3", "4", "5", "6"]
    assert [source.where(block, 0) for block in range(4)] == [
        f"{first}:1", f"{first}:3", f"{second}:1", f"{tmp_path / 'c.tar'}, 0"
    ]  # fmt: skip
    copy = pickle.loads(pickle.dumps(source))
    assert answers(copy) == answers(source)


def test_parquet_files_share_what_they_keep_in_memory(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    paths = tuple(tmp_path / f"{number}.parquet" for number in range(3))
    for path in paths:
        turns = [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": path.stem}]
        parquet.write_table(pyarrow.Table.from_pylist([{"messages": turns}]), path)
    source = open_records("data", paths)
    assert not isinstance(source, Concatenated)
    assert answers(source) == ["0", "1", "2"]


def test_folders_and_sampling_reach_every_source(tmp_path):
    shard, file = tmp_path / "a.tar", write_records(tmp_path / "a.jsonl", "1")
    tarfile.open(shard, "w").close()
    media, root, sampling = tmp_path, tmp_path.parent, VideoSampling(fps=1.0)
    source = open_records("data", (file, shard), media, root, sampling)
    assert source.sources == (
        JsonFile("data", file, media, root, sampling),
        TarShards("data", (shard,), sampling=sampling),
    )
    with pytest.raises(ValueError, match="holds its own files"):
        open_records("data", (shard,), media_root=root)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        open_records("data", (tmp_path / "a.jsonl",))


def test_a_media_folder_that_is_none_is_told_once(tmp_path):
    file = write_records(tmp_path / "a.jsonl", "1")
    for folders in ({"media": tmp_path / "m"}, {"media_root": file}):
        with pytest.raises(ValueError, match=r"the media.* is not a folder"):
            open_records("data", (file,), **folders)


def test_addresses_give_what_files_on_the_disk_give(bucket, tmp_path):
    for name, content in FILES.items():
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_bytes(content)
    (tmp_path / "here" / "pictures" / "missing.png").write_bytes(FILES["pictures/a.png"])
    near = open_records("data", record_files([tmp_path / "here" / "records.jsonl", tmp_path / "here" / "shards"]))
    files = record_files([f"{bucket}/records.jsonl", f"{bucket}/shards/"])
    assert [Path(place_of(file)).name for file in files] == ["records.jsonl", "0.tar", "1.tar"]
    far = open_records("data", files, cache=ObjectCache(tmp_path / "cache", 10**6))
    assert far.blocks == near.blocks
    assert [far.read(0, row, (0,)).messages[-1] for row in (0, 1)] == [
        near.read(0, row, (0,)).messages[-1] for row in (0, 1)
    ]
    assert [far.read(block, 0, (0,)).messages[-1] for block in (1, 2)] == [
        near.read(block, 0, (0,)).messages[-1] for block in (1, 2)
    ]


def test_files_of_a_folder_in_a_store_come_in_natural_order_and_once(memory):
    from fsspec import filesystem

    for number in (10, 2):
        filesystem("memory").pipe(f"/bucket/many/{number}.jsonl", FILES["records.jsonl"])
    found = record_files([f"{memory}/many/"])
    assert [Path(place_of(file)).name for file in found] == ["2.jsonl", "10.jsonl"]
    with pytest.raises(ValueError, match=r"many/2\.jsonl is given twice"):
        record_files([f"{memory}/many/*.jsonl", f"{memory}/many/"])


def test_media_are_where_the_records_are(tmp_path):
    near, far = write_records(tmp_path / "a.jsonl", "1"), StoredFile("s3://bucket/a.jsonl", 10, "mark")
    for files, folders, message in (
        ([far], {"media": tmp_path}, "its media must have one too"),
        ([far], {"media_root": tmp_path}, "no media root is for it"),
        ([far, near], {"media": "s3://bucket/media"}, r"a\.jsonl is here: its media must be a folder"),
    ):
        with pytest.raises(ValueError, match=message):
            open_records("data", files, **folders)
