"""A short soak: every answer is the one given alone, and the server comes back to what it held."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
pytest.importorskip("psutil", reason="psutil is not installed")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from asked_cases import Case, cases
from mixed_requests import alone, mixed
from server_state import settled
from soak import failures

DEAR = ("long", "scans.pdf", "text.pdf", "pages.tiff", "preview")  # to compute; left to the long soak
ROUNDS = 4  # a pool of threads that fills as it is needed does so in some of them; a leak shows in each


@pytest.mark.slow
def test_every_answer_is_the_one_given_alone_and_nothing_is_lost(address: str, tmp_path: Path) -> None:
    asked = [case for case in cases() if case.name not in DEAR]
    expected = asyncio.run(alone(address, asked))
    assert {status for status, _ in expected} == {200, 400}
    asyncio.run(mixed(address, asked, expected, 30, 8, seed=1))
    before = settled(address, os.getpid(), tmp_path)
    lost = []
    for seed in range(2, 2 + ROUNDS):
        found = asyncio.run(mixed(address, asked, expected, 60, 8, seed))
        after = settled(address, os.getpid(), tmp_path, before)
        assert found.unlike == []
        assert sum(found.counts.values()) == 60
        assert min(found.counts.values()) > 0
        lost, before = after.lost_since(before), after
        if not lost:
            break
    assert lost == []


def test_what_is_lost_or_differs_is_told(address: str, tmp_path: Path) -> None:
    text = next(case for case in cases() if case.name == "text")
    (other,) = asyncio.run(alone(address, [Case("short", text.path, {**text.body, "max_tokens": 1})]))
    found = asyncio.run(mixed(address, [text], [other], 6, 2, seed=0))
    assert found.unlike
    before = settled(address, os.getpid(), tmp_path)
    (tmp_path / "left behind").touch()
    lost = settled(address, os.getpid(), tmp_path).lost_since(before)
    assert lost == ["temporary_files: 0 before, 1 after"]
    assert failures({"unlike": [], "lost": lost, "memory_growth": 0.06}) == [
        *lost,
        "memory grew by 6.0%, at most 5% is allowed",
    ]
