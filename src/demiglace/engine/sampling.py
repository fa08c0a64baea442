"""Logits to the next token, and the parameters of sampling."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from demiglace.engine.guided import Guide
from demiglace.fields import Either, Field, ListOf, Real, Switch, TableOf, Whole, Words, check_attributes, take
from demiglace.model.weights import GENERATION_FILE
from demiglace.safe_files import read_object

MOST_BYTES = 2**20
SEEDS, SHORT_SEEDS = 2**63, 2**32

BEAMS: Mapping[str, Field] = {
    "num_beams": Whole(1, 64),
    "length_penalty": Real(-10, 10),
    "early_stopping": Either((Switch(), Words(("never",)))),
}
CHECKPOINT_FIELDS: Mapping[str, Field] = {
    **BEAMS,
    "max_new_tokens": Whole(1, 2**31),
    "temperature": Real(0, 100),
    "top_p": Real(0, 1, above=True),
    "top_k": Whole(0, 2**31),
    "min_p": Real(0, 1),
    "repetition_penalty": Real(0.01, 10),
}
FIELDS: Mapping[str, Field] = {
    **CHECKPOINT_FIELDS,
    "presence_penalty": Real(-2, 2),
    "frequency_penalty": Real(-2, 2),
    "logit_bias": TableOf(Real(-100, 100)),
    "min_new_tokens": Whole(0, 2**31),
    "ignore_eos": Switch(),
    "stop": ListOf(Words()),
}
OPTIONAL_FIELDS: Mapping[str, Field] = {  # None is taken too
    "seed": Whole(0, SEEDS - 1),
    "logprobs": Whole(0, 20),
    "thinking_budget": Whole(0, 2**31),
}
TOKEN = Whole(0, 2**31)
NEARLY_ZERO = 1e-30  # temperatures by which float32 cannot divide: the likeliest token has all the probability


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
    min_p: draw among tokens at least this share as likely as the likeliest; 0 among all.
    presence_penalty: taken off the logit of every token said before in this answer (OpenAI).
    frequency_penalty: taken off as often as the token was said (OpenAI).
    logit_bias: token id -> what is added to its logit (OpenAI).
    min_new_tokens: no token that ends the answer is drawn before so many others.
    ignore_eos: nor is one ever; the answer ends by its length or a stop string.
    stop: texts that end the answer where the first of them is complete; it is cut off with all behind it.
    logprobs: how many of the likeliest tokens are told at each place, beside the one taken; None tells nothing.
    thinking_budget: the thoughts are closed after so many tokens, and the answer follows.
    guide: the form that the answer has, its thoughts aside; None leaves it free.
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
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    min_new_tokens: int = 0
    ignore_eos: bool = False
    stop: Sequence[str] = ()
    logprobs: int | None = None
    thinking_budget: int | None = None
    guide: Guide | None = None

    def __post_init__(self) -> None:
        """Raises ValueError on numbers out of bounds, and on fields that exclude each other."""
        given = {name: kind for name, kind in OPTIONAL_FIELDS.items() if getattr(self, name) is not None}
        check_attributes(self, {**FIELDS, **given})
        for token in self.logit_bias:
            TOKEN.check("a token of logit_bias", token)
        if self.min_new_tokens > self.max_new_tokens:
            raise ValueError(f"min_new_tokens is {self.min_new_tokens}, but max_new_tokens {self.max_new_tokens}")
        if self.guide and (self.min_new_tokens or self.ignore_eos):
            name = "ignore_eos" if self.ignore_eos else "min_new_tokens"
            raise ValueError(f"an answer ends where its guide says: {name} and guide exclude each other")
        if self.num_beams > 1:
            self._check_beams()

    def _check_beams(self) -> None:
        if self.temperature > 0:
            raise ValueError(
                f"{self.num_beams} beams are followed at temperature 0 alone, got a temperature of {self.temperature:g}"
            )
        nothing = {"presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {}, "logprobs": None}
        nothing |= {"thinking_budget": None, "guide": None}
        if given := [name for name, without in nothing.items() if getattr(self, name) != without]:
            raise ValueError(f"{given[0]} is for answers of one beam, got {self.num_beams} beams")

    @property
    def is_plain(self) -> bool:
        """Whether the likeliest token is taken as it is: nothing is drawn, moved or told besides."""
        return self.temperature <= NEARLY_ZERO and not self.moves_logits and not self.logprobs

    @property
    def moves_logits(self) -> bool:
        """Whether a bias or a penalty changes what the model gives."""
        penalties = self.presence_penalty or self.frequency_penalty or self.repetition_penalty != 1
        return bool(penalties or self.logit_bias)

    def repeated(self, count: int) -> list[SamplingParams]:
        """For `count` answers to one prompt: of seed, seed + 1 and so on (0 after the largest), or each drawn anew."""
        if self.seed is None:
            return [self] * count
        return [replace(self, seed=(self.seed + number) % SEEDS) for number in range(count)]

    @classmethod
    def greedy(cls, max_new_tokens: int = 2048) -> SamplingParams:
        """Always the likeliest token."""
        return cls(max_new_tokens, temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.0)

    @classmethod
    def read(cls, folder: Path) -> SamplingParams:
        """What a checkpoint's `generation_config.json` asks for: greedy, or in beams, unless it says `do_sample`.

        Raises ValueError that names the file and a field of another type or out of bounds, and on beams that are to be
        drawn (transformers' beam sampling), which are not supported.
        """
        path = folder / GENERATION_FILE
        given = read_object(path, MOST_BYTES) if path.is_file() else {}
        given = {name: value for name, value in given.items() if value is not None}
        settings = take(str(path), given, {**CHECKPOINT_FIELDS, "do_sample": Switch()})
        max_new_tokens = settings.get("max_new_tokens", 2048)
        if not settings.pop("do_sample", False):
            kept = {name: value for name, value in settings.items() if name in BEAMS or name == "repetition_penalty"}
            return replace(cls.greedy(max_new_tokens), **kept)
        unchanged = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0}
        try:
            return cls(**{**unchanged, "max_new_tokens": max_new_tokens, **settings})
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def generator(self) -> torch.Generator:
        """The source of chance of one request; on the CPU, so that a seed means the same on every device."""
        generator = torch.Generator()
        if self.seed is None:
            generator.seed()
        else:
            generator.manual_seed(_short_seed(self.seed))
        return generator


def _short_seed(seed: int) -> int:
    """A seed of 32 bits, itself where it has no more: torch's generator for a CPU (2.13) passes over all bits above."""
    return seed if seed < SHORT_SEEDS else int(np.random.SeedSequence(seed).generate_state(1)[0])


def moved(logits: Tensor, said: Mapping[int, int], params: SamplingParams) -> Tensor:
    """Logits, float32 (vocabulary,), as bias and penalties move them; said: how often the answer has each token so far.

    The repetition penalty divides a positive logit and multiplies a negative one (transformers).
    """
    if params.logit_bias:
        tokens = torch.tensor(list(params.logit_bias), device=logits.device)
        logits = logits.index_add(0, tokens, logits.new_tensor(list(params.logit_bias.values())))
    if not said:
        return logits
    tokens = torch.tensor(list(said), device=logits.device)
    values, counts = logits[tokens], logits.new_tensor(list(said.values()))
    penalty = params.repetition_penalty
    values = torch.where(values > 0, values / penalty, values * penalty)
    return logits.index_copy(0, tokens, values - params.frequency_penalty * counts - params.presence_penalty)


def draw(logits: Tensor, params: SamplingParams, generator: torch.Generator) -> int:
    """A token. logits: float32 (vocabulary,), minus infinity where one cannot be; ValueError where they are NaN or plus
    infinity."""
    if params.temperature <= NEARLY_ZERO:
        largest, token = logits.max(dim=0)  # NaN, where there is one
        check_finite(float(largest))
        return int(token)
    kept = min(params.top_k or len(logits), len(logits))
    likeliest, tokens = logits.topk(kept)  # sorted, the likeliest first; NaN before all
    check_finite(float(likeliest[0]))
    probabilities = (likeliest.cpu() / params.temperature).softmax(dim=0)
    is_left_out = probabilities < params.min_p * probabilities[0]
    if params.top_p < 1:  # sums of float32 come to 1 long before the last token
        before = probabilities.cumsum(dim=0) - probabilities
        before[0] = -1.0  # is kept whatever top_p is: float32 tells the smallest from 0 no more
        is_left_out |= before >= params.top_p
    probabilities[is_left_out] = 0.0
    return int(tokens[torch.multinomial(probabilities, 1, generator=generator)])


def check_finite(largest: float) -> None:
    """ValueError where the largest of the logits, or the sum of some, is NaN or infinite."""
    if not math.isfinite(largest):
        raise ValueError(
            f"the model computes {largest} where it should weigh the next token: its weights are damaged, or its "
            "numbers are too large for its dtype, and float32 or bfloat16 may hold them"
        )
