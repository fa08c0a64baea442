"""A run is known by what its files hold: whatever has changed is named, and goes on only where it is the same."""

import io
import json
import os
import tarfile

import numpy as np
import PIL.Image
import pytest
from mixtures import write_mixture, write_start

from demiglace.data.mixture_file import read_mixture
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.parquet import ParquetFiles
from demiglace.data.sources.rendered import RenderedPages
from demiglace.data.sources.tar_shards import TarShards
from demiglace.jobs import run_record
from demiglace.jobs.run_record import RUN_FILE, inputs_of, marks, write_run_config

SETTINGS = {"seed": 0, "learning_rate": 1e-3}


@pytest.fixture
def data(tmp_path):
    write_mixture(tmp_path / "data")
    return tmp_path / "data" / "pictures.jsonl"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def names(files):
    return sorted(os.path.basename(path) for path in files)


def num_inspected(data, start=None):
    return inputs_of([JsonFile("data", data)], start)


def test_labels_corrected_in_place_are_named(data, folder):
    write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail)
    write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail)
    before = data.stat()
    data.write_text(data.read_text().replace("picture of number 3", "picture of number 4"))
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert data.stat().st_size == before.st_size
    with pytest.raises(ValueError, match=f"the data of the run in {folder} changed .*: {data} has changed; --restart"):
        write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail)


def test_pictures_that_were_replaced_are_named(data, folder):
    write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail)
    picture = data.with_name("3.png")
    PIL.Image.fromarray(np.zeros((30, 50, 3), np.uint8)).save(picture)
    with pytest.raises(ValueError, match=f"the media of .* changed since it began: {picture} has changed; "):
        write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail)


def test_another_model_at_the_same_place_is_named(data, folder, tmp_path):
    start = write_start(tmp_path / "start")
    write_run_config(SETTINGS, num_inspected(data, start), folder, pytest.fail)
    file = start / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"the start of .* changed since it began: {file} has changed; "):
        write_run_config(SETTINGS, num_inspected(data, start), folder, pytest.fail)


def test_copied_files_with_other_times_are_the_same(data, folder, tmp_path):
    start = write_start(tmp_path / "start")
    write_run_config(SETTINGS, num_inspected(data, start), folder, pytest.fail)
    for path in (data, *data.parent.glob("*.png"), *start.iterdir()):
        os.utime(path, (1, 1))
    write_run_config(SETTINGS, num_inspected(data, start), folder, pytest.fail)


def test_of_what_is_too_large_to_read_size_and_time_count(data, folder, monkeypatch):
    monkeypatch.setattr(run_record, "MOST_READ", 1000)
    write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail)
    os.utime(data.with_name("3.png"), (1, 1))
    with pytest.raises(ValueError, match=r"media of .*3\.png has changed"):
        write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail)


def test_many_changes_are_counted_and_the_first_named(data, folder):
    (data.parent / "more").mkdir()
    write_run_config(SETTINGS, {"data": marks(data.parent.glob("?.png"))}, folder, pytest.fail)
    data.with_name("0.png").write_bytes(b"other")
    data.with_name("1.png").unlink()
    with pytest.raises(ValueError, match=r"0.png has changed, .*1.png is gone, .*10.png is new and 1 more; --restart"):
        write_run_config(SETTINGS, {"data": marks(data.parent.glob("*.png"))}, folder, pytest.fail)


def test_files_of_a_folder_that_came_later_are_named(tmp_path, folder):
    mixture = write_mixture(tmp_path / "data")
    mixture.write_text(mixture.read_text().replace('path = "text.txt"', 'path = "texts"'))
    (tmp_path / "data" / "texts").mkdir()
    (tmp_path / "data" / "text.txt").rename(tmp_path / "data" / "texts" / "a.txt")

    def inputs():
        return inputs_of(read_mixture(mixture).mixture("full").sources, None)

    write_run_config(SETTINGS, inputs(), folder, pytest.fail)
    (tmp_path / "data" / "texts" / "b.txt").write_text("More of it.\n" * 20)
    with pytest.raises(ValueError, match=r"the data of .* changed since it began: .*texts/b.txt is new; "):
        write_run_config(SETTINGS, inputs(), folder, pytest.fail)


def test_settings_that_differ_are_named(folder):
    write_run_config(SETTINGS, {}, folder, pytest.fail)
    with pytest.raises(ValueError, match="has seed 0, not 1: this run needs a folder of its own, or --restart"):
        write_run_config(SETTINGS | {"seed": 1}, {}, folder, pytest.fail)


def test_a_run_of_an_earlier_version_goes_on_and_is_said_to_be_unchecked(data, folder):
    (folder / RUN_FILE).write_text(json.dumps(SETTINGS))
    messages = []
    write_run_config(SETTINGS, num_inspected(data), folder, messages.append, holds_run=True)
    assert len(messages) == 1
    assert "whether they are still the same cannot be told; --restart begins anew" in messages[0]
    write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail, holds_run=True)
    data.write_text(data.read_text() + data.read_text())
    with pytest.raises(ValueError, match="has changed"):
        write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail, holds_run=True)


def test_what_is_in_shards_is_known_by_the_shards(tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow
    import pyarrow.parquet

    picture = io.BytesIO()
    PIL.Image.new("RGB", (20, 20)).save(picture, "PNG")
    turns = [{"role": "user", "content": "<image>What?"}, {"role": "assistant", "content": "A cat."}]
    rows = [{"messages": turns, "images": [{"bytes": picture.getvalue(), "path": None}]}] * 3
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "inside.parquet")
    named = [{"messages": turns, "images": ["a.png"]}] * 3
    (tmp_path / "a.png").write_bytes(picture.getvalue())
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(named), tmp_path / "named.parquet")
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        tar.add(tmp_path / "a.png", "a.png")

    inside, beside = (ParquetFiles(name, (tmp_path / f"{name}.parquet",)) for name in ("inside", "named"))
    sources = [inside, beside, TarShards("shard", (tmp_path / "shard.tar",)), RenderedPages("drawn")]
    assert not inside.names_files
    found = inputs_of(sources, None)
    assert names(found["data"]) == ["inside.parquet", "named.parquet", "shard.tar"]
    assert names(found["media"]) == ["a.png"]


def test_of_very_many_records_some_are_looked_at(data, monkeypatch):
    assert len(num_inspected(data)["media"]) == 12
    monkeypatch.setattr(run_record, "MOST_RECORDS", 4)
    assert names(num_inspected(data)["media"]) == ["0.png", "3.png", "6.png", "9.png"]


def test_bad_records_and_missing_files_are_no_obstacle(data):
    data.with_name("3.png").unlink()
    data.write_text(data.read_text() + '{"messages": 1}\n')
    found = num_inspected(data)
    assert len(found["media"]) == 11
    assert marks([data.with_name("none")]) == {str(data.with_name("none")): "No such file or directory"}


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_record_is_a_line(folder, text):
    (folder / RUN_FILE).write_text(text)
    with pytest.raises(ValueError, match=str(folder / RUN_FILE)):
        write_run_config(SETTINGS, {}, folder, pytest.fail)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([], "must hold a JSON object, got list"),
        ({**SETTINGS, "inputs": 5}, "run.json: inputs must be a table, got 5"),
        ({**SETTINGS, "inputs": {"data": []}}, r"run.json: inputs.data must be a table, got \[\]"),
        (
            {**SETTINGS, "inputs": {"data": {"a.jsonl": 10**400}}},
            "inputs.data.a.jsonl must be text, got a whole number",
        ),
        ({"seed": {}, "inputs": {}}, "run.json has seed {}, not 0"),
    ],
)
def test_a_record_of_another_type_is_named(data, folder, held, message):
    (folder / RUN_FILE).write_text(json.dumps(held))
    with pytest.raises(ValueError, match=message):
        write_run_config(SETTINGS, num_inspected(data), folder, pytest.fail)
