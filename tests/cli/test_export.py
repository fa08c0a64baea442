"""`demiglace export`: files for other programs."""

from pathlib import Path

import pytest
from quantised_checkpoints import wide_checkpoint

pytest.importorskip("gguf")


def test_a_model_that_llama_cpp_computes_whole(run, tmp_path: Path) -> None:
    model = wide_checkpoint(tmp_path / "model")
    done = run("export", model, "--gguf", tmp_path / "new" / "files")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"the files are in {tmp_path / 'new' / 'files'}\n", "")
    assert {path.name for path in (tmp_path / "new" / "files").iterdir()} == {"decoder-q8_0.gguf", "mmproj-f16.gguf"}


def test_a_model_of_which_it_computes_texts_alone(run, tmp_path: Path) -> None:
    done = run("export", "nano", "--gguf", tmp_path / "files", "--numbers", "f16")
    assert done.exit_code == 0
    assert "only text for llama.cpp: heads of the resampler have 32 numbers, and 128 there" in done.stderr
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["decoder-f16.gguf"]


def test_mistakes(run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for arguments, message in (
        (("nano", "--gguf", tmp_path / "there"), f"{tmp_path / 'there'} already exists"),
        (("nano", "--gguf", tmp_path / "x", "--numbers", "q4"), "--numbers must be one of q8_0, f16, got 'q4'"),
        ((model, "--gguf", tmp_path / "x"), "Q8_0 needs rows of a multiple of 32, but token_embd.weight has 8"),
    ):
        refused = run("export", *arguments)
        assert (refused.exit_code, refused.stderr) == (2, f"demiglace: {message}\n")
        assert not (tmp_path / "x").exists()
