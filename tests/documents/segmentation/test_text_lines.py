import numpy as np

from demiglace.documents.segmentation.text_lines import find_stretches


def test_a_mark_over_several_lines_takes_none_of_them_away() -> None:
    """Such as the corner of a picture beside the text: it continues lines that begin with a tall letter."""
    tops = np.arange(100, 260, 22)
    letters = [(left, top, left + 8, top + 10) for top in tops for left in range(110, 600, 10)]
    capitals = [(100, top - 4, 108, top + 10) for top in tops]
    corner = (12, tops[2] - 4, 62, tops[4] + 8)
    stretches = find_stretches(np.array([*letters, *capitals, corner], float), 10.0)
    for top in tops:
        assert max((stretch.letters[:, 1] == top).sum() for stretch in stretches) >= 48
