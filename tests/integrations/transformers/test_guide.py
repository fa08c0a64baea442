"""The Python of docs/transformers.md runs as it stands, and leaves a checkpoint behind."""

import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="the transformers extra is not installed")
pytest.importorskip("peft", reason="peft is not installed")

from demiglace import Demiglace

ROOT = Path(__file__).parents[3]
BLOCKS = re.findall(
    r"^```python\n(.*?)^```$", (ROOT / "docs" / "transformers.md").read_text(), re.MULTILINE | re.DOTALL
)


def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "samples").mkdir()
    shutil.copy(ROOT / "samples" / "heading.png", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(block, names)
    asked, piped = capsys.readouterr().out.splitlines()
    assert asked == piped != ""
    assert Demiglace.load(tmp_path / "merged", "cpu", "float32").ask("Read the text.", "samples/heading.png").text
