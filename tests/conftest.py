"""Fixtures for all tests. Fonts and prose come from Debian packages; tests that need them skip without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from demiglace.typography import fonts

Found = TypeVar("Found")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random checkpoint in the released layout, sharded; not to be written to."""
    from checkpoints import tiny_checkpoint  # here, because tests without models should not wait for torch

    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture(scope="session")
def training_faces() -> tuple[fonts.Face, ...]:
    from demiglace.typography import fonts

    return installed(fonts.training_faces)


@pytest.fixture(scope="session")
def unseen_faces() -> tuple[fonts.Face, ...]:
    from demiglace.typography import fonts

    return installed(fonts.unseen_faces)


@pytest.fixture(scope="session")
def installed_words() -> tuple[str, ...]:
    from demiglace.typography import corpus

    return installed(corpus.words)


@pytest.fixture(scope="session")
def installed_prose(installed_words: tuple[str, ...]) -> str:
    from demiglace.typography import corpus

    return installed(corpus.corpus)


def installed(find: Callable[[], Found]) -> Found:
    """What `find` finds, or a skip where it names packages to install. Any other error is a fault of ours."""
    try:
        return find()
    except ValueError as missing:
        if "install: apt-get install" not in str(missing):
            raise
        pytest.skip(str(missing))


@pytest.fixture
def face(training_faces: tuple[fonts.Face, ...]) -> fonts.Face:
    return next(face for face in training_faces if face.style == "serif")
