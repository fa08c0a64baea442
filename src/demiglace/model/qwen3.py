"""The decoder: embeddings in, hidden states out (Qwen3, dense; Yang et al., 2025).

The standard architecture: grouped-query attention with a norm on queries and keys, rotary positions, gated MLP, no
biases, untied embeddings. Rows may be padded, packed with several samples, or continued from a `KVCache`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from demiglace.model.kv_cache import AttentionCache, KVCache
from demiglace.model.layers import Checkpointing, RMSNorm, causal_attention, rotary_table, rotate, run_layer, visibility
from demiglace.model.packed_attention import SegmentLengths, packed_attention, segment_lengths

Visible = Tensor | SegmentLengths | None  # as `causal_attention` takes it, or the segments of packed rows

MAX_TOKENS_AT_ONCE = 2048  # in prefill (ours): a CPU takes a sixth less time than with four times as many


@dataclass(frozen=True)
class Qwen3Config:
    """Sizes of the decoder."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    rope_theta: float
    rms_norm_eps: float
    max_position_embeddings: int

    def __post_init__(self) -> None:
        if self.num_heads % self.num_kv_heads:
            raise ValueError(f"num_heads {self.num_heads} is not a multiple of num_kv_heads {self.num_kv_heads}")
        if self.head_dim % 2:
            raise ValueError(f"head_dim must be even, got {self.head_dim}")

    def check_length(self, length: int) -> None:
        """ValueError if a row of `length` tokens is longer than the model has positions."""
        if length > self.max_position_embeddings:
            raise ValueError(
                f"rows of {length} tokens, more than {self.max_position_embeddings} positions of the model"
            )


class Attention(nn.Module):
    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        heads_size, kv_size = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
        self.head_dim = config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, heads_size, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, kv_size, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, kv_size, bias=False)
        self.o_proj = nn.Linear(heads_size, config.hidden_size, bias=False)
        self.q_norm = RMSNorm(config.head_dim, config.rms_norm_eps)
        self.k_norm = RMSNorm(config.head_dim, config.rms_norm_eps)

    def forward(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor],
        visible: Visible,
        cache: AttentionCache | None,
        layer: int,
        last: Tensor | None = None,
    ) -> Tensor:
        query_input, query_rotary = x, rotary
        if last is not None:
            query_input, query_rotary = _gather(x, last), (_gather(rotary[0], last), _gather(rotary[1], last))
            assert not isinstance(visible, tuple)
            visible = None if visible is None else _gather(visible, last)
        query = self.q_proj(query_input).unflatten(-1, (-1, self.head_dim))
        key, value = (project(x).unflatten(-1, (-1, self.head_dim)) for project in (self.k_proj, self.v_proj))
        query = rotate(self.q_norm(query).transpose(1, 2), query_rotary)
        key = rotate(self.k_norm(key).transpose(1, 2), rotary)
        value = value.transpose(1, 2)
        if cache is not None:
            key, value = cache.append(layer, key, value)
        if isinstance(visible, tuple):
            attended = packed_attention(query, key, value, visible)
        else:
            attended = causal_attention(query, key, value, visible)
        return self.o_proj(attended.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, hidden_size: int, intermediate_size: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config.hidden_size, config.intermediate_size)

    def forward(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor],
        visible: Visible,
        cache: AttentionCache | None,
        layer: int,
        last: Tensor | None = None,
    ) -> Tensor:
        """x (rows, length, hidden_size) -> as x; with `last`, int64 (rows,), only of that place of each row."""
        attended = self.self_attn(self.input_layernorm(x), rotary, visible, cache, layer, last)
        x = attended + (x if last is None else _gather(x, last))
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        nn.init.normal_(self.embed_tokens.weight, std=0.02)


class Qwen3(nn.Module):
    """`model` has embeddings, layers and norm; `lm_head` turns hidden states into logits."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def forward(
        self,
        embeddings: Tensor,
        positions: Tensor,
        segments: Tensor,
        cache: AttentionCache | None = None,
        checkpointing: Checkpointing = False,
        is_causal: bool = False,
        last: Tensor | None = None,
    ) -> Tensor:
        """embeddings (rows, length, hidden_size), positions and segments (rows, length) as in `Batch` -> hidden states
        (rows, length, hidden_size) after the final norm.

        With a cache, the tokens continue those in it and are added to it; ValueError if they do not fit.
        With `checkpointing`, a layer stores only its input and runs again in the backward pass; the result is the same.
        It excludes caches that a second run of a layer would change.
        `is_causal` excludes a cache. It asserts that every row is one sample, padded only at the end: then only later
        tokens are masked, the device is not synchronised, and outputs at padding are meaningless.
        `last`, int64 (rows,), is the place of each row's last token. With it, only hidden states of that place are
        computed in the last layer and returned, (rows, 1, hidden_size).
        """
        visible: Visible
        if cache is not None:
            visible = cache.visible(positions, segments)
        else:
            visible = None if is_causal else _visible(positions, segments, last)
        rotary = rotary_table(positions, self.config.head_dim, self.config.rope_theta, embeddings.dtype)
        x = embeddings
        for index, layer in enumerate(self.model.layers):
            is_last_layer = index == self.config.num_layers - 1
            x = run_layer(
                layer, x, rotary, visible, cache, index, last if is_last_layer else None, checkpointing=checkpointing
            )
        return self.model.norm(x)

    def last_states(
        self, embeddings: Tensor, positions: Tensor, segments: Tensor, cache: KVCache, last: Tensor
    ) -> Tensor:
        """As `forward` with a cache and `last`, but some rows at a time, so that activations stay small."""
        step = max(1, MAX_TOKENS_AT_ONCE // embeddings.shape[1])
        states = []
        for start in range(0, len(embeddings), step):
            rows = slice(start, start + step)
            states.append(self(embeddings[rows], positions[rows], segments[rows], cache.rows(rows), last=last[rows]))
        cache.length += embeddings.shape[1]
        return torch.cat(states)


def _visible(positions: Tensor, segments: Tensor, last: Tensor | None) -> Visible:
    """What the tokens of complete rows see: by segment if that is faster, else as a mask."""
    lengths = segment_lengths(positions, segments) if last is None else None
    return visibility(positions, segments, positions, segments) if lengths is None else lengths


def _gather(x: Tensor, places: Tensor) -> Tensor:
    """(rows, ..., length, size) -> (rows, ..., 1, size): of each row, the place given by `places`, int64 (rows,)."""
    index = places.view(-1, *(1,) * (x.ndim - 1)).expand(*x.shape[:-2], 1, x.shape[-1])
    return x.gather(-2, index)
