"""Packages are known by their content, and as many are kept as are allowed."""

from dataclasses import replace

import pytest
import torch
from prompts import QUERIES, outspoken, prompt
from still_frames import frames, without

from demiglace.batch import Visual
from demiglace.engine.visual_cache import VisualCache, packages_of
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.sample import joined
from demiglace.processing.static_patches import without_static_patches


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


WHOLE = frames([(2, 3)] * 3, [(3, 3)] * 4)
SETTINGS = (WHOLE, without(WHOLE), without_static_patches(WHOLE, 110))


@torch.no_grad()
def test_settings_of_static_patches_are_never_mixed(model: MiniCPMV) -> None:
    keys = [{package.key for package in packages_of(visual)} for visual in SETTINGS]
    assert len(set.union(*keys)) == 6
    cache = VisualCache(10**6)
    for visual in (*SETTINGS, *SETTINGS[::-1]):
        torch.testing.assert_close(cache.tokens(model, packages_of(visual)), model.visual_tokens(visual))
    together = [package for visual in SETTINGS for package in packages_of(visual)]
    expected = torch.cat([model.visual_tokens(visual) for visual in SETTINGS])
    torch.testing.assert_close(VisualCache(0).tokens(model, together), expected)


def test_a_package_that_lacks_nothing_is_known_by_its_plain_key() -> None:
    moving, still = frames([(3, 3)] * 2, moving=1), frames([(3, 3)] * 2, moving=0)
    both = joined([moving, without(still)])
    assert both is not None
    assert packages_of(both)[0].key == packages_of(moving)[0].key
    assert packages_of(both)[0].visual.run_lengths is None


def test_for_how_long_a_patch_stands_is_content() -> None:
    still, moving = frames([(3, 3)] * 3, moving=0), frames([(3, 3)] * 3, moving=0.5)
    found = without(moving)
    assert found.run_lengths is not None
    runs = found.run_lengths.unflatten(0, (3, 9))
    split = int((runs[0] == 1).nonzero()[0]), int((runs[0] == 3).nonzero()[0])
    other = runs.clone()
    other[0, list(split)] = runs[0, list(split[::-1])]
    assert packages_of(found)[0].key != packages_of(replace(found, run_lengths=other.flatten()))[0].key
    assert packages_of(without(still))[0].key != packages_of(still)[0].key


@torch.no_grad()
def test_frames_that_are_whole_are_encoded_once(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three packages of one frame, as long as they may be, and one of them plain."""
    looked, forward = [], model.vpm.forward
    monkeypatch.setattr(
        model.vpm,
        "forward",
        lambda patches, grids, *rest: looked.append(len(patches)) or forward(patches, grids, *rest),
    )
    seen = [frames([(3, 3)] * count, moving=0) for count in (2, 4, 1)]
    both = joined([without(seen[0]), without(seen[1]), seen[2]])
    assert both is not None
    VisualCache(10**6).tokens(model, packages_of(both))
    assert looked == [9]


@torch.no_grad()
def test_pictures_that_recur_are_resampled_once(model: MiniCPMV, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a package and in the next one."""
    still = frames([(2, 3)] * 2 + [(3, 3)] * 3, [(3, 3)], moving=0)
    last = still.patches[-9:]
    recurring = replace(still, patches=torch.cat([still.patches[:-9], still.patches[-18:-9]]))
    assert not torch.equal(last, recurring.patches[-9:])
    expected, looked = model.visual_tokens(recurring), []
    forward = model.resampler.kv_proj.forward
    monkeypatch.setattr(model.resampler.kv_proj, "forward", lambda x: looked.append(len(x)) or forward(x))
    torch.testing.assert_close(VisualCache(0).tokens(model, packages_of(recurring)), expected)
    assert looked == [6, 9]
