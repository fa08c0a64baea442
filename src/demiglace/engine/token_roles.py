"""Which tokens end an answer, which are never sampled, and which enclose its reasoning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from demiglace.processing.chat_template import END_THINK
from demiglace.processing.tokenizer import TextPiece, Tokenizer


@dataclass(frozen=True)
class TokenRoles:
    """Ids of special tokens.

    ends: end tokens of answers. forbidden: tokens that are never sampled.
    think_start, think_end: enclose the reasoning of a long answer; None if a vocabulary has none.
    closing: tokens that close reasoning when it must end, including `think_end`.
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
        """Tokens between the end of the reasoning and the answer."""
        return self.closing[self.closing.index(self.think_end) + 1 :] if self.think_end in self.closing else ()

    @classmethod
    def of(cls, tokenizer: Tokenizer, vocab_size: int) -> TokenRoles:
        """The roles of a tokenizer whose model has `vocab_size` logits. Reasoning is closed as in the chat template."""
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
