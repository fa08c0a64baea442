"""A small model with random weights, made so large that its answers differ, and prompts with pictures for it."""

from collections.abc import Collection

import torch
from torch import Tensor

from demiglace.batch import STILL, Batch, Visual
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import TokenSampler
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig

QUERIES = 4
PLACE = 1  # the token whose embedding visual tokens replace
CONFIG = MiniCPMVConfig(
    SiglipConfig(16, 32, num_layers=1, num_heads=2, patch_size=2, num_positions_per_side=8, position_ids="exact"),
    ResamplerConfig(QUERIES, hidden_size=32, feature_size=16, num_heads=2),
    Qwen3Config(50, 32, 64, 2, 4, 2, head_dim=8, rope_theta=1e4, rms_norm_eps=1e-6, max_position_embeddings=64),
)


def samplers(*sampling: SamplingParams, ends: Collection[int] = ()) -> list[TokenSampler]:
    """Of a batch whose rows end at one of `ends`."""
    return [TokenSampler(params, TokenRoles(frozenset(ends))) for params in sampling]


def outspoken() -> MiniCPMV:
    torch.manual_seed(0)
    model = MiniCPMV(CONFIG).eval()
    with torch.no_grad():
        model.llm.model.embed_tokens.weight.normal_()
        for parameter in (*model.vpm.parameters(), *model.resampler.parameters()):
            parameter.normal_(std=0.5)
        for layer in model.llm.model.layers:
            layer.self_attn.v_proj.weight.mul_(3)
    return model


def prompt(*parts: list[int] | list[list[tuple[int, int]]], seed: int = 0) -> Batch:
    """A batch of one row. A list of numbers is text; a list of packages, each a list of grids, is seen."""
    generator = torch.Generator().manual_seed(seed)
    tokens: list[int] = []
    places: list[int] = []
    packages: list[list[tuple[int, int]]] = []
    for part in parts:
        if isinstance(part[0], int):
            tokens += part
        else:
            packages += part
            places += range(len(tokens), len(tokens) + QUERIES * len(part))
            tokens += [PLACE] * QUERIES * len(part)
    grids = torch.tensor([grid for package in packages for grid in package], dtype=torch.int64).reshape(-1, 2)
    sizes = [len(package) for package in packages]
    ticks = [STILL if size == 1 else 3 * frame for size in sizes for frame in range(size)]
    patches = torch.randn(int(grids.prod(dim=1).sum()), 12, generator=generator)
    return Batch(
        tokens=torch.tensor([tokens]),
        positions=torch.arange(len(tokens)).unsqueeze(0),
        segments=torch.ones(1, len(tokens), dtype=torch.int64),
        visual_places=torch.tensor(places, dtype=torch.int64),
        visual=Visual(patches, grids, torch.tensor(sizes), torch.tensor(ticks)) if packages else None,
    )


def joined(rows: list[Batch]) -> Batch:
    """The rows padded on the right to one batch."""
    length = max(row.tokens.shape[1] for row in rows)

    def padded(name: str) -> Tensor:
        return torch.cat(
            [torch.nn.functional.pad(getattr(row, name), (0, length - getattr(row, name).shape[1])) for row in rows]
        )

    seen = [row.visual for row in rows if row.visual is not None]
    return Batch(
        tokens=padded("tokens"),
        positions=padded("positions"),
        segments=padded("segments"),
        visual_places=torch.cat([row.visual_places + number * length for number, row in enumerate(rows)]),
        visual=Visual(
            *(
                torch.cat([getattr(one, name) for one in seen])
                for name in ("patches", "grids", "package_sizes", "ticks")
            )
        ),
    )


PROMPTS = {
    "text": prompt([9, 8, 7, 6]),
    "image": prompt([5], [[(4, 6)]], [9, 10], seed=1),
    "sliced": prompt([5], [[(3, 4)], [(4, 4)], [(4, 4)]], [6], [[(2, 9)]], [11, 12, 14], seed=2),
    "video": prompt([20, 21, 22, 23, 24], [[(4, 5)] * 3, [(4, 5)] * 2], [25], seed=3),
}
