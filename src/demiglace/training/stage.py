"""A stage of training: which parameters are trainable, at which learning rates, for how many steps."""

from __future__ import annotations

from dataclasses import dataclass

from demiglace.training.schedule import Decay, decayed, wsd


@dataclass(frozen=True)
class Stage:
    """A stage of training; the recipe gives the source of each number. ValueError if it would keep no checkpoint."""

    name: str
    trainable: tuple[str, ...]  # prefixes of the names of trainable parameters; all others are frozen
    num_steps: int
    learning_rate: float
    warmup: int
    decay_share: float  # share of the steps, at the end, in which the rate decays
    min_lr_ratio: float  # share of the peak rate that remains at the end
    weight_decay: float
    max_grad_norm: float  # gradients are clipped to this norm
    save_every: int
    log_every: int = 1
    keep: int = 2  # checkpoints to keep
    decay: Decay = "linear"
    sample_power: float = 1.0  # of conversations: n learned tokens weigh n ** sample_power (`training.supervised`)
    muon: bool = True  # for matrices inside blocks; else AdamW for all
    saves_frozen: bool = True  # in every checkpoint; else frozen parameters must be loaded from elsewhere

    def __post_init__(self) -> None:
        if min(self.save_every, self.keep) < 1:
            raise ValueError(f"save_every and keep must be at least 1, got {self.save_every} and {self.keep}")

    def rate_share(self, step: int) -> float:
        """Share of the peak rate at a step, counted from 0."""
        return wsd(step, self.num_steps, self.warmup, self.decay_share, self.min_lr_ratio, self.decay)

    def saves_after(self, step: int) -> bool:
        """Whether a checkpoint is due after so many steps, even if nothing stops the run."""
        return step % self.save_every == 0 or step == self.num_steps

    def decayed(self, step: int) -> float:
        """Progress of the decay, from 0 to 1."""
        return decayed(step, self.num_steps, self.decay_share)
