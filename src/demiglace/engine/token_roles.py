"""Which tokens end an answer, which it never has, and which enclose its thoughts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from demiglace.processing.chat_template import END_THINK
from demiglace.processing.tokenizer import TextPiece, Tokenizer


@dataclass(frozen=True)
class TokenRoles:
    """Ids that are more than text.

    ends: each ends an answer. forbidden: none of them is ever drawn.
    think_start, think_end: enclose the thoughts of a long answer; None where a vocabulary has none.
    closing: what closes thoughts that are to end, `think_end` among it.
    """

    ends: frozenset[int] = frozenset()
    forbidden: frozenset[int] = frozenset()
    think_start: int | None = None
    think_end: int | None = None
    closing: tuple[int, ...] = ()

    @cached_property
    def forbidden_tokens(self) -> Tensor:
        """int64 (forbidden,), on the CPU."""
        return torch.tensor(sorted(self.forbidden), dtype=torch.int64)

    @cached_property
    def end_tokens(self) -> Tensor:
        """int64 (ends,), on the CPU."""
        return torch.tensor(sorted(self.ends), dtype=torch.int64)

    @property
    def after_thoughts(self) -> tuple[int, ...]:
        """What stands between the end of the thoughts and the answer."""
        return self.closing[self.closing.index(self.think_end) + 1 :] if self.think_end in self.closing else ()

    @classmethod
    def of(cls, tokenizer: Tokenizer, vocab_size: int) -> TokenRoles:
        """Those of a tokenizer whose model weighs `vocab_size` ids. Thoughts are closed as the chat template has it."""
        special = tokenizer.special
        ends = frozenset({special["im_end"], special["end_of_text"]})
        return cls(
            ends,
            tokenizer.unsayable(vocab_size) - ends,
            special["think_start"],
            special["think_end"],
            tuple(tokenizer.encode_pieces([TextPiece(f"\n{END_THINK}\n\n", is_structure=True)])),
        )


NO_ROLES = TokenRoles()
