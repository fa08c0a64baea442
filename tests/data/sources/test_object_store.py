"""Sources in object stores are what they are on the disk."""

import json
import pickle
from contextlib import closing

import pytest
from mixtures import small_processor
from stored_records import FILES

from demiglace.conversation import Image
from demiglace.data.loader import Loader
from demiglace.data.mixture_file import read_mixture
from demiglace.data.sources.object_store import StoredRecords
from demiglace.jobs.run_record import inputs_of
from demiglace.records.bad_record import BadRecord

fsspec = pytest.importorskip("fsspec")


def written(folder, bucket, kind, path, more="", gb=0.001):
    (folder / "mix.toml").write_text(
        f'[cache]\nfolder = "cache"\ngb = {gb}\n'
        f'[[source]]\nname = "far"\nkind = "{kind}"\npath = "{bucket}/{path}"\nweights = {{ full = 1 }}\n{more}\n'
    )
    return folder / "mix.toml"


def opened(*given, **named):
    (source,) = read_mixture(written(*given, **named)).mixture("full").sources
    assert isinstance(source, StoredRecords)
    return source


def answer(conversation):
    return conversation.messages[-1].content[0].text


def test_lines_and_the_media_that_they_name(bucket, tmp_path):
    source = opened(tmp_path, bucket, "jsonl", "records.jsonl")
    assert source.blocks == (3,)
    for row, name in enumerate(("a", "b")):
        conversation = source.read(0, row, (0,))
        (shown,) = [part for part in conversation.messages[0].content if isinstance(part, Image)]
        assert shown.source == FILES[f"pictures/{name}.png"]
        assert answer(conversation) == f"pictures/{name}.png"
    assert source.where(0, 2) == f"{source.stored[0].address}:3"
    with pytest.raises(BadRecord, match=r"records\.jsonl:3: .*missing\.png does not exist"):
        source.read(0, 2, (0,))


def test_shards_of_other_splits_are_left_out(memory, tmp_path):
    fsspec.filesystem("memory").pipe(f"{memory}/shards/test.tar", FILES["shards/1.tar"])
    told = []
    mixture = read_mixture(written(tmp_path, memory, "webdataset", "shards/")).mixture("full", told.append)
    assert [file.address.rpartition("/")[2] for file in mixture.sources[0].stored] == ["0.tar", "1.tar"]
    assert len(told) == 1
    assert "shards/test.tar; to learn from a file" in told[0]
    assert opened(tmp_path, memory, "webdataset", "shards/test.tar").blocks == (1,)


def test_shards_by_a_pattern(bucket, tmp_path):
    source = opened(tmp_path, bucket, "webdataset", "shards/*.tar")
    assert source.blocks == (2, 1)
    assert [answer(source.read(block, row, (0,))) for block, row in ((0, 0), (0, 1), (1, 0))] == [
        "It is one.", "It is two.", "It is three."
    ]  # fmt: skip
    assert source.where(1, 0).endswith("bucket/shards/1.tar, three")


def test_a_cache_of_one_shard_gives_the_same_records(bucket, tmp_path):
    size = max(len(FILES[f"shards/{number}.tar"]) for number in (0, 1))
    source = opened(tmp_path, bucket, "webdataset", "shards/*.tar", gb=size / 1e9)
    answers = [answer(source.read(block, 0, (0,))) for _ in range(3) for block in (0, 1)]
    assert answers == ["It is one.", "It is three."] * 3
    held = [path.stat().st_size for path in (tmp_path / "cache").iterdir() if len(path.name) == 32]
    assert sum(held) <= size


def test_text_in_a_folder(bucket, tmp_path):
    source = opened(tmp_path, bucket, "text", "shards/")
    assert answer(source.read(0, 0, (0,))) == "Some text to learn from."


def test_text_cut_otherwise_is_counted_anew(memory, tmp_path):
    fsspec.filesystem("memory").pipe(f"{memory}/long.txt", b"Words to learn from.\n" * 20)
    for window, stretches in ((4096, 1), (64, 7)):
        source = opened(tmp_path, memory, "text", "long.txt", f"window = {window}")
        assert source.blocks == (stretches,)
        assert len(answer(source.read(0, stretches - 1, (0,)))) > 0


def test_a_file_without_records_is_named_by_its_address(memory, tmp_path):
    for content, message in ((b"", "empty"), (b"\n\n", "has no records")):
        fsspec.filesystem("memory").pipe(f"{memory}/parts/3.jsonl", content)
        with pytest.raises(ValueError, match=rf"source 'far': memory://.*/parts/3\.jsonl.* {message}"):
            opened(tmp_path, memory, "jsonl", "parts/*.jsonl")


def test_parquet(bucket, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    records = [json.loads(line) for line in FILES["records.jsonl"].splitlines()]
    table = pyarrow.Table.from_pylist(records)
    parquet.write_table(table, tmp_path / "here.parquet", row_group_size=2)
    fsspec.filesystem(bucket.partition(":")[0]).put(str(tmp_path / "here.parquet"), f"{bucket}/rows.parquet")
    source = opened(tmp_path, bucket, "parquet", "rows.parquet")
    assert source.blocks == (2, 1)
    conversation = source.read(0, 1, (0,))
    assert answer(conversation) == "pictures/b.png"
    assert FILES["pictures/b.png"] in [getattr(part, "source", None) for part in conversation.messages[0].content]


def test_a_worker_reads_the_same_without_counting_again(memory, tmp_path):
    source = opened(tmp_path, memory, "jsonl", "records.jsonl")
    other = pickle.loads(pickle.dumps(source))
    assert other.blocks == source.blocks
    assert other.read(0, 1, (0,)) == source.read(0, 1, (0,))


def test_a_run_notes_what_the_store_says_of_its_files(bucket, tmp_path):
    before = inputs_of([opened(tmp_path, bucket, "jsonl", "records.jsonl")], None)["data"]
    system = fsspec.filesystem(bucket.partition(":")[0])
    system.pipe(f"{bucket}/records.jsonl", FILES["records.jsonl"].replace(b"What?", b"Who??"))
    try:
        after = inputs_of([opened(tmp_path, bucket, "jsonl", "records.jsonl")], None)["data"]
    finally:
        system.pipe(f"{bucket}/records.jsonl", FILES["records.jsonl"])
    assert before.keys() == after.keys()
    assert before != after


@pytest.mark.parametrize(
    ("kind", "path", "more", "message"),
    [
        ("pdfs", "papers", "", "pdfs reads local files; an address may be of jsonl, parquet, webdataset, text"),
        ("jsonl", "records.jsonl", 'media_root = "media"', "media_root is of local files"),
        ("jsonl", "records.jsonl", 'media = "media"', "media must be an address as the path is, got 'media'"),
        ("jsonl", "none.jsonl", "", "none.jsonl does not exist"),
        ("webdataset", "*.tar", "", r"\*.tar matches no file that ends with .tar"),
    ],
)
def test_mistakes_are_one_line(memory, tmp_path, kind, path, more, message):
    with pytest.raises(ValueError, match=f"source 'far': .*{message}"):
        read_mixture(written(tmp_path, memory, kind, path, more)).mixture("full")


def test_without_credentials_that_is_said(s3, tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    fsspec.filesystem("s3").clear_instance_cache()
    with pytest.raises(ValueError, match="no credentials"):
        read_mixture(written(tmp_path, s3, "jsonl", "records.jsonl")).mixture("full")
    fsspec.filesystem("s3").clear_instance_cache()


def rows(folder, path, state=None, count=3):
    """Tokens of rows by stream, and where the streams stand after the first."""
    (folder / "mix.toml").write_text(
        f'[cache]\nfolder = "cache"\n[[source]]\nname = "shards"\nkind = "webdataset"\n'
        f'path = "{path}"\nweights = {{ full = 1 }}\n'
    )
    mixture = read_mixture(folder / "mix.toml").mixture("full")
    options = {"length": 128, "num_streams": 2, "streams": range(2), "seed": 5, "num_workers": 0, "skip_bad": False}
    with closing(Loader(mixture, small_processor(), **options)) as loader:
        if state is not None:
            loader.restore(state)
        found, states = [], []
        for _ in range(count):
            found.append([[sample.tokens.tolist() for sample in row] for row in loader.next_rows(0.0)])
            states.append(loader.state())
    return found, states[0]


def test_rows_and_where_they_go_on_are_those_of_local_files(bucket, tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    local, _ = rows(tmp_path, "shards/*.tar")
    far, after_one = rows(tmp_path, f"{bucket}/shards/*.tar")
    assert far == local
    resumed, _ = rows(tmp_path, f"{bucket}/shards/*.tar", state=json.loads(json.dumps(after_one)), count=2)
    assert resumed == local[1:]
