"""Packing: samples side by side in rows of one length, without attention between them.

Attention stays within a sample's segment (`Batch.segments`), positions restart in each sample, and the first token of a
sample is never predicted from the sample before it. So a packed row computes what its samples would compute alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from demiglace.batch import IGNORE, PADDING, Batch
from demiglace.processing.sample import Sample, joined

MOST_LEFT_OUT = 8  # of the first samples, for others that fit better (ours)
LATE = 0.1  # of a row may stay empty rather than be filled by later samples alone (ours)


def choose(lengths: Sequence[int], length: int, turns: Sequence[tuple[int, int]]) -> list[int]:
    """Indices of the waiting samples, given by their lengths, that form the next row of at most `length` tokens.

    `turns` are the source of each sample and the epoch of that source: no sample is taken while one of another epoch
    of its source waits before it. Takes as many of the first as fit, or up to `MOST_LEFT_OUT` fewer, then always the
    longest that fits. Of these rows the fullest is chosen, less `LATE`, so that rows are mixed as samples come (ours).
    The first sample is in all of them, so none waits forever. Indices are in ascending order. Raises ValueError if the
    first does not fit.
    """
    if lengths[0] > length:
        raise ValueError(f"a sample of {lengths[0]} tokens does not fit a row of {length}")
    num_first = int(np.searchsorted(np.cumsum(lengths), length, side="right"))

    def cost(row: Sequence[int]) -> float:
        late = sum(index >= num_first for index in row) / len(row)
        return LATE * late - sum(lengths[index] for index in row) / length

    begun = range(num_first, max(0, num_first - MOST_LEFT_OUT - 1), -1)
    return min((_completed(number, lengths, length, turns) for number in begun), key=cost)


def _completed(number: int, lengths: Sequence[int], length: int, turns: Sequence[tuple[int, int]]) -> list[int]:
    """The first `number` samples and then always the longest that fits, the earlier of equals."""
    chosen, room = list(range(number)), length - sum(lengths[:number])
    waiting = list(range(number, len(lengths)))
    while fitting := [index for index in _due(waiting, turns) if lengths[index] <= room]:
        for index in sorted(fitting, key=lambda index: -lengths[index]):
            if lengths[index] <= room:
                chosen.append(index)
                waiting.remove(index)
                room -= lengths[index]
    return sorted(chosen)


def _due(waiting: Sequence[int], turns: Sequence[tuple[int, int]]) -> list[int]:
    """Those of the earliest epoch among the waiting samples of their source."""
    epochs: dict[int, int] = {}
    return [index for index in waiting if epochs.setdefault(*turns[index]) == turns[index][1]]


def pack(rows: Sequence[Sequence[Sample]], length: int, padding_token: int) -> Batch:
    """One packed row of `length` tokens for each row of samples, padded on the right.

    Raises ValueError if a row holds more than `length` tokens, or only some samples have labels.
    """
    samples = [sample for row in rows for sample in row]
    labelled = sum(sample.labels is not None for sample in samples)
    if labelled not in (0, len(samples)):
        raise ValueError(f"a batch needs samples all with or all without labels, got {labelled} of {len(samples)}")
    lengths = [[len(sample.tokens) for sample in row] for row in rows]
    if (most := max(map(sum, lengths))) > length:
        raise ValueError(f"a row of samples has {most} tokens, more than the {length} of a packed row")
    starts = [number * length + sum(row[:index]) for number, row in enumerate(lengths) for index in range(len(row))]
    return Batch(
        tokens=_rows([[sample.tokens for sample in row] for row in rows], length, padding_token),
        positions=_rows([[torch.arange(size) for size in row] for row in lengths], length, 0),
        segments=_rows(
            [[torch.full((size,), index) for index, size in enumerate(row, 1)] for row in lengths], length, PADDING
        ),
        visual_places=torch.cat([sample.visual_places + start for sample, start in zip(samples, starts, strict=True)]),
        visual=joined([sample.visual for sample in samples if sample.visual is not None]),
        labels=_rows([[_learned(sample) for sample in row] for row in rows], length, IGNORE) if labelled else None,
    )


def _learned(sample: Sample) -> Tensor:
    """The sample's labels with the first ignored, because only another sample precedes it."""
    assert sample.labels is not None
    return torch.cat([torch.tensor([IGNORE]), sample.labels[1:]])


def _rows(rows: Sequence[Sequence[Tensor]], length: int, padding: int) -> Tensor:
    """Pieces of each row, one after the other -> int64 (rows, length)."""
    filled = torch.full((len(rows), length), padding)
    for place, row in zip(filled, rows, strict=True):
        pieces = torch.cat(tuple(row))
        place[: len(pieces)] = pieces
    return filled
