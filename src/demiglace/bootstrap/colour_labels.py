"""Images of coloured shapes, with the share of each colour in every patch.

These are dense labels for an encoder that was trained only on text: its features do not encode colour, and the loss of
questions about colours is too weak a signal to change that (ours).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from demiglace.bootstrap.labelled_patches import PicturePatches, class_shares, overview_patches
from demiglace.processing.slicing import SlicingConfig
from demiglace.synthesis.clips.kinds import CLIP_KINDS
from demiglace.synthesis.palette import CLIP_COLOURS, SCENE_COLOURS
from demiglace.synthesis.questions import scenes
from demiglace.typography.words import pick

NAMES = tuple(SCENE_COLOURS | CLIP_COLOURS)
FARTHEST = 45  # of 255: maximum distance, in any channel, from the colour that a name stands for
SMALLEST_SIDE, LARGEST_SIDE = 98, 180  # pixels
CLIP_SHARE = 0.4

_KNOWN = [(name, rgb) for palette in (SCENE_COLOURS, CLIP_COLOURS) for name, rgb in palette.items()]
_REFERENCES = np.array([rgb for _, rgb in _KNOWN], np.int16)
_CLASSES = np.array([1 + NAMES.index(name) for name, _ in _KNOWN])


@dataclass(frozen=True)
class ColouredSample(PicturePatches):
    """shares: float32 (patches, 1 + colours), no colour first; rows sum to 1."""

    shares: np.ndarray


def make_coloured(rng: np.random.Generator, config: SlicingConfig) -> ColouredSample:
    """A scene or a frame of a clip, resized as by the processor."""
    picture = Image.fromarray(_moment(rng)) if rng.random() < CLIP_SHARE else _scene(rng)
    cut, _ = overview_patches(picture, config)
    return ColouredSample(cut.patches, cut.grid, colour_shares(cut.patches.reshape(len(cut.patches), -1, 3)))


def colour_shares(pixels: np.ndarray) -> np.ndarray:
    """uint8 (patches, pixels, 3) -> float32 (patches, 1 + colours): shares near none of `NAMES`, then near each."""
    distances = np.abs(pixels[:, :, None].astype(np.int16) - _REFERENCES).max(axis=-1)  # (patches, pixels, references)
    nearest = np.where(distances.min(axis=-1) <= FARTHEST, _CLASSES[distances.argmin(axis=-1)], 0)
    return class_shares(nearest, 1 + len(NAMES))


def _scene(rng: np.random.Generator) -> Image.Image:
    return scenes.draw_scene(scenes.random_scene(rng, int(rng.integers(SMALLEST_SIDE, LARGEST_SIDE + 1))))


def _moment(rng: np.random.Generator) -> np.ndarray:
    side = 2 * int(rng.integers(SMALLEST_SIDE // 2, LARGEST_SIDE // 2 + 1))
    clip = CLIP_KINDS[pick(rng, tuple(CLIP_KINDS))](rng, (side, side)).clip
    return clip.draw(float(rng.uniform(0, clip.seconds)))
