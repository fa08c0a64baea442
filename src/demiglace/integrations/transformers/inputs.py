"""The model's inputs under their names in transformers, and their equivalents in `Batch` and `Visual`.

Rows of tokens: `input_ids`, `attention_mask` and `mm_token_type_ids`, each int64 (rows, length); the last is 1 at the
places of visual tokens and 0 elsewhere. Pictures, of all rows in order: the fields of `Visual`, two of them renamed;
`run_lengths` only if patches were left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from demiglace.batch import Visual
from demiglace.processing.sample import joined

NEEDED = {"image_patches": "patches", "image_grids": "grids", "package_sizes": "package_sizes", "ticks": "ticks"}
FIELDS = {**NEEDED, "run_lengths": "run_lengths"}


def visual_inputs(visual: Visual | None) -> dict[str, Tensor]:
    """The inputs for pictures; empty if there are none."""
    named = {name: getattr(visual, field, None) for name, field in FIELDS.items()}
    return {name: value for name, value in named.items() if value is not None}


def visual_of(inputs: Mapping[str, Tensor | None]) -> Visual | None:
    """The inverse; without `image_patches` the other picture inputs are ignored.

    Raises ValueError if one of the others is missing, or they contradict each other.
    """
    if inputs.get("image_patches") is None:
        return None
    given = {field: value for name, field in FIELDS.items() if (value := inputs.get(name)) is not None}
    if missing := [name for name, field in NEEDED.items() if field not in given]:
        raise ValueError(f"image_patches come without {', '.join(missing)}")
    return Visual(**given)


def repeated(visual: Visual, packages_of_rows: Sequence[int], times: int) -> Visual | None:
    """The pictures of each row repeated `times`, row by row."""
    package_sizes = visual.package_sizes.split(list(packages_of_rows))
    pictures_of_rows = [int(sizes.sum()) for sizes in package_sizes]
    grids, ticks = visual.grids.split(pictures_of_rows), visual.ticks.split(pictures_of_rows)
    num_patches = places = [int(sizes.prod(dim=1).sum()) for sizes in grids]
    run_lengths: Sequence[Tensor | None] = [None] * len(places)
    if visual.run_lengths is not None:
        run_lengths = visual.run_lengths.split(places)
        num_patches = [int(kept.sum()) for kept in (visual.run_lengths > 0).split(places)]
    patches = visual.patches.split(num_patches)
    rows = [Visual(*row) for row in zip(patches, grids, package_sizes, ticks, run_lengths, strict=True)]
    return joined([row for row in rows for _ in range(times)])
