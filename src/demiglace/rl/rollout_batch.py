"""Log-probabilities of answers, with gradients: a prompt is computed once and shared by all its answers.

A prompt goes through the decoder as its own row; each of its answers then attends to its keys and values, as in
sampling. Gradients of answers flow back through them into the prompt, so the result equals that of separate rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from demiglace.batch import PADDING, Batch, to_device
from demiglace.model.kv_cache import AttentionCache
from demiglace.model.layers import visibility
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.training.supervised import Encode, embed

Answers = Sequence[Sequence[int]]  # to one prompt, as token ids


@dataclass(frozen=True)
class RolloutBatch:
    """Prompts and answers to them.

    prompts: one a row, padded on the right. lengths: tokens of each answer, at least 1.
    answers: int64 (answers, longest), padded on the right with 0; owners: int64 (answers,), rows of their prompts.
    """

    prompts: Batch
    answers: Tensor
    lengths: tuple[int, ...]
    owners: Tensor

    @classmethod
    def of(cls, processor: Processor, prompts: Sequence[Sample], answers: Sequence[Answers]) -> RolloutBatch:
        """answers: those to each prompt. ValueError if one has no token."""
        flat = [list(answer) for some in answers for answer in some]
        lengths = tuple(map(len, flat))
        if not all(lengths):
            raise ValueError(f"an answer needs at least 1 token, but {lengths.count(0)} of {len(lengths)} have 0")
        padded = torch.zeros(len(flat), max(lengths), dtype=torch.int64)
        for row, answer in zip(padded, flat, strict=True):
            row[: len(answer)] = torch.tensor(answer)
        owners = torch.arange(len(prompts)).repeat_interleave(torch.tensor([len(some) for some in answers]))
        return cls(processor.batch(prompts), padded, lengths, owners)

    def to(self, device: torch.device) -> RolloutBatch:
        answers, owners = to_device(self.answers, device), to_device(self.owners, device)
        return replace(self, prompts=self.prompts.to(device), answers=answers, owners=owners)


class PolicyLearner(nn.Module):
    """The policy; all parameters are `model.*`. `activation_checkpointing`: layers store only their inputs."""

    def __init__(self, model: MiniCPMV, activation_checkpointing: bool = False) -> None:
        super().__init__()
        self.model, self.activation_checkpointing = model, activation_checkpointing

    def forward(self, batch: RolloutBatch, encode: Encode | None = None) -> tuple[Tensor, Tensor]:
        """Log-probabilities in nats of the tokens of all answers, concatenated, float32 (tokens,), and the entropy of
        the policy at each, without gradient. encode: replaces the model's encoder (`training.supervised.embed`).
        """
        hidden = self._states(batch, encode)
        longest = torch.arange(batch.answers.shape[1], device=hidden.device)
        is_token = longest < torch.tensor(batch.lengths, device=hidden.device).unsqueeze(1)
        weighed = self.model.logits(hidden[is_token]).float().log_softmax(dim=-1)
        chosen = weighed.gather(1, batch.answers[is_token].unsqueeze(1)).sum(dim=1)  # no view: FSDP2 warns of views
        with torch.no_grad():
            entropy = -(weighed.exp() * weighed).sum(dim=-1)
        return chosen, entropy

    @torch.no_grad()
    def log_probs_by_answer(self, batch: RolloutBatch, encode: Encode | None = None) -> list[list[float]]:
        """The log-probabilities of `forward`, separately for each answer, without gradient."""
        log_probs, _ = self(batch.to(self.model.llm.lm_head.weight.device), encode)
        return [own.tolist() for own in log_probs.split(list(batch.lengths))]

    def _states(self, batch: RolloutBatch, encode: Encode | None) -> Tensor:
        """(answers, longest, hidden_size): at the token before each token of an answer, first the prompt's last."""
        prompts, shared, checkpointing = batch.prompts, SharedPrompt(), self.activation_checkpointing
        embedded = embed(self.model, prompts, encode, checkpointing)
        states = self.model.llm(embedded, prompts.positions, prompts.segments, shared, checkpointing)
        lengths = (prompts.segments != PADDING).sum(dim=1)
        first = states[torch.arange(len(states), device=states.device), lengths - 1][batch.owners].unsqueeze(1)
        # The last token predicts nothing. If it is the only one, it is computed with weight zero: processes that shard
        # the weights must all run the same layers.
        is_one = batch.answers.shape[1] == 1
        before = batch.answers if is_one else batch.answers[:, :-1]
        positions = lengths[batch.owners].unsqueeze(1) + torch.arange(before.shape[1], device=states.device)
        embeddings = self.model.llm.model.embed_tokens(before)
        behind = BehindPrompt(shared, batch.owners)
        later = self.model.llm(embeddings, positions, torch.ones_like(before), behind, checkpointing)
        return first + 0 * later if is_one else torch.cat([first, later], dim=1)


class SharedPrompt(AttentionCache):
    """Keys and values of prompts, stored once for all their answers, with gradients."""

    def __init__(self) -> None:
        self.marks: tuple[Tensor, Tensor] | None = None  # positions and segments
        self.held: dict[int, tuple[Tensor, Tensor]] = {}

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None:
        self.marks = positions, segments
        return visibility(positions, segments, positions, segments)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """(rows, num_kv_heads, length, head_dim). A layer recomputed by checkpointing does not replace them."""
        self.held.setdefault(layer, (keys, values))
        return keys, values


class BehindPrompt(AttentionCache):
    """What answers attend to: the keys and values of their prompts, and their own.

    owners: int64 (answers,), the row of each answer's prompt.
    """

    def __init__(self, prompt: SharedPrompt, owners: Tensor) -> None:
        self.prompt, self.owners = prompt, owners

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None:
        assert self.prompt.marks is not None
        key_positions, key_segments = (
            torch.cat((marks[self.owners], own), dim=1)
            for marks, own in zip(self.prompt.marks, (positions, segments), strict=True)
        )
        return visibility(positions, segments, key_positions, key_segments)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """(answers, num_kv_heads, length, head_dim) of prompt and answer together."""
        before = (held[self.owners] for held in self.prompt.held[layer])
        keys, values = (torch.cat(pair, dim=2) for pair in zip(before, (keys, values), strict=True))
        return keys, values
