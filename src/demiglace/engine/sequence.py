"""One answer in progress: its prompt, its tokens, and how many of its keys and values are computed."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

from torch import Tensor

from demiglace.engine.token_sampler import TokenSampler
from demiglace.engine.visual_cache import VisualPackage


@dataclass(eq=False)
class Sequence:
    """The state of an answer, or of one of its beams. Compared by identity.

    number: of the request; younger ones have larger numbers.
    output_tokens: tokens of the answer so far, either of its sampler or of a beam.
    visual_places: indices of visual tokens in `prompt`, ascending, equally many for each of `packages`.
    blocks: blocks of its keys and values, `block_size` tokens each.
    num_computed: tokens whose keys and values are computed; num_prefill: how many must be for the next token.
    hashes: of the full blocks of prompt and answer; num_committed: how many of these blocks are available for sharing.
    visual_tokens: (visual, hidden_size), those of the last visual places, while the prompt is being computed.
    beams: replace the sequence once its prompt is computed; leader: the sequence that a beam belongs to.
    """

    number: int
    prompt: list[int]
    visual_places: list[int]
    packages: list[VisualPackage]
    sampler: TokenSampler
    output_tokens: list[int]
    blocks: list[int] = field(default_factory=list)
    num_computed: int = 0
    num_prefill: int = 0
    hashes: list[bytes] = field(default_factory=list)
    num_committed: int = 0
    visual_tokens: Tensor | None = None
    beams: list[Sequence] = field(default_factory=list)
    leader: Sequence | None = None

    @property
    def num_rows(self) -> int:
        """Rows that it takes in a decode step."""
        return self.sampler.params.num_beams if self.leader is None else 1

    @property
    def num_tokens(self) -> int:
        """Number of tokens of prompt and answer so far."""
        return len(self.prompt) + len(self.output_tokens)

    @property
    def is_prefilling(self) -> bool:
        return self.num_computed < self.num_prefill

    def tokens(self, start: int, end: int) -> list[int]:
        """A slice of prompt and answer."""
        length = len(self.prompt)
        return self.prompt[start:end] + self.output_tokens[max(0, start - length) : max(0, end - length)]

    def places(self, start: int, end: int) -> range:
        """Indices of the visual places in a slice of tokens."""
        return range(bisect.bisect_left(self.visual_places, start), bisect.bisect_left(self.visual_places, end))

    def packages_of(self, places: range) -> list[VisualPackage]:
        """The packages that some of the visual places belong to."""
        if not places:
            return []
        size = len(self.visual_places) // len(self.packages)
        return self.packages[places.start // size : (places.stop - 1) // size + 1]

    def begin_beams(self) -> None:
        """Create its beams: all inherit what is computed so far, and the first takes over its blocks."""
        for _ in range(self.num_rows):
            beam = Sequence(self.number, self.prompt, self.visual_places, self.packages, self.sampler, [])
            beam.leader, beam.num_computed, beam.num_committed = self, self.num_computed, self.num_committed
            beam.num_prefill, beam.hashes = self.num_prefill, self.hashes.copy()
            self.beams.append(beam)
        self.beams[0].blocks = self.blocks
        self.forget_computed()

    def forget_computed(self) -> None:
        """Reset: nothing is computed, and there are no blocks."""
        self.blocks, self.visual_tokens = [], None
        self.num_computed = self.num_prefill = self.num_committed = 0
