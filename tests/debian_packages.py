"""Fonts, words and prose come from Debian packages; what needs them skips where they are not installed."""

from collections.abc import Callable
from typing import TypeVar

import pytest

Found = TypeVar("Found")


def installed(find: Callable[[], Found]) -> Found:
    """What `find` finds, or a skip where it names packages to install. Any other error is a fault of ours."""
    try:
        return find()
    except ValueError as missing:
        if "install: apt-get install" not in str(missing):
            raise
        pytest.skip(str(missing))
