"""Our resampler against the numbers of an independent one (see golden/make_resampler_4_5.py)."""

import json
import runpy
from pathlib import Path

import pytest
import torch

from demiglace.model.folded_resampler import FoldedResampler
from demiglace.model.resampler import Resampler, ResamplerConfig

GOLDEN = Path(__file__).parents[1] / "golden"
golden = json.loads((GOLDEN / "resampler_4_5.json").read_text())
formula = runpy.run_path(str(GOLDEN / "make_resampler_4_5.py"))


@pytest.fixture(scope="module")
def resampler() -> Resampler:
    resampler = Resampler(ResamplerConfig(**golden["config"])).eval()
    shapes = {name: weight.shape for name, weight in resampler.state_dict().items()}
    resampler.load_state_dict(formula["draw_weights"](shapes))
    return resampler


def inputs(case: dict) -> tuple[torch.Tensor, ...]:
    """Features, grids, package sizes and ticks of a golden case."""
    return (
        formula["draw_features"](case["grids"]),
        torch.tensor(case["grids"]),
        torch.tensor([len(group) for group in case["groups"]]),
        torch.tensor([tick for group in case["groups"] for tick in group]),
    )


@pytest.mark.parametrize("name", golden["cases"])
@pytest.mark.parametrize("folded", [False, True], ids=["plain", "folded"])
@torch.no_grad()
def test_outputs_equal_the_reference(resampler: Resampler, name: str, folded: bool) -> None:
    case = golden["cases"][name]
    expected = torch.tensor(case["output"]).unflatten(0, case["shape"]).squeeze(1)
    ours = FoldedResampler(resampler) if folded else resampler
    output = ours(*inputs(case))
    assert output.shape == expected.shape
    assert (output - expected).abs().max() <= 1e-4


def test_the_stored_outputs_are_of_these_inputs() -> None:
    stored = {name: {key: case[key] for key in ("grids", "groups")} for name, case in golden["cases"].items()}
    assert stored == formula["CASES"]
    assert golden["config"] == formula["CONFIG"]
    assert (golden["weight_seed"], golden["feature_seed"]) == (formula["WEIGHT_SEED"], formula["FEATURE_SEED"])
