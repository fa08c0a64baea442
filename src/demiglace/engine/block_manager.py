"""Blocks of keys and values: which sequences hold them, what they contain, and which are reused first.

Full blocks are identified by chained hashes, so that sequences with the same prefix share them: a hash covers the
tokens, the pictures of visual tokens, the version of the weights and all blocks before. A free block keeps its content
until it is reused: first blocks that cannot be shared, then the least recently used.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections import OrderedDict

from demiglace.engine.sequence import Sequence

FIRST_BLOCKS = 256  # allocated at the beginning (ours); doubled when all are held
HASH_BYTES = 16  # ours, as for pictures


class BlockManager:
    """Blocks 1 to `num_blocks` of `block_size` tokens; block 0 is never assigned and stays zero.

    references: how many sequences hold a block, by its number. `capacity`: blocks allocated so far.
    """

    def __init__(self, num_blocks: int, block_size: int) -> None:
        self.num_blocks, self.block_size = num_blocks, block_size
        self.capacity = 0
        self.references = [0]
        self.version = 0
        self._free: OrderedDict[int, None] = OrderedDict()  # in the order of reuse
        self._hashes: dict[int, bytes] = {}
        self._blocks: dict[bytes, int] = {}
        self._grow()

    @property
    def num_free(self) -> int:
        """Blocks that no sequence holds, including those not yet allocated."""
        return len(self._free) + self.num_blocks - self.capacity

    def num_blocks_for(self, num_tokens: int) -> int:
        """Number of blocks for so many tokens."""
        return math.ceil(num_tokens / self.block_size)

    def cached_prefix(self, sequence: Sequence) -> list[int]:
        """Cached blocks of a sequence's prefix, without its last token, which must be computed to get the next."""
        found = []
        for content in self.hashes(sequence)[: (sequence.num_tokens - 1) // self.block_size]:
            if content not in self._blocks:
                break
            found.append(self._blocks[content])
        return found

    def next_hash(self, sequence: Sequence, cached: list[int]) -> bytes | None:
        """Hash of the block after those `cached`; None if it is not full."""
        hashes = self.hashes(sequence)
        return hashes[len(cached)] if len(cached) < len(hashes) else None

    def open(self, sequence: Sequence, cached: list[int]) -> bool:
        """Give a sequence blocks for its tokens, of which those `cached` are computed; False if too few are free."""
        needed = self.num_blocks_for(sequence.num_tokens) - len(cached)
        if needed > self.num_free - sum(self.references[block] == 0 for block in cached):
            return False
        for block in cached:
            self._hold(block)
        sequence.blocks = cached + [self._new() for _ in range(needed)]
        sequence.num_computed, sequence.num_committed = len(cached) * self.block_size, len(cached)
        sequence.num_prefill = sequence.num_tokens
        return True

    def extend(self, sequence: Sequence) -> bool:
        """Make room for the newest token; False if no block is free."""
        if self.num_blocks_for(sequence.num_tokens) <= len(sequence.blocks):
            return True
        if not self.num_free:
            return False
        sequence.blocks.append(self._new())
        return True

    def commit(self, sequence: Sequence) -> None:
        """Make blocks that have become full available for sharing."""
        full = sequence.num_computed // self.block_size
        if full > sequence.num_committed:
            new = slice(sequence.num_committed, full)
            for block, content in zip(sequence.blocks[new], self.hashes(sequence)[new], strict=True):
                if content not in self._blocks:  # otherwise two sequences computed it at the same time
                    self._blocks[content], self._hashes[block] = block, content
            sequence.num_committed = full

    def release(self, sequence: Sequence) -> None:
        """Free the blocks. The last blocks of a prefix are reused before the first ones."""
        self._drop_references(sequence.blocks)
        sequence.forget_computed()

    def share(self, beam: Sequence, parent_blocks: list[int]) -> None:
        """Give a beam the full blocks of its parent; it keeps its own last block, which is not full yet."""
        for block in parent_blocks:
            self._hold(block)
        self._drop_references(beam.blocks[: len(parent_blocks)])
        beam.blocks = parent_blocks + beam.blocks[len(parent_blocks) :]

    def hashes(self, sequence: Sequence) -> list[bytes]:
        """Hashes of all full blocks."""
        size = self.block_size
        for index in range(len(sequence.hashes), sequence.num_tokens // size):
            before = sequence.hashes[-1] if sequence.hashes else b"weights %d" % self.version
            content = _content(sequence, index * size, (index + 1) * size)
            sequence.hashes.append(hashlib.blake2b(before + content, digest_size=HASH_BYTES).digest())
        return sequence.hashes

    def _drop_references(self, blocks: list[int]) -> None:
        for block in reversed(blocks):
            self.references[block] -= 1
            if not self.references[block]:
                self._free[block] = None
                self._free.move_to_end(block, last=block in self._hashes)

    def _hold(self, block: int) -> None:
        self._free.pop(block, None)
        self.references[block] += 1

    def _new(self) -> int:
        if not self._free:
            self._grow()
        block = next(iter(self._free))
        self._hold(block)
        if block in self._hashes:
            del self._blocks[self._hashes.pop(block)]
        return block

    def _grow(self) -> None:
        more = min(max(FIRST_BLOCKS, self.capacity), self.num_blocks - self.capacity)
        self._free.update(dict.fromkeys(range(self.capacity + 1, self.capacity + more + 1)))
        self.references += [0] * more
        self.capacity += more


def _content(sequence: Sequence, start: int, end: int) -> bytes:
    """Everything that determines the keys and values of some tokens, apart from the tokens before."""
    places = sequence.places(start, end)
    where = [places.start, *(sequence.visual_places[place] - start for place in places)] if places else []
    pictures = b"".join(package.key for package in sequence.packages_of(places))
    return array("q", [*sequence.tokens(start, end), *where]).tobytes() + pictures
