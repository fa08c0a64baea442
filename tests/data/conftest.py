"""Fonts and prose come from Debian packages; tests that need them skip where these are not installed."""

from __future__ import annotations

import pytest

from demiglace.data import fonts, prose


@pytest.fixture(scope="session")
def training_faces() -> tuple[fonts.Face, ...]:
    try:
        return fonts.training_faces()
    except ValueError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def installed_prose() -> str:
    try:
        prose.words()
        return prose.corpus()
    except ValueError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def face(training_faces: tuple[fonts.Face, ...]) -> fonts.Face:
    return next(face for face in training_faces if face.style == "serif")
