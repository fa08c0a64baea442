"""Makes tensor_lines.png: random lines drawn by PIL above, and composed as tensors below.

python docs/pictures/make_tensor_lines.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from demiglace.batch import Visual
from demiglace.bootstrap import collate
from demiglace.bootstrap.learner import SLOTS_PER_TOKEN
from demiglace.bootstrap.line_stream import LineSource, LineStream
from demiglace.bootstrap.picture_shards import ShardSpec, make_sample
from demiglace.typography.fonts import training_faces
from demiglace.typography.glyph_atlas import draw_atlas

SPEC = ShardSpec(
    seed=7, size=64, max_lines=2, max_characters=30, scale_resolution=140, patch_size=14, num_places=64,
    num_frames=64 * SLOTS_PER_TOKEN,
)  # fmt: skip
WIDTH, HEIGHT, GAP, HEADING = 1180, 610, 5, 20
SHOWN = 28  # pictures of each


def main() -> None:
    sheet = Image.new("RGB", (WIDTH, 2 * (HEIGHT + HEADING)), "white")
    ways = (("drawn by PIL, picture by picture", by_pil()), ("composed as tensors, 256 at once", as_tensors()))
    for number, (heading, visual) in enumerate(ways):
        top = number * (HEIGHT + HEADING)
        ImageDraw.Draw(sheet).text((GAP, top + 3), heading, "black", ImageFont.load_default(13))
        sheet.paste(panel(pictures(visual)), (0, top + HEADING))
    sheet.quantize(40).save(Path(__file__).with_name("tensor_lines.png"), optimize=True)


def by_pil() -> Visual:
    samples = [make_sample(SPEC, number) for number in range(SHOWN)]
    grids = torch.tensor([sample.grid for sample in samples])
    alone = [collate.pictures([sample], np.random.default_rng(i)) for i, sample in enumerate(samples)]
    patches, still = torch.cat([visual.patches for visual in alone]), torch.cat([visual.ticks for visual in alone])
    return Visual(patches, grids, torch.ones_like(still), still)


def as_tensors() -> Visual:
    with tempfile.TemporaryDirectory() as folder:
        atlas = Path(folder) / "atlas.safetensors"
        draw_atlas(training_faces()).save(atlas)
        return LineStream(LineSource(SPEC, 256, atlas), SLOTS_PER_TOKEN).batch(1).visual


def pictures(visual: Visual) -> list[Image.Image]:
    """`SHOWN` of them in RGB, the highest first."""
    grids = visual.grids.tolist()
    pieces = visual.patches.split([height * width for height, width in grids])
    shown = []
    for piece, (height, width) in zip(pieces, grids, strict=True):
        pixels = piece.view(height, width, 3, 14, 14).permute(0, 3, 1, 4, 2).reshape(14 * height, 14 * width, 3)
        shown.append(Image.fromarray(((pixels + 1) * 127.5).round().clamp(0, 255).byte().numpy()))
    chosen = [shown[i] for i in np.random.default_rng(0).permutation(len(shown))[:SHOWN]]
    return sorted(chosen, key=lambda picture: -picture.height)


def panel(shown: Iterable[Image.Image]) -> Image.Image:
    """As many as there is room for, row by row."""
    sheet = Image.new("RGB", (WIDTH, HEIGHT), (150, 150, 150))
    x, y, row = GAP, GAP, 0
    for picture in shown:
        if x + picture.width + GAP > WIDTH:
            x, y, row = GAP, y + row + GAP, 0
        if y + picture.height + GAP <= HEIGHT:
            sheet.paste(picture, (x, y))
            x, row = x + picture.width + GAP, max(row, picture.height)
    return sheet


if __name__ == "__main__":
    main()
