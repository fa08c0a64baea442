"""`demiglace finetune` and `merge` as a user meets them."""

import json
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest
from mixtures import write_mixture, write_start
from typer.testing import Result

Run = Callable[..., Result]

SMALL = ("--length", 256, "--rows", 2, "--epochs", 1, "--device", "cpu", "--dtype", "float32")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_start(tmp_path_factory.mktemp("start"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_mixture(tmp_path)
    return tmp_path / "pictures.jsonl"


def test_a_dry_run_counts_and_shows_and_writes_nothing(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    lines = data.read_text().splitlines()
    (tmp_path / "0.png").unlink()
    data.write_text("\n".join([*lines, '{"messages": []}']) + "\n")
    result = run("finetune", start, data, "--out", tmp_path / "out", *SMALL, "--held-out", 0, "--dry-run")
    assert result.exit_code == 0
    told = result.stderr
    assert "records to learn from: 13, looked at: 13" in told
    assert "samples: 11; bad: 2" in told
    assert "pictures.jsonl:13" in told
    assert "0.png does not exist" in told
    assert "visual tokens]</image>\nWhich one is it?" in told
    assert "【It is the picture of number" in told
    assert "steps: " in told
    assert not (tmp_path / "out").exists()


def test_an_adapter_is_learned_used_and_merged(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    out = tmp_path / "out"
    options = ("--learn", "decoder,resampler", "--rank", 4, "--rate", 0.05)
    result = run("finetune", start, data, "--out", out, *SMALL, *options)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.endswith(f"the result is in {out / 'adapter'}\n")
    merged = run("merge", start, out / "adapter", "--out", tmp_path / "merged")
    assert merged.exit_code == 0, merged.stderr
    PIL.Image.new("RGB", (42, 42)).save(tmp_path / "picture.png")
    asked = (
        tmp_path / "picture.png",
        "Which?",
        "--json",
        "--max-new-tokens",
        8,
        "--dtype",
        "float32",
        "--device",
        "cpu",
    )
    answers = [
        json.loads(run("ask", *asked, "--model", *model).stdout)["text"]
        for model in ((start,), (start, "--adapter", out / "adapter"), (tmp_path / "merged",))
    ]
    assert answers[1] != answers[0]
    assert "already" in run("merge", start, out / "adapter", "--out", tmp_path / "merged").stderr


def test_the_same_folder_is_not_used_for_another_run(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    assert run("finetune", start, data, "--out", tmp_path / "out", *SMALL, "--full").exit_code == 0
    other = run("finetune", start, data, "--out", tmp_path / "out", *SMALL, "--full", "--seed", 1)
    assert other.exit_code == 2
    assert "this run needs a folder of its own" in other.stderr


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (("--full", "--lora"), "--full, --lora and --qlora exclude each other"),
        (("--learn", "head"), "parts that learn are some of encoder, resampler, decoder, got head"),
        (("--epochs", 0), "must be above 0: epochs 0"),
        (("--held-out", 1.5), "the share held out must lie in [0, 1), got 1.5"),
        (("--length", 8), "records to learn from, and none of them can be used"),
    ],
)
def test_mistakes_are_one_line(
    run: Run, start: Path, data: Path, tmp_path: Path, changes: tuple[object, ...], told: str
) -> None:
    result = run("finetune", start, data, "--out", tmp_path / "out", *SMALL, *changes)
    assert result.exit_code == 2
    assert told in result.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_wrong_record_ends_it_with_the_way_on(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    data.write_text(data.read_text() + '{"messages": []}\n')
    arguments = ("finetune", start, data, "--out", tmp_path / "out", *SMALL, "--held-out", 0, "--full")
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1].endswith("--skip-bad leaves such ones out")
    assert run(*arguments, "--skip-bad").exit_code == 0
