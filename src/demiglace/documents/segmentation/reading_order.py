"""Reading order of the stretches of a page: columns, which contain blocks, which contain rows. Ours, after the XY-cut.

If three or more lines of prose are side by side, the gap between them separates columns, and the left column is read
first; stretches that bridge the gap (a heading, a wide caption) split the page into bands. Other stretches side by
side, such as cells of a table or an item and its price, form a row and are read across.
"""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np

from demiglace.documents.segmentation.text_lines import TextStretch, median

Row = list[TextStretch]
Block = list[Row]

PROSE_WIDTH = 8.0  # letter heights; narrower stretches are cells
FEWEST_LINES = 3  # side by side, to form columns
PROSE_SHARE = 0.4  # of the width of all print on a side; a table with a few wide cells has less
FEWEST_ALIGNED = 3  # rows of a table whose cells stand under each other
ALIGNED, ALIGNED_SHARE = 0.3, 0.75  # letter heights between edges; of the cells of a row
TABLE_GAP = 1.4  # times the distance of its rows, between a table and lines of prose side by side
BLOCK_GAP = 1.6  # times the usual gap between rows
BLOCK_SIZE = 1.5  # ratio of letter heights that separates a heading from its text


def reading_order(stretches: list[TextStretch], height: float) -> list[Block]:
    """Blocks of rows of stretches; `height`: of a usual letter on the page."""
    if not stretches:
        return []
    boxes = np.array([stretch.box for stretch in stretches])
    order = np.argsort(boxes[:, 1] + boxes[:, 3], kind="stable")
    stretches, boxes = [stretches[number] for number in order], boxes[order]
    spans = _table_spans(boxes, height)
    gap = _column_gap(boxes, spans, height)
    if gap is None:
        return _blocks(_rows(stretches))
    blocks: list[Block] = []
    for first, last, is_parted in _bands(boxes, spans, gap, height):
        left = boxes[first:last, 2] <= gap
        band = stretches[first:last]
        for side in [left, ~left] if is_parted else [np.ones(len(band), bool)]:
            blocks += reading_order([band[number] for number in np.flatnonzero(side)], height)
    return blocks


def _table_spans(boxes: np.ndarray, height: float) -> np.ndarray:
    """Of each stretch in a row of a table where its cells begin and end: between, no gap separates columns.

    float64 (stretches, 2): the right end of the row's first cell and the left end of its last; nan outside tables.
    """
    spans = np.full((len(boxes), 2), np.nan)
    is_cell = boxes[:, 2] - boxes[:, 0] < PROSE_WIDTH * height
    for rows in _tables(boxes, is_cell):
        cells = [boxes[row][is_cell[row]] for row in rows]
        for row, own in zip(rows, cells, strict=True):
            aligned = islice((other for other in cells if _are_aligned(own, other, height)), FEWEST_ALIGNED)
            if len(list(aligned)) == FEWEST_ALIGNED:  # itself too
                spans[row] = own[:, 2].min(), own[:, 0].max()
    return spans


def _tables(boxes: np.ndarray, is_cell: np.ndarray) -> list[list[np.ndarray]]:
    """Rows of three stretches or more, most of them cells, that no lines of prose side by side come between.

    Such lines above and below must be apart: lines of a column may be short, and numbered, as in a transcript.
    """
    levels = _levels(boxes)
    middles = np.array([boxes[level, 1::2].mean() for level in levels])
    has_columns = np.array([(~is_cell[level]).sum() > 1 for level in levels])
    borders = [-1, *np.flatnonzero(has_columns).tolist(), len(levels)]
    tables = []
    for above, below in pairwise(borders):
        inside = [level for level in levels[above + 1 : below] if len(level) > 2 and is_cell[level].sum() > 1]
        if len(inside) < FEWEST_ALIGNED:
            continue
        pitch = median(np.diff(middles[above + 1 : below]))
        ends = [middles[one] - middles[one - 1] for one in (above + 1, below) if 0 < one < len(levels)]
        if min(ends, default=np.inf) > TABLE_GAP * pitch:
            tables.append(inside)
    return tables


def _levels(boxes: np.ndarray) -> list[np.ndarray]:
    """Numbers of the stretches on one level, from boxes sorted from the top."""
    levels: list[list[int]] = []
    for number, (_, top, _, bottom) in enumerate(boxes):
        first = boxes[levels[-1][0]] if levels else None
        if first is not None and first[1] < (top + bottom) / 2 < first[3]:
            levels[-1].append(number)
        else:
            levels.append([number])
    return [np.array(level) for level in levels]


def _are_aligned(cells: np.ndarray, others: np.ndarray, height: float) -> bool:
    """Whether most of the cells of a row have their left or right edge where one of another row has it."""
    off = np.abs(cells[:, None, ::2] - others[None, :, ::2]).min(axis=(1, 2))
    return bool((off < ALIGNED * height).mean() >= ALIGNED_SHARE)


def _column_gap(boxes: np.ndarray, spans: np.ndarray, height: float) -> float | None:
    """The x position with most lines of prose on both sides; None without columns. Boxes are sorted from the top."""
    edges = np.unique((boxes[:, 0] / (0.5 * height)).astype(int)) * (0.5 * height)
    scores = [_side_by_side(boxes, spans, edge, height) for edge in edges]
    best = int(np.argmax(scores))
    return float(edges[best]) if scores[best] else None


def _side_by_side(boxes: np.ndarray, spans: np.ndarray, gap: float, height: float) -> int:
    bands = _bands(boxes, spans, gap, height)
    return sum(_num_parted(boxes[first:last], gap, height) for first, last, parted in bands if parted)


def _bands(boxes: np.ndarray, spans: np.ndarray, gap: float, height: float) -> list[tuple[int, int, bool]]:
    """Ranges of stretches from the top, with whether `gap` splits them into columns."""
    bridges = (boxes[:, 0] < gap) & (boxes[:, 2] > gap) | (spans[:, 0] <= gap) & (spans[:, 1] >= gap)
    borders = [0, *(np.flatnonzero(np.diff(bridges)) + 1), len(boxes)]
    bands: list[tuple[int, int, bool]] = []
    for first, last in pairwise(borders):
        parted = not bridges[first] and _num_parted(boxes[first:last], gap, height) > 0
        if bands and not parted and not bands[-1][2]:
            first = bands.pop()[0]
        bands.append((first, last, parted))
    return bands


def _num_parted(boxes: np.ndarray, gap: float, height: float) -> int:
    """Lines of prose on the side with fewer of them; 0 if they are too few for columns, or scattered among cells."""
    widths = boxes[:, 2] - boxes[:, 0]
    is_prose = widths >= PROSE_WIDTH * height
    sides = [boxes[:, 2] <= gap, boxes[:, 2] > gap]
    if any(widths[side & is_prose].sum() < PROSE_SHARE * widths[side].sum() for side in sides):
        return 0
    fewer = min(int((side & is_prose).sum()) for side in sides)
    return fewer if fewer >= FEWEST_LINES else 0


def _rows(stretches: list[TextStretch]) -> list[Row]:
    """Groups stretches, sorted from the top, into rows side by side; each row from left to right."""
    rows: list[Row] = []
    for stretch in stretches:
        if rows and _is_level(rows[-1], stretch):
            rows[-1].append(stretch)
        else:
            rows.append([stretch])
    return [sorted(row, key=lambda stretch: stretch.box[0]) for row in rows]


def _is_level(row: Row, stretch: TextStretch) -> bool:
    """Whether `stretch` overlaps each one of the row by half of its height, and none of them horizontally."""
    left, top, right, bottom = stretch.box
    for other in row:
        other_left, other_top, other_right, other_bottom = other.box
        shared = min(bottom, other_bottom) - max(top, other_top)
        if shared < 0.5 * min(bottom - top, other_bottom - other_top):
            return False
        if min(right, other_right) - max(left, other_left) > 0.5 * stretch.height:
            return False
    return True


def _blocks(rows: list[Row]) -> list[Block]:
    """Splits rows into blocks where the gap is wider than usual or the size of the print changes."""
    gaps = [_top(below) - _bottom(above) for above, below in pairwise(rows)]
    usual = float(np.quantile(gaps, 0.3, method="lower")) if gaps else 0.0
    blocks: list[Block] = [[rows[0]]]
    for gap, above, below in zip(gaps, rows[:-1], rows[1:], strict=True):
        sizes = sorted((_size(above), _size(below)))
        if gap > max(BLOCK_GAP * usual, 0.6 * sizes[0]) or sizes[1] > BLOCK_SIZE * sizes[0]:
            blocks.append([below])
        else:
            blocks[-1].append(below)
    return blocks


def _top(row: Row) -> float:
    return min(stretch.box[1] for stretch in row)


def _bottom(row: Row) -> float:
    return max(stretch.box[3] for stretch in row)


def _size(row: Row) -> float:
    return median(np.array([stretch.height for stretch in row]))
