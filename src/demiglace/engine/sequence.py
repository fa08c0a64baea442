"""One answer under way: its prompt, its tokens, and how far its keys and values are computed."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

from torch import Tensor

from demiglace.engine.token_sampler import TokenSampler
from demiglace.engine.visual_cache import VisualPackage


@dataclass(eq=False)
class Sequence:
    """An answer and all that it stands on, or one of its beams. Equal to itself alone.

    number: of the request; younger ones have larger numbers.
    said: tokens of the answer so far, be they those of its sampler or of a beam.
    visual_places: indices into `prompt` that visual tokens fill, ascending, equally many of each of `packages`.
    blocks: in which keys and values lie, `block_size` tokens each.
    num_computed: tokens whose keys and values are computed; num_prefill: how many are before the next token is drawn.
    hashes: of the full blocks of prompt and answer; num_committed: how many of them others may share.
    visual_tokens: (visual, hidden_size), of the last places, while the prompt is being computed.
    beams: which go on in its place once its prompt is computed; leader: of a beam, the sequence that it goes on from.
    """

    number: int
    prompt: list[int]
    visual_places: list[int]
    packages: list[VisualPackage]
    sampler: TokenSampler
    said: list[int]
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
        """Of a decode step."""
        return self.sampler.params.num_beams if self.leader is None else 1

    @property
    def num_tokens(self) -> int:
        """Of prompt and answer so far."""
        return len(self.prompt) + len(self.said)

    @property
    def is_prefilling(self) -> bool:
        return self.num_computed < self.num_prefill

    def tokens(self, start: int, end: int) -> list[int]:
        """Some of prompt and answer."""
        length = len(self.prompt)
        return self.prompt[start:end] + self.said[max(0, start - length) : max(0, end - length)]

    def places(self, start: int, end: int) -> range:
        """Which of the visual places lie between two tokens."""
        return range(bisect.bisect_left(self.visual_places, start), bisect.bisect_left(self.visual_places, end))

    def packages_of(self, places: range) -> list[VisualPackage]:
        """Those that fill some of the visual places."""
        if not places:
            return []
        size = len(self.visual_places) // len(self.packages)
        return self.packages[places.start // size : (places.stop - 1) // size + 1]

    def begin_beams(self) -> None:
        """Its beams go on from here, all with what is computed so far and the first with its blocks."""
        for _ in range(self.num_rows):
            beam = Sequence(self.number, self.prompt, self.visual_places, self.packages, self.sampler, [])
            beam.leader, beam.num_computed, beam.num_committed = self, self.num_computed, self.num_committed
            beam.num_prefill, beam.hashes = self.num_prefill, self.hashes.copy()
            self.beams.append(beam)
        self.beams[0].blocks = self.blocks
        self.forget_computed()

    def forget_computed(self) -> None:
        """Nothing of it is computed, and it has no blocks."""
        self.blocks, self.visual_tokens = [], None
        self.num_computed = self.num_prefill = self.num_committed = 0
