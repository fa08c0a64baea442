import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from demiglace.documents.segmentation.connected_components import component_boxes


def flooded(mask: np.ndarray) -> list[tuple[tuple[int, int, int, int], int]]:
    """The plain twin: one pixel after the other, each with its eight neighbours."""
    left = set(zip(*(axis.tolist() for axis in np.nonzero(mask)), strict=True))
    found = []
    while left:
        piece, waiting = set(), [left.pop()]
        while waiting:
            row, column = waiting.pop()
            piece.add((row, column))
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            waiting += near
        rows, columns = zip(*piece, strict=True)
        found.append(((min(columns), min(rows), max(columns) + 1, max(rows) + 1), len(piece)))
    return found


@given(st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda shape: arrays.arrays(bool, shape)))
def test_the_pieces_are_those_of_a_flood(mask: np.ndarray) -> None:
    boxes, areas = component_boxes(mask)
    found = [(tuple(box), area) for box, area in zip(boxes.tolist(), areas.tolist(), strict=True)]
    assert sorted(found) == sorted(flooded(mask))


def test_a_spiral_is_one_piece() -> None:
    """Its runs are joined late, over many rounds."""
    mask = np.zeros((41, 41), bool)
    row = column = 20
    for number in range(40):
        step, (down, right) = number // 2 * 2 + 2, [(0, 1), (1, 0), (0, -1), (-1, 0)][number % 4]
        for _ in range(step):
            if 0 <= row < 41 and 0 <= column < 41:
                mask[row, column] = True
            row, column = row + down, column + right
    assert len(component_boxes(mask)[0]) == 1
