"""Commands that take records take them from object stores by their addresses, within a bound on the disk."""

import json
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from preferences import write_pairs
from typer.testing import Result

Run = Callable[..., Result]

SMALL = ("--length", 256, "--batch-rows", 2, "--epochs", 0.5, "--device", "cpu", "--dtype", "float32", "--full")


@pytest.fixture
def chats(bucket: str, data: Path) -> str:
    """The address of a folder that holds what `data` and its folder hold."""
    fsspec.filesystem(bucket.partition(":")[0]).put(f"{data.parent}/", f"{bucket}/chats/", recursive=True)
    return f"{bucket}/chats"


def learned(out: Path) -> tuple[list[float], bytes]:
    """Losses, and the weights."""
    lines = (out / "finetune" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines], (out / "model" / "model.safetensors").read_bytes()


def test_fine_tuning_is_that_of_the_same_files_on_the_disk(
    run: Run, start: Path, data: Path, chats: str, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    most = sum(path.stat().st_size for path in data.parent.glob("*.png")) // 2 + data.stat().st_size
    for given, out in ((data, "near"), (f"{chats}/pictures.jsonl", "far")):
        kept = () if out == "near" else ("--cache", cache, "--cache-gb", most / 1e9)
        result = run("finetune", start, given, "--out", tmp_path / out, *SMALL, *kept)
        assert result.exit_code == 0, result.stderr
    assert learned(tmp_path / "far") == learned(tmp_path / "near")
    held = [path.stat().st_size for path in cache.iterdir() if len(path.name) == 32]
    assert data.stat().st_size < sum(held) <= most
    noted = json.loads((tmp_path / "far" / "run.json").read_text())
    assert noted["data"] == f"{chats}/pictures.jsonl"
    assert list(noted["inputs"]["data"]) == [f"{chats}/pictures.jsonl"]


def test_a_file_that_changed_in_the_store_is_refused_when_a_run_goes_on(
    run: Run, start: Path, chats: str, tmp_path: Path
) -> None:
    asked = ("finetune", start, f"{chats}/pic*.jsonl", "--out", tmp_path / "out", *SMALL, "--cache", tmp_path / "cache")
    assert run(*asked).exit_code == 0
    system = fsspec.filesystem(chats.partition(":")[0])
    lines = system.cat(f"{chats}/pictures.jsonl").splitlines(keepends=True)
    system.pipe(f"{chats}/pictures.jsonl", b"".join(reversed(lines)))
    again = run(*asked)
    assert again.exit_code == 2
    assert "pictures.jsonl has changed" in again.stderr


def test_a_plan_counts_the_same_records(run: Run, start: Path, data: Path, chats: str, tmp_path: Path) -> None:
    asked = ("--gpu", "h100-80gb", "--lora", "--length", 256, "--json")
    near = run("plan", start, data, *asked)
    far = run("plan", start, f"{chats}/pictures.jsonl", *asked, "--cache", tmp_path / "cache")
    assert far.exit_code == 0, far.stderr
    assert json.loads(far.stdout) == json.loads(near.stdout)


def test_pairs_are_preferred_as_those_on_the_disk(run: Run, start: Path, memory: str, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs")
    fsspec.filesystem("memory").put(f"{pairs.parent}/", f"{memory}/pairs/", recursive=True)
    options = ("--preset", "nano", "--start", start, "--steps", 2, "--batch-pairs", 2, "--lr", 1e-3, "--device", "cpu")
    for given, out in ((pairs, "near"), (f"{memory}/pairs/pairs.jsonl", "far")):
        kept = () if out == "near" else ("--cache", tmp_path / "cache")
        result = run("prefer", given, "--folder", tmp_path / out, *options, *kept)
        assert result.exit_code == 0, result.stderr
    near, far = (tmp_path / out / "model" / "model.safetensors" for out in ("near", "far"))
    assert far.read_bytes() == near.read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plan", "{near}", "--media", "{far}"), "its media must be a folder here"),
        (("plan", "{far}/pictures.jsonl", "--media", "{folder}"), "its media must have one too"),
        (("plan", "{far}/none.jsonl"), "none.jsonl does not exist"),
        (("plan", "{far}/*.tar"), r"matches no file that ends with"),
        (("plan", "{far}/pictures.jsonl", "--cache-gb", "0"), "--cache-gb must be above 0, got 0.0"),
        (("plan", "{far}/pictures.jsonl", "--cache-gb", "inf"), "--cache-gb must be above 0, got inf"),
        (("plan", "{far}/pictures.jsonl", "--cache-gb", "nan"), "--cache-gb must be above 0, got nan"),
        (("plan", "{folder}/mixture.toml", "--job", "full", "--cache", "{folder}"), "has them under [cache]"),
        (("plan", "nothing://bucket/a.jsonl"), "nothing://bucket/a.jsonl: Protocol not known"),
    ],
)
def test_mistakes_are_one_line(
    run: Run, start: Path, data: Path, memory: str, words: tuple[str, ...], told: str
) -> None:
    fsspec.filesystem("memory").put(f"{data.parent}/", f"{memory}/chats/", recursive=True)
    places = {"near": data, "far": f"{memory}/chats", "folder": data.parent}
    command, *rest = (word.format(**places) for word in words)
    result = run(command, start, *rest, "--length", 256)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
