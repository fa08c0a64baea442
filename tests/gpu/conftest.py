"""A device beside the CPU, models on it, and inputs. `--device cpu` compares the CPU with itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from demiglace.batch import STILL, Batch, Visual
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.presets import preset
from demiglace.training.initialisation import initialise
from demiglace.training.supervised import LanguageLearner

GRIDS = ((4, 9), (5, 7), (5, 7), (3, 12), (6, 6))
PACKAGES = (1, 2, 1, 1)


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    name = request.config.getoption("device") or "cuda"
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU; --device cpu compares the CPU with itself")
    return torch.device(name)


@pytest.fixture(scope="session")
def model() -> MiniCPMV:
    """On the CPU, in float32: what all is compared with."""
    built = MiniCPMV(preset("nano"))
    initialise(LanguageLearner(built), seed=0)
    return built.eval().requires_grad_(False)


@pytest.fixture
def full_precision() -> Iterator[None]:
    """float32 products in float32, without the shorter TF32 of GPUs."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)


@pytest.fixture
def batch() -> Batch:
    """Two rows, one of them shorter, with a still, a package of two frames and two stills."""
    generator = torch.Generator().manual_seed(1)
    patches = torch.randn(sum(height * width for height, width in GRIDS), 3 * 14**2, generator=generator)
    ticks = torch.tensor([STILL, 4, 9, STILL, STILL])
    visual = Visual(patches, torch.tensor(GRIDS), torch.tensor(PACKAGES), ticks)
    length = 192
    places = torch.cat([torch.arange(64) + start for start in (3, 90, length + 5, length + 80)])
    positions = torch.arange(length).expand(2, length)
    segments = torch.ones(2, length, dtype=torch.int64)
    segments[1, 170:] = 0
    return Batch(torch.randint(0, 384, (2, length), generator=generator), positions, segments, places, visual)
