"""`demiglace finetune` and `merge` as a user meets them."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import PIL.Image
import pytest
import torch
from safetensors.torch import load_file
from two_processes import TWO_PROCESSES
from typer.testing import Result

from demiglace.training.distributed import ProcessGroup

Run = Callable[..., Result]

SMALL = ("--length", 256, "--batch-rows", 2, "--epochs", 1, "--device", "cpu", "--dtype", "float32")


def test_a_dry_run_counts_and_shows_and_writes_nothing(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    lines = data.read_text().splitlines()
    (tmp_path / "0.png").unlink()
    data.write_text("\n".join([*lines, '{"messages": []}']) + "\n")
    asked = ("finetune", start, data, "--out", tmp_path / "out", *SMALL, "--held-out", 0, "--dry-run")
    assert run(*asked, "--skip-bad").exit_code == 0
    result = run(*asked)
    assert result.exit_code == 2  # as the run would end
    assert "2 bad records, the first: " in result.stderr.splitlines()[-1]
    told = result.stderr
    assert "records to learn from: 13, looked at: 13" in told
    assert "samples: 11; bad: 2" in told
    assert "pictures.jsonl:13" in told
    assert "0.png does not exist" in told
    assert "visual tokens]</image>\nWhich one is it?" in told
    assert "【It is the picture of number" in told
    assert "steps: " in told
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_reasoning_that_is_left_out(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    asked = ("finetune", start, data, "--out", tmp_path / "out", *SMALL, "--held-out", 0, "--dry-run")
    assert "left out" not in run(*asked).stderr
    thought = {"role": "assistant", "content": "A cat.", "reasoning_content": "Fur."}
    turns = [{"role": "user", "content": "What?"}, thought, {"role": "user", "content": "Sure?"}, thought]
    data.write_text(json.dumps({"messages": turns}) + "\n")
    assert "answers of earlier turns whose reasoning is left out: 1\n" in run(*asked).stderr


def test_an_adapter_is_learned_used_and_merged(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    out = tmp_path / "out"
    options = ("--learn", "decoder,resampler", "--rank", 4, "--lr", 0.05)
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
    sampling = shutil.copytree(start, tmp_path / "sampling") / "generation_config.json"
    sampling.write_text('{"do_sample": true}')
    run("merge", sampling.parent, out / "adapter", "--out", tmp_path / "merged too")
    assert (tmp_path / "merged too" / sampling.name).read_text() == sampling.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["--full", "--lora"])
def test_two_processes_tell_it_once_and_learn_as_one(
    run: Run, start: Path, data: Path, tmp_path: Path, method: str
) -> None:
    pytest.importorskip("peft")
    arguments = ["finetune", start, data, *SMALL, method, "--held-out", 0.25, "--workers", 0]
    together = subprocess.run(
        [*TWO_PROCESSES, *map(str, arguments), "--out", str(tmp_path / "two")],
        capture_output=True, text=True, check=False, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert together.returncode == 0, together.stderr
    assert together.stderr.count("records to learn from: 9, looked at: 9; held out: 3") == 1
    assert together.stderr.count("one sample:") == 1
    assert together.stdout.count("the result is in") == 1
    assert run(*arguments, "--out", tmp_path / "one").exit_code == 0
    for file in ("metrics.jsonl", "validation.jsonl"):
        two, one = (
            [json.loads(line)["loss"] for line in (tmp_path / name / "finetune" / file).read_text().splitlines()]
            for name in ("two", "one")
        )
        assert two == pytest.approx(one, abs=1e-4)
    kind = "model" if method == "--full" else "adapter"
    two, one = (load_file(next((tmp_path / name / kind).glob("*.safetensors"))) for name in ("two", "one"))
    assert two.keys() == one.keys()
    assert all(torch.allclose(two[name].float(), one[name].float(), atol=1e-2) for name in one)


def test_the_same_folder_is_not_used_for_another_run(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    assert run("finetune", start, data, "--out", tmp_path / "out", *SMALL, "--full").exit_code == 0
    other = run("finetune", start, data, "--out", tmp_path / "out", *SMALL, "--full", "--seed", 1)
    assert other.exit_code == 2
    assert "this run needs a folder of its own" in other.stderr


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (("--full", "--lora"), "--full, --lora and --qlora cannot be combined"),
        (("--learn", "head"), "the parts to train must be among encoder, resampler, decoder, got head"),
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


def dry(run: Run, start: Path, tmp_path: Path, *arguments: object) -> Result:
    options = (*SMALL[2:], "--length", 1024, "--held-out", 0, "--dry-run")
    return run("finetune", start, *arguments, "--out", tmp_path / "out", *options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "2 rows per step cannot be split evenly among 3 processes: a multiple of 3 can"),
        (("--qlora",), "4-bit weights are trained in one process, got 3"),
    ],
)
def test_processes_that_cannot_share_a_step_are_refused_before_the_data_is_looked_at(
    run: Run,
    start: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.setattr("demiglace.training.distributed.distributed", lambda device: nullcontext(ProcessGroup(0, 3)))
    monkeypatch.setattr("demiglace.jobs.finetuning.survey", pytest.fail)
    result = dry(run, start, tmp_path, data, *options)
    assert result.exit_code == 2
    assert told in result.stderr


def test_files_folders_and_patterns_are_learned_from_together(
    run: Run, start: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    lines = data.read_text().splitlines()
    for number in range(3):
        (tmp_path / "more" / f"{number}.jsonl").write_text(lines[number])
    told = dry(run, start, tmp_path, data, tmp_path / "more", "--media", tmp_path).stderr
    assert "records to learn from: 15, looked at: 15" in told
    assert "samples: 15; bad: 0" in told
    told = dry(run, start, tmp_path, tmp_path / "more" / "[01].jsonl", "--media-root", tmp_path).stderr
    assert "samples: 2; bad: 0" in told
    twice = dry(run, start, tmp_path, data, data)
    assert twice.exit_code == 2
    assert twice.stderr == f"demiglace: {data} is given twice\n"
    assert dry(run, start, tmp_path, tmp_path / "*.none").exit_code == 2


def test_a_test_split_in_a_folder_is_not_learned_from(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "chats" / "test").mkdir(parents=True)
    lines = data.read_text().splitlines(keepends=True)
    for name, part in (("train.jsonl", lines[:8]), ("dev.jsonl", lines[8:10]), ("test/0.jsonl", lines[10:])):
        (tmp_path / "chats" / name).write_text("".join(part))
    told = dry(run, start, tmp_path, tmp_path / "chats", "--media", tmp_path).stderr.splitlines()
    others = f"{tmp_path / 'chats' / 'dev.jsonl'}, {tmp_path / 'chats' / 'test' / '0.jsonl'}"
    assert told[0].startswith(f"left out, as files of validation or test splits: {others}; ")
    assert told[1].startswith("records to learn from: 8, looked at: 8; held out: 0")
    options = ("--gpu", "h100-80gb", "--length", 256, "--media", tmp_path)
    plan = run("plan", start, tmp_path / "chats", *options)
    assert f"validation or test splits: {others}; " in plan.stderr
    assert "left out" not in run("plan", start, tmp_path / "chats", *options, "--job", "serve").stderr


def test_validation_is_on_files_of_their_own(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    lines = data.read_text().splitlines(keepends=True)
    data.write_text("".join(lines[:8]))
    kept = tmp_path / "kept.jsonl"
    kept.write_text("".join(lines[8:]))
    out = tmp_path / "out"
    asked = ("finetune", start, tmp_path, "--out", out, *SMALL, "--full", "--validation", kept, "--patience", 20)
    result = run(*asked)
    assert result.exit_code == 0, result.stderr
    assert f"left out, as files of validation or test splits: {kept}; " in result.stderr
    assert "records to learn from: 8, looked at: 8; held out: 4\n" in result.stderr
    measured = (out / "finetune" / "validation.jsonl").read_text()
    assert len(measured.splitlines()) > 1
    noted = json.loads((out / "run.json").read_text())
    assert (noted["held_out"], noted["validation"]) == (0.0, [str(kept)])
    assert str(kept) in noted["inputs"]["data"]
    assert str(tmp_path / "11.png") in noted["inputs"]["media"]
    assert run(*asked).exit_code == 0
    assert (out / "finetune" / "validation.jsonl").read_text() == measured
    kept.write_text("".join(lines[9:]))
    assert "kept.jsonl has changed" in run(*asked).stderr
    assert "has validation" in run("finetune", start, data, "--out", out, *SMALL, "--full", "--held-out", 0).stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--validation", "{data}"), "pictures.jsonl is given for training and for validation"),
        (("--validation", "{folder}/none.jsonl"), "none.jsonl does not exist"),
        (("--validation", "{folder}/kept.jsonl", "--held-out", 0.1), "a share of 0.1 cannot be held out beside files"),
        (("--validation", "{folder}/bad.jsonl"), "1 bad record: {folder}/bad.jsonl:1: "),
        (
            ("--validation", "{folder}/bad.jsonl", "--skip-bad"),
            "--validation has no effect: 1 records are held out, and none of them can be used",
        ),
    ],
)
def test_mistakes_with_files_for_validation(
    run: Run, start: Path, data: Path, tmp_path: Path, options: tuple[object, ...], told: str
) -> None:
    (tmp_path / "kept.jsonl").write_text(data.read_text())
    (tmp_path / "bad.jsonl").write_text("{}\n")
    places = {"data": data, "folder": tmp_path}
    words = [str(option).format(**places) for option in options]
    result = run("finetune", start, data, "--out", tmp_path / "out", *SMALL, *words)
    assert result.exit_code == 2
    assert told.format(**places) in result.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_paths_may_lead_anywhere_inside_a_media_root_and_nowhere_else(
    run: Run, start: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "records").mkdir()
    moved = tmp_path / "records" / "pictures.jsonl"
    moved.write_text("\n".join(data.read_text().replace('"images": ["', '"images": ["../').splitlines()[:2]))
    refused = dry(run, start, tmp_path, moved)
    assert "samples: 0; bad: 2" in refused.stderr
    assert "leads out of" in refused.stderr
    assert "samples: 2; bad: 0" in dry(run, start, tmp_path, moved, "--media-root", tmp_path).stderr


@pytest.mark.parametrize(
    ("options", "frames", "packages"),
    [
        ((), 6, 6),
        (("--fps", 1), 2, 2),
        (("--fps", 5), 10, 10),
        (("--fps", 5, "--package-frames", 2), 10, 5),
        (("--fps", 5, "--max-packages", 3, "--package-frames", 1), 3, 3),
    ],
)
def test_videos_are_looked_at_as_the_options_say(
    run: Run, start: Path, tmp_path: Path, clip: Path, options: tuple[object, ...], frames: int, packages: int
) -> None:
    turns = [{"role": "user", "content": "<video>What?"}, {"role": "assistant", "content": "A cat."}]
    (tmp_path / "data.jsonl").write_text(json.dumps({"messages": turns, "videos": [clip.name]}))
    told = dry(run, start, tmp_path, tmp_path / "data.jsonl", "--media", clip.parent, *options).stderr
    assert f"frames: {frames} in {packages} packages" in told


def test_images_are_cut_as_the_options_say(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    for number in range(12):
        PIL.Image.new("RGB", (100, 50)).save(tmp_path / f"{number}.png")
    assert "slices of images: 12;" in dry(run, start, tmp_path, data).stderr
    assert "slices of images: 36;" in dry(run, start, tmp_path, data, "--max-slices", 2).stderr
    refused = dry(run, start, tmp_path, data, "--max-slices", 0)
    assert (refused.exit_code, "max_slices must be" in refused.stderr) == (2, True)


def test_a_wrong_record_ends_it_with_the_way_on(run: Run, start: Path, data: Path, tmp_path: Path) -> None:
    data.write_text(data.read_text() + '{"messages": []}\n')
    arguments = ("finetune", start, data, "--out", tmp_path / "out", *SMALL, "--held-out", 0, "--full")
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1].endswith("--skip-bad leaves bad records out")
    assert run(*arguments, "--skip-bad").exit_code == 0
