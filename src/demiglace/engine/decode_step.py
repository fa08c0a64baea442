"""A token of each running answer through the decoder: as it is, or compiled."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from demiglace.model.minicpmv import MiniCPMV

SAMPLE_ROWS, SAMPLE_COLUMNS, SAMPLE_CAPACITY = 3, 21, 37  # unlike each other and sizes of models: each may vary alone


@dataclass(frozen=True)
class Columns:
    """What running answers see, with a last column for their new tokens; a cache as `forward` takes it.

    keys and values: of each layer, (rows, num_kv_heads, columns, head_dim), in the memory of the window.
    mask: (rows, 1, 1, columns), added to the scores; None where all of it is seen.
    """

    keys: Sequence[Tensor]
    values: Sequence[Tensor]
    mask: Tensor | None

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None:
        return self.mask

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write the last column; keys and values (rows, num_kv_heads, 1, head_dim)."""
        self.keys[layer][:, :, -1:] = keys
        self.values[layer][:, :, -1:] = values
        return self.keys[layer], self.values[layer]


class DecodeStep:
    """Newest tokens and their positions, int64 (rows, 1), to float32 logits (rows, vocabulary).

    Compiled, operators are fused and launched by one call, from one code for a single row and one for any other number
    of rows and columns. That takes up to a minute and a C++ compiler; a warning says where it could not be done, and
    the step runs as it is.
    """

    def __init__(self, model: MiniCPMV, is_compiled: bool = False) -> None:
        self.model = model
        self._logits = _logits
        if is_compiled:
            self._compile()

    def __call__(self, tokens: Tensor, positions: Tensor, columns: Columns) -> Tensor:
        return self._logits(self.model, tokens, positions, columns.keys, columns.values, columns.mask)

    @torch.inference_mode()
    def _compile(self) -> None:
        self._logits = torch.compile(_logits, dynamic=True)
        try:
            for rows in (1, SAMPLE_ROWS):
                self(*self._sample(rows))
        except RuntimeError as error:  # of dynamo, inductor or the compiler they call
            self._logits = _logits
            why = str(error).splitlines()[0]
            warnings.warn(f"steps are not compiled: {why}", stacklevel=6)  # to whoever makes the engine

    def _sample(self, rows: int) -> tuple[Tensor, Tensor, Columns]:
        llm, weight = self.model.config.llm, self.model.llm.model.embed_tokens.weight
        shape = (llm.num_layers, rows, llm.num_kv_heads, SAMPLE_CAPACITY, llm.head_dim)
        keys, values = (weight.new_zeros(shape)[:, :, :, :SAMPLE_COLUMNS].unbind() for _ in range(2))
        mask = weight.new_zeros(rows, 1, 1, SAMPLE_CAPACITY)[..., :SAMPLE_COLUMNS] if rows > 1 else None
        tokens = torch.zeros(rows, 1, dtype=torch.int64, device=weight.device)
        return tokens, tokens.clone(), Columns(keys, values, mask)


def _logits(
    model: MiniCPMV,
    tokens: Tensor,
    positions: Tensor,
    keys: Sequence[Tensor],
    values: Sequence[Tensor],
    mask: Tensor | None,
) -> Tensor:
    embeddings, cache = model.llm.model.embed_tokens(tokens), Columns(keys, values, mask)
    hidden = model.llm(embeddings, positions, torch.ones_like(tokens), cache)
    return model.logits(hidden[:, 0]).float()
