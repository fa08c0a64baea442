"""Pictures of noise that differ by their seed."""

import PIL.Image
import torch


def pattern(width: int, height: int, seed: int = 0) -> PIL.Image.Image:
    generator = torch.Generator().manual_seed(seed)
    return PIL.Image.fromarray(torch.randint(256, (height, width, 3), generator=generator, dtype=torch.uint8).numpy())
