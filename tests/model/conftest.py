"""A checkpoint that a test may damage."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """The tiny checkpoint, to be spoiled."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))
