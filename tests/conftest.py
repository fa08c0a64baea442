"""Fixtures for all tests."""

from pathlib import Path

import pytest
from checkpoints import tiny_checkpoint as write_tiny_checkpoint


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random checkpoint in the released layout, sharded; not to be written to."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")
