"""Packages are known by their content, and as many are kept as are allowed."""

from dataclasses import replace

import pytest
import torch
from prompts import QUERIES, outspoken, prompt

from demiglace.batch import Visual
from demiglace.engine.visual_cache import VisualCache, packages_of
from demiglace.model.minicpmv import MiniCPMV


@pytest.fixture(scope="module")
def model() -> MiniCPMV:
    return outspoken()


def shown(*packages: list[tuple[int, int]], seed: int = 0) -> Visual:
    visual = prompt([list(package) for package in packages], seed=seed).visual
    assert visual is not None
    return visual


MIXED = shown([(4, 6)], [(2, 3)] * 3, [(3, 3), (2, 5)])


@torch.no_grad()
def test_tokens_are_those_of_the_model(model: MiniCPMV) -> None:
    for most_bytes in (0, 600, 10**6):
        cache = VisualCache(most_bytes)
        for _ in range(2):
            torch.testing.assert_close(cache.tokens(model, packages_of(MIXED)), model.visual_tokens(MIXED))
        assert cache.num_bytes == min(most_bytes // 512, 3) * QUERIES * 32 * 4


def test_a_key_tells_patches_grids_and_times_apart() -> None:
    others = [
        replace(MIXED, grids=torch.tensor([[6, 4], [3, 2], [2, 3], [2, 3], [3, 3], [5, 2]])),
        replace(MIXED, ticks=MIXED.ticks + 1),
        replace(MIXED, patches=MIXED.patches + 1e-3),
    ]
    known = {package.key for package in packages_of(MIXED)}
    assert len(known) == 3
    assert known == {package.key for package in packages_of(replace(MIXED, patches=MIXED.patches.clone()))}
    for other in others:
        assert not known & {package.key for package in packages_of(other)}


@torch.no_grad()
def test_the_package_unused_for_longest_goes_first(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, looked = VisualCache(2 * 512), []
    forward = model.vpm.forward
    monkeypatch.setattr(
        model.vpm, "forward", lambda patches, grids, *rest: looked.append(len(grids)) or forward(patches, grids, *rest)
    )
    first, second, third = (packages_of(shown([(2, 2)], seed=seed)) for seed in range(3))
    for packages in (first, second, first, third, first, second):
        cache.tokens(model, packages)
    assert looked == [1] * 4
