"""Supervised training on conversations: the model and its loss as one module, and the objective over packed rows.

The loss is the weighted sum over learned tokens, divided by their weights in all microbatches of a step on all
processes, so it does not depend on how the step is split. A sample of n learned tokens weighs n ** `sample_power` (not
in the paper): 1 weights all tokens equally, 0 all samples, 0.5 is InternVL 2.5's square averaging (arXiv 2412.05271).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demiglace.batch import IGNORE, PADDING, STILL, Batch, Visual
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.packing import pack
from demiglace.processing.sample import Sample
from demiglace.training.distributed import ProcessGroup
from demiglace.training.flops import Learning, model_flops
from demiglace.training.metrics import Figures
from demiglace.training.objective import MicrobatchedObjective

Encode = Callable[[Visual], Tensor]  # -> features (patches, feature_size)


class RowSource(Protocol):
    """What the objective needs from `data.loader.Loader`."""

    waited: float

    @property
    def skipped(self) -> Sequence[ValueError]: ...
    def next_rows(self, decay: float) -> list[list[Sample]]: ...
    def state(self) -> dict[int, Any]: ...
    def restore(self, state: Mapping[str, Any]) -> None: ...


class LanguageLearner(nn.Module):
    """A model with its loss; all parameters are `model.*`. `activation_checkpointing`: layers store only inputs."""

    def __init__(self, model: MiniCPMV, activation_checkpointing: bool = False) -> None:
        super().__init__()
        self.model, self.activation_checkpointing = model, activation_checkpointing

    def forward(self, batch: Batch, token_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Sum of the learned tokens' losses in nats, and how many of them are the most likely token.

        token_weights: float (learned tokens,), in the order of rows and places; all 1 by default.
        """
        embeddings = embed(self.model, batch, checkpointing=self.activation_checkpointing)
        hidden = self.model.llm(
            embeddings, batch.positions, batch.segments, checkpointing=self.activation_checkpointing
        )
        assert batch.labels is not None
        learned = batch.labels[:, 1:] != IGNORE
        logits = self.model.logits(hidden[:, :-1][learned]).float()
        targets = batch.labels[:, 1:][learned]
        losses = F.cross_entropy(logits, targets, reduction="none")
        # Not a dot product, which autocast would compute in bfloat16.
        loss = losses.sum() if token_weights is None else (losses * token_weights).sum()
        return loss, (logits.argmax(-1) == targets).sum()


@dataclass
class SupervisedObjective(MicrobatchedObjective):
    """Packed rows of conversations; a microbatch is of rows.

    length: tokens of a row. decayed: step -> progress of the stage's decay (0 to 1), for the mixture.
    on_skipped: called with the errors of skipped records. sample_power: see the module docstring.
    """

    loader: RowSource
    length: int
    padding_token: int
    decayed: Callable[[int], float]
    learning: Learning
    ranks: ProcessGroup
    on_skipped: Callable[[Sequence[ValueError]], None]
    sample_power: float = 1.0
    parts: list[Batch] = field(default_factory=list)  # of the last step
    rows: list[list[Sample]] = field(default_factory=list, init=False)  # of the last step
    repeats: bool = field(default=False, init=False)  # whether the next step has the rows of the last

    def __call__(self, learner: LanguageLearner, step: int) -> Iterator[tuple[Tensor, Figures]]:
        if not self.repeats:
            self.rows = self.loader.next_rows(self.decayed(step))
            if self.loader.skipped:
                self.on_skipped(self.loader.skipped)
        rows, self.repeats = self.rows, False
        size = self.micro_batch_size
        self.parts = [
            pack(rows[start : start + size], self.length, self.padding_token) for start in range(0, len(rows), size)
        ]
        weights = [learned_token_weights(part, self.sample_power) for part in self.parts]
        own = [
            sum(part.num_learned for part in self.parts),
            sum(float(token_weights.sum()) for token_weights in weights),
        ]
        num_learned, total_weight = (max(1.0, total) for total in self.ranks.sum(own))
        waited = self.loader.waited / self.ranks.count
        for part, token_weights in zip(self.parts, weights, strict=True):
            with self.autocast():
                loss, num_right = learner(part.to(self.device), token_weights.to(self.device))
            figures = {"token_accuracy": float(num_right) / num_learned, "data_wait_s": waited}
            yield loss / total_weight, {**figures, **self._counts(part, learner)}
            waited = 0.0

    def halve(self) -> bool:
        """Halve the microbatch and repeat the last step's rows; False if it is a single row, or was halved before."""
        if not super().halve():
            return False
        self.repeats = True
        return True

    def state(self) -> dict[str, Any]:
        """The position of every stream, including those of other processes."""
        return {str(stream): place for stream, place in sorted(self.ranks.merge(self.loader.state()).items())}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.loader.restore(state)

    def seen(self) -> dict[str, Tensor]:
        """Tensors of the last step's batches, as `part.tokens` or `part.visual.patches`."""
        tensors: dict[str, Tensor] = {}
        for number, part in enumerate(self.parts):
            named = [(field.name, getattr(part, field.name)) for field in fields(part)]
            named += [
                (f"visual.{field.name}", getattr(part.visual, field.name)) for field in fields(Visual) if part.visual
            ]
            tensors |= {f"{number}.{name}": value.contiguous() for name, value in named if isinstance(value, Tensor)}
        return tensors

    def _counts(self, part: Batch, learner: LanguageLearner) -> Figures:
        return {
            "num_tokens": float((part.segments != PADDING).sum()),
            "num_visual_tokens": float(part.visual_places.numel()),
            "num_flops": model_flops(learner.model.config, part, self.learning),
        }


def embed(model: MiniCPMV, batch: Batch, encode: Encode | None = None, checkpointing: bool = False) -> Tensor:
    """Token embeddings with visual tokens in their places, as `MiniCPMV.embed`, with a gradient.

    encode: pictures -> features, instead of the model's own encoder.
    """
    # Without pictures, a blank patch passes through encoder and resampler with weight zero: processes that shard the
    # weights must all run the same layers, and with a frozen decoder the loss still needs a gradient.
    visual = batch.visual or _blank(model.config.vision.patch_size, batch.tokens.device)
    if encode is None:
        tokens = model.visual_tokens(visual, checkpointing=checkpointing)
    else:
        places = (visual.grids, visual.package_sizes, visual.ticks, None, visual.run_lengths)
        tokens = model.resampler(encode(visual), *places).flatten(0, 1)
    if batch.visual is None:
        return model.merge_visual_tokens(batch, None) + 0 * tokens.sum()
    return model.merge_visual_tokens(batch, tokens)


def learned_token_weights(batch: Batch, sample_power: float) -> Tensor:
    """n ** (sample_power - 1), n learned tokens in a sample: float32 (learned tokens,), in order of rows and places."""
    assert batch.labels is not None
    learned = batch.labels[:, 1:] != IGNORE
    segments = batch.segments[:, 1:]
    samples = segments + torch.arange(len(segments)).unsqueeze(1) * (segments.max() + 1)  # numbered across rows
    counts = samples[learned].bincount()
    return counts[samples[learned]].float().pow(sample_power - 1)


def _blank(patch_size: int, device: torch.device) -> Visual:
    """A picture of one grey patch."""
    one = torch.ones(1, dtype=torch.int64)
    return Visual(torch.zeros(1, 3 * patch_size**2), one.expand(1, 2), one, STILL * one).to(device)
