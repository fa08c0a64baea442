"""From logits to the next token, and the parameters of sampling."""

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
OPTIONAL_FIELDS: Mapping[str, Field] = {  # None is accepted too
    "seed": Whole(0, SEEDS - 1),
    "logprobs": Whole(0, 20),
    "thinking_budget": Whole(0, 2**31),
}
TOKEN = Whole(0, 2**31)
NEARLY_ZERO = 1e-30  # temperatures that float32 cannot divide by: the most likely token has all the probability


@dataclass(frozen=True)
class SamplingParams:
    """How an answer is sampled. The defaults are those of the released code's short mode.

    max_new_tokens: the answer is truncated after so many tokens.
    temperature: divides the logits; 0 always takes the most likely token.
    top_p: sample from the most likely tokens that together have this probability.
    top_k: sample from this many of the most likely tokens; 0 from all.
    repetition_penalty: reduces the logits of tokens already in this answer by this factor; 1 is no penalty. The prompt
        does not count: the released code generates from embeddings, so its penalty never sees the prompt either.
    seed: None is random each time; a number repeats the same answer, whatever else is in the batch.
    num_beams: beams of beam search (`beam_search`); more than 1 only at temperature 0.
    length_penalty: an answer's log-probability is divided by its length to this power; above 0 favours long answers.
    early_stopping: True stops at `num_beams` complete answers, False when no beam can score higher at its present
        length, "never" when none can at any length (transformers).
    min_p: sample from tokens with at least this fraction of the top token's probability; 0 from all.
    presence_penalty: subtracted from the logit of every token already in this answer (OpenAI).
    frequency_penalty: subtracted once for each occurrence of the token in this answer (OpenAI).
    logit_bias: token id -> number added to its logit (OpenAI).
    min_new_tokens: no end token is sampled before so many other tokens.
    ignore_eos: no end token is ever sampled; the answer ends by its length or a stop string.
    stop: the answer ends when one of these texts is complete; that text and all after it is cut off.
    logprobs: how many of the most likely tokens are returned at each place, besides the sampled one; None returns none.
    thinking_budget: the reasoning is closed after so many tokens, and the answer follows.
    guide: constrains the answer after its reasoning; None leaves it free.
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
        """Raises ValueError for numbers out of bounds and for fields that cannot be combined."""
        given = {name: kind for name, kind in OPTIONAL_FIELDS.items() if getattr(self, name) is not None}
        check_attributes(self, {**FIELDS, **given})
        for token in self.logit_bias:
            TOKEN.check("a token of logit_bias", token)
        if self.min_new_tokens > self.max_new_tokens:
            raise ValueError(f"min_new_tokens is {self.min_new_tokens}, but max_new_tokens {self.max_new_tokens}")
        if self.guide and (self.min_new_tokens or self.ignore_eos):
            name = "ignore_eos" if self.ignore_eos else "min_new_tokens"
            raise ValueError(f"an answer ends where its guide says: {name} and guide cannot be combined")
        if self.num_beams > 1:
            self._check_beams()

    def _check_beams(self) -> None:
        if self.temperature > 0:
            raise ValueError(f"beam search requires temperature 0, got {self.num_beams} beams at {self.temperature:g}")
        nothing = {"presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {}, "logprobs": None}
        nothing |= {"thinking_budget": None, "guide": None}
        if given := [name for name, without in nothing.items() if getattr(self, name) != without]:
            raise ValueError(f"{given[0]} cannot be used with beam search, got {self.num_beams} beams")

    @property
    def is_plain(self) -> bool:
        """Whether the most likely token is taken directly: no randomness, changed logits or alternatives."""
        return self.temperature <= NEARLY_ZERO and not self.changes_logits and not self.logprobs

    @property
    def changes_logits(self) -> bool:
        """Whether a bias or a penalty changes the logits."""
        penalties = self.presence_penalty or self.frequency_penalty or self.repetition_penalty != 1
        return bool(penalties or self.logit_bias)

    def repeated(self, count: int) -> list[SamplingParams]:
        """For `count` answers to one prompt: with seed, seed + 1 and so on (0 after the largest), or without seeds."""
        if self.seed is None:
            return [self] * count
        return [replace(self, seed=(self.seed + number) % SEEDS) for number in range(count)]

    @classmethod
    def greedy(cls, max_new_tokens: int = 2048) -> SamplingParams:
        """Always take the most likely token."""
        return cls(max_new_tokens, temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.0)

    @classmethod
    def read(cls, folder: Path) -> SamplingParams:
        """The parameters in a checkpoint's `generation_config.json`: greedy or beam search, unless it sets `do_sample`.

        Raises a ValueError that names the file for a field of another type or out of bounds, and for sampling in beams
        (transformers' beam sampling), which is not supported.
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
        """The random generator of one request; on the CPU, so that a seed gives the same numbers on every device."""
        generator = torch.Generator()
        if self.seed is None:
            generator.seed()
        else:
            generator.manual_seed(_short_seed(self.seed))
        return generator


def _short_seed(seed: int) -> int:
    """A seed hashed to 32 bits, unchanged if it has no more: torch's CPU generator (2.13) ignores higher bits."""
    return seed if seed < SHORT_SEEDS else int(np.random.SeedSequence(seed).generate_state(1)[0])


def penalised(logits: Tensor, counts: Mapping[int, int], params: SamplingParams) -> Tensor:
    """Logits, float32 (vocabulary,), after bias and penalties; counts: of the answer's tokens so far.

    The repetition penalty divides a positive logit and multiplies a negative one (transformers).
    """
    if params.logit_bias:
        tokens = torch.tensor(list(params.logit_bias), device=logits.device)
        logits = logits.index_add(0, tokens, logits.new_tensor(list(params.logit_bias.values())))
    if not counts:
        return logits
    tokens = torch.tensor(list(counts), device=logits.device)
    values, occurrences = logits[tokens], logits.new_tensor(list(counts.values()))
    penalty = params.repetition_penalty
    values = torch.where(values > 0, values / penalty, values * penalty)
    return logits.index_copy(0, tokens, values - params.frequency_penalty * occurrences - params.presence_penalty)


def draw(logits: Tensor, params: SamplingParams, generator: torch.Generator) -> int:
    """Sample a token. logits: float32 (vocabulary,), minus infinity for excluded tokens; ValueError if they are NaN or
    plus infinity."""
    if params.temperature <= NEARLY_ZERO:
        largest, token = logits.max(dim=0)  # NaN, if there is one
        check_finite(float(largest))
        return int(token)
    kept = min(params.top_k or len(logits), len(logits))
    likeliest, tokens = logits.topk(kept)  # sorted, the most likely first; NaN before all
    check_finite(float(likeliest[0]))
    probabilities = (likeliest.cpu() / params.temperature).softmax(dim=0)
    is_left_out = probabilities < params.min_p * probabilities[0]
    if params.top_p < 1:  # float32 sums reach 1 long before the last token
        before = probabilities.cumsum(dim=0) - probabilities
        before[0] = -1.0  # always kept: float32 rounds the smallest top_p to 0
        is_left_out |= before >= params.top_p
    probabilities[is_left_out] = 0.0
    return int(tokens[torch.multinomial(probabilities, 1, generator=generator)])


def check_finite(largest: float) -> None:
    """ValueError if the largest of the logits, or the sum of some, is NaN or infinite."""
    if not math.isfinite(largest):
        raise ValueError(
            f"the model's logits for the next token are {largest}: its weights are damaged, or its "
            "numbers are too large for its dtype, and float32 or bfloat16 may hold them"
        )
