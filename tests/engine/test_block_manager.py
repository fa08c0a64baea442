"""Blocks are shared by what they contain, and those unused for longest are given away first."""

from demiglace.engine.block_manager import FIRST_BLOCKS, BlockManager
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.sequence import Sequence
from demiglace.engine.token_sampler import TokenSampler


def computed(blocks: BlockManager, tokens: list[int]) -> Sequence:
    """A sequence whose blocks are all computed."""
    sequence = Sequence(0, tokens, [], [], TokenSampler(SamplingParams.greedy()), [])
    assert blocks.open(sequence, blocks.cached_prefix(sequence))
    sequence.num_computed = len(tokens)
    blocks.commit(sequence)
    return sequence


def num_known(blocks: BlockManager, tokens: list[int]) -> int:
    return len(blocks.cached_prefix(Sequence(0, tokens, [], [], TokenSampler(SamplingParams.greedy()), [])))


def test_full_blocks_of_the_same_beginning_are_shared() -> None:
    blocks = BlockManager(20, block_size=2)
    first, second = computed(blocks, [1, 2, 3, 4, 5]), computed(blocks, [1, 2, 3, 4, 6, 7])
    assert first.blocks[:2] == second.blocks[:2]
    assert first.blocks[2] != second.blocks[2]
    assert [blocks.references[block] for block in second.blocks] == [2, 2, 1]
    assert num_known(blocks, [1, 2, 9, 4, 5]) == 1
    assert num_known(blocks, [9, 2, 3, 4, 5]) == 0
    assert num_known(blocks, [1, 2, 3, 4]) == 1  # the last token is to be computed


def test_the_order_in_which_blocks_are_given_away() -> None:
    """What cannot be shared, then the end of what was used longest ago."""
    blocks = BlockManager(6, block_size=2)
    old, new = computed(blocks, [1, 2, 3, 4, 5]), computed(blocks, [6, 7, 8, 9])
    blocks.release(old)
    blocks.release(new)
    assert blocks.num_free == 6
    for expected in ((2, 2), (2, 2), (1, 2), (0, 2), (0, 1), (0, 0)):
        computed(blocks, [99])
        assert (num_known(blocks, [1, 2, 3, 4, 0]), num_known(blocks, [6, 7, 8, 9, 0])) == expected


def test_a_sequence_that_does_not_fit_takes_nothing() -> None:
    blocks = BlockManager(3, block_size=2)
    held = computed(blocks, [1, 2, 3, 4])
    large = Sequence(1, [1, 2, 3, 5, 6], [], [], TokenSampler(SamplingParams.greedy()), [])
    assert not blocks.open(large, blocks.cached_prefix(large))
    assert (large.blocks, blocks.num_free, blocks.references[held.blocks[0]]) == ([], 1, 1)
    blocks.release(held)
    assert blocks.open(large, blocks.cached_prefix(large))
    assert blocks.num_free == 0


def test_other_weights_are_another_content() -> None:
    blocks = BlockManager(20, block_size=2)
    computed(blocks, [1, 2, 3])
    assert num_known(blocks, [1, 2, 3]) == 1
    blocks.version += 1
    assert num_known(blocks, [1, 2, 3]) == 0


def test_blocks_are_made_when_all_are_held() -> None:
    blocks = BlockManager(FIRST_BLOCKS + 5, block_size=1)
    computed(blocks, list(range(FIRST_BLOCKS)))
    assert (blocks.capacity, blocks.num_free) == (FIRST_BLOCKS, 5)
    computed(blocks, [7])
    assert (blocks.capacity, blocks.num_free) == (FIRST_BLOCKS + 5, 4)
