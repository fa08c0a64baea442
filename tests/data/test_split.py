"""Held-out records: each on one side, always the same one."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_sources import Numbered

from demiglace.data.split import FIRST_HELD_OUT, Portion


def places(portion):
    return [portion.where(block, row) for block, size in enumerate(portion.blocks) for row in range(size)]


@settings(max_examples=60, deadline=None)
@given(
    blocks=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    share=st.floats(0, 0.99),
    seed=st.integers(0, 99),
)
def test_every_record_is_on_one_side(blocks, share, seed):
    source = Numbered("source", tuple(blocks))
    learned, kept = (Portion(source, share, seed, held_out) for held_out in (False, True))
    everything = [source.where(block, row) for block, size in enumerate(blocks) for row in range(size)]
    assert sorted(places(learned) + places(kept)) == sorted(everything)
    assert len(learned.blocks) == len(kept.blocks) == len(blocks)
    number = len(everything)
    assert len(places(kept)) == (min(max(1, round(share * number)), number - 1) if share and number else 0)
    assert places(pickle.loads(pickle.dumps(kept))) == places(kept)


def test_what_is_read_is_what_it_is_called():
    source = Numbered("source", (3, 4))
    kept = Portion(source, 0.5, 1, held_out=True)
    for block, size in enumerate(kept.blocks):
        for row in range(size):
            answer = kept.read(block, row, (0,)).messages[-1].content[0].text
            number = int(kept.where(block, row).rsplit(":", 1)[1])
            assert answer == f"source {block} {number}"


def test_an_endless_source_is_parted_by_its_rows():
    source = Numbered("source", None)
    learned, kept = (Portion(source, 0.1, 0, held_out) for held_out in (False, True))
    assert learned.blocks is kept.blocks is None
    assert (learned.where(0, 7), kept.where(0, 7)) == ("source[0]:7", f"source[0]:{FIRST_HELD_OUT + 7}")


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="the share held out"):
        Portion(Numbered("source", (3,)), share, 0, held_out=True)
