"""Logits to the next token, and the numbers that decide how."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class SamplingParams:
    """How an answer is drawn from the model. The defaults are the released code's short mode.

    max_new_tokens: the answer is cut after so many tokens.
    temperature: divides the logits; 0 always takes the likeliest token.
    top_p: draw among the likeliest tokens that together hold this much probability.
    top_k: draw among so many likeliest tokens; 0 among all.
    repetition_penalty: tokens said before in this answer lose by this factor; 1 is no penalty. The prompt does not
        count: the released code generates from embeddings, so that its penalty never sees the prompt either.
    seed: None draws anew each time; a number repeats the same answer, whatever else is in the batch.
    """

    max_new_tokens: int = 2048
    temperature: float = 0.7
    top_p: float = 0.8
    top_k: int = 100
    repetition_penalty: float = 1.03
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {self.max_new_tokens}")
        if not 0 <= self.temperature <= 100:
            raise ValueError(f"temperature must lie in [0, 100], got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must lie in (0, 1], got {self.top_p}")
        if self.top_k < 0:
            raise ValueError(f"top_k must be 0 (all tokens) or more, got {self.top_k}")
        if not 0 < self.repetition_penalty <= 10:
            raise ValueError(f"repetition_penalty must lie in (0, 10], got {self.repetition_penalty}")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must lie in [0, 2**63), got {self.seed}")

    @classmethod
    def greedy(cls, max_new_tokens: int = 2048) -> SamplingParams:
        """Always the likeliest token."""
        return cls(max_new_tokens, temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.0)

    @classmethod
    def short(cls) -> SamplingParams:
        """What the released code's chat draws with in the short mode."""
        return cls()

    @classmethod
    def long(cls) -> SamplingParams:
        """The same in the long mode: no penalty; top_p and top_k come from the release's generation_config.json."""
        return cls(top_p=0.95, top_k=20, repetition_penalty=1.0)

    @classmethod
    def read(cls, folder: Path) -> SamplingParams:
        """What a checkpoint's generation_config.json asks for: greedy unless it says `do_sample`."""
        settings = _read_settings(folder / "generation_config.json")
        max_new_tokens = int(settings.get("max_new_tokens", 2048))
        if not settings.get("do_sample"):
            return cls.greedy(max_new_tokens)
        return cls(
            max_new_tokens,
            temperature=settings.get("temperature", 1.0),
            top_p=settings.get("top_p", 1.0),
            top_k=int(settings.get("top_k", 0)),
            repetition_penalty=settings.get("repetition_penalty", 1.0),
        )

    def generator(self) -> torch.Generator:
        """The source of chance of one request; on the CPU, so that a seed means the same on every device."""
        generator = torch.Generator()
        if self.seed is None:
            generator.seed()
        else:
            generator.manual_seed(self.seed)
        return generator


def next_token(logits: Tensor, said: Sequence[int], params: SamplingParams, generator: torch.Generator) -> int:
    """The token after `said`, the tokens of this answer so far. logits: float (vocabulary,)."""
    logits = _penalised(logits.float(), said, params.repetition_penalty)
    if params.temperature == 0:
        return int(logits.argmax())
    kept = min(params.top_k or len(logits), len(logits))
    likeliest, tokens = logits.topk(kept)  # sorted, the likeliest first
    probabilities = (likeliest.cpu() / params.temperature).softmax(dim=0)
    before = probabilities.cumsum(dim=0) - probabilities
    probabilities[before >= params.top_p] = 0.0
    return int(tokens[torch.multinomial(probabilities, 1, generator=generator)])


def _read_settings(path: Path) -> dict[str, float]:
    """The numbers (and switches) of a generation_config.json; none where there is no file."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(settings).__name__}")
    return {name: value for name, value in settings.items() if isinstance(value, int | float)}


def _penalised(logits: Tensor, said: Sequence[int], penalty: float) -> Tensor:
    """Logits of tokens already said moved down: divided by `penalty` when positive, multiplied when negative."""
    if penalty == 1 or not said:
        return logits
    tokens = torch.tensor(sorted(set(said)), device=logits.device)
    values = logits[tokens]
    return logits.index_copy(0, tokens, torch.where(values > 0, values / penalty, values * penalty))
