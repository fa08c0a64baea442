"""Logits to the next token, and the parameters of sampling."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from demiglace.fields import Either, Field, Real, Switch, Whole, Words, check_attributes, take
from demiglace.safe_files import read_object

SETTINGS_FILE = "generation_config.json"
MOST_BYTES = 2**20

BEAMS: Mapping[str, Field] = {
    "num_beams": Whole(1, 64),
    "length_penalty": Real(-10, 10),
    "early_stopping": Either((Switch(), Words(("never",)))),
}
FIELDS: Mapping[str, Field] = {
    **BEAMS,
    "max_new_tokens": Whole(1, 2**31),
    "temperature": Real(0, 100),
    "top_p": Real(0, 1, above=True),
    "top_k": Whole(0, 2**31),
    "repetition_penalty": Real(0.01, 10),
}
NEARLY_ZERO = 1e-30  # temperatures by which float32 cannot divide: the likeliest token has all the probability
SEED = Whole(0, 2**63 - 1)


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
    num_beams: beginnings of an answer that are followed at a time (`beam_search`); more than 1 only at temperature 0.
    length_penalty: an answer's log-probability is divided by its length to this power; above 0 favours long ones.
    early_stopping: True ends at `num_beams` complete answers, False where no beginning promises more at its present
        length, "never" where none does at any length (transformers).
    """

    max_new_tokens: int = 2048
    temperature: float = 0.7
    top_p: float = 0.8
    top_k: int = 100
    repetition_penalty: float = 1.03
    seed: int | None = None
    num_beams: int = 1
    length_penalty: float = 1.0
    early_stopping: bool | Literal["never"] = False

    def __post_init__(self) -> None:
        """Raises ValueError on numbers out of bounds, and where beams would be drawn."""
        check_attributes(self, FIELDS if self.seed is None else {**FIELDS, "seed": SEED})
        if self.num_beams > 1 and self.temperature > 0:
            raise ValueError(
                f"{self.num_beams} beams are followed at temperature 0 alone, got a temperature of {self.temperature:g}"
            )

    @property
    def is_plain(self) -> bool:
        """Whether the likeliest token is taken as it is, neither drawn nor penalised."""
        return self.temperature <= NEARLY_ZERO and self.repetition_penalty == 1

    @classmethod
    def greedy(cls, max_new_tokens: int = 2048) -> SamplingParams:
        """Always the likeliest token."""
        return cls(max_new_tokens, temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.0)

    @classmethod
    def read(cls, folder: Path) -> SamplingParams:
        """What a checkpoint's `generation_config.json` asks for: greedy, or in beams, unless it says `do_sample`.

        Raises ValueError that names the file and a field of another type or out of bounds.
        """
        path = folder / SETTINGS_FILE
        given = read_object(path, MOST_BYTES) if path.is_file() else {}
        given = {name: value for name, value in given.items() if value is not None}
        settings = take(str(path), given, {**FIELDS, "do_sample": Switch()})
        max_new_tokens = settings.get("max_new_tokens", 2048)
        if not settings.pop("do_sample", False):
            beams = {name: value for name, value in settings.items() if name in BEAMS}
            return replace(cls.greedy(max_new_tokens), **beams)
        unchanged = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0}
        return cls(**{**unchanged, "max_new_tokens": max_new_tokens, **settings})

    def generator(self) -> torch.Generator:
        """The source of chance of one request; on the CPU, so that a seed means the same on every device."""
        generator = torch.Generator()
        if self.seed is None:
            generator.seed()
        else:
            generator.manual_seed(self.seed)
        return generator


def next_token(logits: Tensor, said: Sequence[int], params: SamplingParams, generator: torch.Generator) -> int:
    """The token after `said`, the tokens of this answer so far. logits: float (vocabulary,).

    Raises ValueError where logits are NaN or infinite.
    """
    logits = _penalised(logits.float(), said, params.repetition_penalty)
    if params.temperature <= NEARLY_ZERO:
        largest, token = logits.max(dim=0)  # NaN, where there is one
        check_finite(float(largest))
        return int(token)
    kept = min(params.top_k or len(logits), len(logits))
    likeliest, tokens = logits.topk(kept)  # sorted, the likeliest first; NaN before all
    check_finite(float(likeliest[0]))
    probabilities = (likeliest.cpu() / params.temperature).softmax(dim=0)
    before = probabilities.cumsum(dim=0) - probabilities
    before[0] = -1.0  # is kept whatever top_p is: float32 tells the smallest from 0 no more
    probabilities[before >= params.top_p] = 0.0
    return int(tokens[torch.multinomial(probabilities, 1, generator=generator)])


def check_finite(largest: float) -> None:
    """ValueError where the largest of the logits, or the sum of some, is NaN or infinite."""
    if not math.isfinite(largest):
        raise ValueError(
            f"the model computes {largest} where it should weigh the next token: its weights are damaged, or its "
            "numbers are too large for its dtype, and float32 or bfloat16 may hold them"
        )


def _penalised(logits: Tensor, said: Sequence[int], penalty: float) -> Tensor:
    """Logits of tokens already said moved down: divided by `penalty` when positive, multiplied when negative."""
    if penalty == 1 or not said:
        return logits
    tokens = torch.tensor(sorted(set(said)), device=logits.device)
    values = logits[tokens]
    return logits.index_copy(0, tokens, torch.where(values > 0, values / penalty, values * penalty))
