"""Fixtures for all tests. Fonts and prose come from Debian packages; tests that need them skip without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from demiglace.typography import fonts


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random checkpoint in the released layout, sharded; not to be written to."""
    from checkpoints import tiny_checkpoint  # here, because tests without models should not wait for torch

    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture(scope="session")
def training_faces() -> tuple[fonts.Face, ...]:
    from demiglace.typography import fonts

    try:
        return fonts.training_faces()
    except ValueError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def installed_prose() -> str:
    from demiglace.typography import corpus

    try:
        corpus.words()
        return corpus.corpus()
    except ValueError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def face(training_faces: tuple[fonts.Face, ...]) -> fonts.Face:
    return next(face for face in training_faces if face.style == "serif")
