"""Fixtures for all tests."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random checkpoint in the released layout, sharded; not to be written to."""
    from checkpoints import tiny_checkpoint  # here, because tests without models should not wait for torch

    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")
