"""Blocks of keys and values: who holds them, which content they have, and which are given away first.

Full blocks are known by a chain of hashes, so that sequences with the same beginning share them: a hash covers the
tokens, the pictures behind visual tokens, the weights' version and all blocks before. A block that nobody holds keeps
its content until it is needed for another: first those that cannot be shared, then the one unused for longest.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections import OrderedDict

from demiglace.engine.sequence import Sequence

FIRST_BLOCKS = 256  # that there are at the beginning (ours); they double when all are held
HASH_BYTES = 16  # ours, as of pictures


class BlockManager:
    """Blocks 1 to `num_blocks` of `block_size` tokens; block 0 is nobody's, and zero.

    references: how many sequences hold a block, by its number. `capacity`: blocks there are so far.
    """

    def __init__(self, num_blocks: int, block_size: int) -> None:
        self.num_blocks, self.block_size = num_blocks, block_size
        self.capacity = 0
        self.references = [0]
        self.version = 0
        self._free: OrderedDict[int, None] = OrderedDict()  # in the order in which they are given away
        self._hashes: dict[int, bytes] = {}
        self._blocks: dict[bytes, int] = {}
        self._grow()

    @property
    def num_free(self) -> int:
        """Blocks that nobody holds, those that are not there yet included."""
        return len(self._free) + self.num_blocks - self.capacity

    def count(self, num_tokens: int) -> int:
        """Blocks that so many tokens fill."""
        return math.ceil(num_tokens / self.block_size)

    def known(self, sequence: Sequence) -> list[int]:
        """Blocks with the beginning of a sequence, the last token excepted, from which the next one follows."""
        found = []
        for content in self.hashes(sequence)[: (sequence.num_tokens - 1) // self.block_size]:
            if content not in self._blocks:
                break
            found.append(self._blocks[content])
        return found

    def next_hash(self, sequence: Sequence, known: list[int]) -> bytes | None:
        """Of the block behind those `known`; None where it is not full."""
        hashes = self.hashes(sequence)
        return hashes[len(known)] if len(known) < len(hashes) else None

    def open(self, sequence: Sequence, known: list[int]) -> bool:
        """Give a sequence blocks for its tokens, those `known` already computed; False where too few are free."""
        needed = self.count(sequence.num_tokens) - len(known)
        if needed > self.num_free - sum(self.references[block] == 0 for block in known):
            return False
        for block in known:
            self._hold(block)
        sequence.blocks = known + [self._new() for _ in range(needed)]
        sequence.num_computed, sequence.num_committed = len(known) * self.block_size, len(known)
        sequence.num_prefill = sequence.num_tokens
        return True

    def extend(self, sequence: Sequence) -> bool:
        """Room for the newest token; False where no block is free."""
        if self.count(sequence.num_tokens) <= len(sequence.blocks):
            return True
        if not self.num_free:
            return False
        sequence.blocks.append(self._new())
        return True

    def commit(self, sequence: Sequence) -> None:
        """Let others share the blocks that have become full."""
        full = sequence.num_computed // self.block_size
        if full > sequence.num_committed:
            new = slice(sequence.num_committed, full)
            for block, content in zip(sequence.blocks[new], self.hashes(sequence)[new], strict=True):
                if content not in self._blocks:  # else it was computed twice at a time
                    self._blocks[content], self._hashes[block] = block, content
            sequence.num_committed = full

    def release(self, sequence: Sequence) -> None:
        """Take the blocks back. The end of a beginning is given away before what leads to it."""
        self._let_go(sequence.blocks)
        sequence.forget_computed()

    def share(self, beam: Sequence, parent_blocks: list[int]) -> None:
        """Give a beam the full blocks of another; its own last block, not full yet, stays its own."""
        for block in parent_blocks:
            self._hold(block)
        self._let_go(beam.blocks[: len(parent_blocks)])
        beam.blocks = parent_blocks + beam.blocks[len(parent_blocks) :]

    def hashes(self, sequence: Sequence) -> list[bytes]:
        """Of all full blocks."""
        size = self.block_size
        for index in range(len(sequence.hashes), sequence.num_tokens // size):
            before = sequence.hashes[-1] if sequence.hashes else b"weights %d" % self.version
            content = _content(sequence, index * size, (index + 1) * size)
            sequence.hashes.append(hashlib.blake2b(before + content, digest_size=HASH_BYTES).digest())
        return sequence.hashes

    def _let_go(self, blocks: list[int]) -> None:
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
    """All that decides the keys and values of some tokens, those before set aside."""
    places = sequence.places(start, end)
    where = [places.start, *(sequence.visual_places[place] - start for place in places)] if places else []
    pictures = b"".join(package.key for package in sequence.packages_of(places))
    return array("q", [*sequence.tokens(start, end), *where]).tobytes() + pictures
