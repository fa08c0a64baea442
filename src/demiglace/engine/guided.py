"""Constrained decoding: JSON by a schema, text by a regular expression, or one of some choices.

llguidance (the extra `guided`) computes which tokens may follow. It rejects schemas that it cannot enforce in full, and
it allows no special tokens inside an answer.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from demiglace.fields import ListOf, Words
from demiglace.processing.tokenizer import Tokenizer

if TYPE_CHECKING:
    from llguidance import LLTokenizer

# Ours: unbounded, a model may write whitespace forever. Indented JSON fits. They override a schema's own options.
JSON_OPTIONS = {"whitespace_pattern": r"\n?[ \t]{0,24}", "lenient": False, "coerce_one_of": False}
CHOICES = ListOf(Words(), least=1)


@dataclass(frozen=True)
class Guide:
    """A constraint on answers. Created by `json_schema`, `json_object`, `regex` or `choice`.

    grammar: in the format of llguidance.
    """

    grammar: str
    is_json: bool = False

    def __post_init__(self) -> None:
        """ValueError of one line if the library is missing or cannot enforce the grammar."""
        library = _library()
        with _in_one_line("the answer format is not supported"):
            _check(library.LLMatcher.validate_grammar(self.grammar, None))

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any]) -> Guide:
        """JSON that follows `schema`. Keys come in the schema's order; whitespace is at most 25 characters long."""
        library = _library()
        with _in_one_line("the schema cannot be read"):
            given = json.dumps(schema, allow_nan=False)
            grammar = library.LLMatcher.grammar_from_json_schema(given, overrides=JSON_OPTIONS)
        return cls(grammar, is_json=True)

    @classmethod
    def json_object(cls) -> Guide:
        """Any JSON object."""
        return cls.json_schema({"type": "object"})

    @classmethod
    def regex(cls, pattern: str) -> Guide:
        """A text that `pattern` matches in full; syntax of Rust's regex crate, which has no look-around."""
        library, text = _library(), Words().check("a regular expression", pattern)
        with _in_one_line("the regular expression cannot be read"):
            grammar = library.LLMatcher.grammar_from_regex(text)
        return cls(grammar)

    @classmethod
    def choice(cls, choices: Sequence[str]) -> Guide:
        """Exactly one of these texts."""
        texts = CHOICES.check("choices", choices)
        with _in_one_line("a choice cannot be read"):
            "".join(texts).encode()
        # One terminal becomes an automaton for any number of choices; alternatives of a rule are limited to under 2000.
        return cls("start: CHOICE\nCHOICE: " + " | ".join(json.dumps(text, ensure_ascii=False) for text in texts))

    def holds(self, text: str) -> bool:
        """Whether `text` is a complete answer under this guide: checked again, byte by byte and without a model."""
        if self.is_json and not _is_json(text):
            return False
        matcher = _library().LLMatcher(_bytes_alone(), self.grammar, log_level=0)
        given = list(text.encode())
        return bool(matcher.try_consume_tokens(given) == len(given) and matcher.is_accepting())


class GuideVocabulary:
    """The vocabulary of a model in llguidance's form."""

    def __init__(self, tokenizer: Tokenizer, vocab_size: int, ends: Iterable[int]) -> None:
        """ends: the end tokens. Takes a second for 150,000 tokens."""
        contents = [tokenizer.bytes_of(id_) for id_ in range(vocab_size)]
        self._tokens = _library_tokens(contents, tokenizer.marks(vocab_size), sorted(ends), tokenizer.encode)
        self._vocab_size = vocab_size

    def begin(self, guide: Guide) -> GuideProgress:
        """Begin an answer; ValueError as in `Guide`."""
        return GuideProgress(guide, self._tokens, self._vocab_size)


class GuideProgress:
    """The state of an answer in its grammar."""

    def __init__(self, guide: Guide, tokens: LLTokenizer, vocab_size: int) -> None:
        self.guide, self._vocab_size = guide, vocab_size
        library = _library()
        limits = library.LLParserLimits(verbose_errors=False)
        self._matcher = library.LLMatcher(tokens, guide.grammar, log_level=0, limits=limits)
        self._check()

    def masked(self, logits: Tensor) -> Tensor:
        """Logits (vocabulary,), minus infinity for tokens that cannot come next. A complete answer may end."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)  # in words of 32 tokens
        self._check()
        may_come = torch.from_numpy(np.unpackbits(bits, bitorder="little")[: self._vocab_size]).bool()
        return logits.masked_fill(~may_come.to(logits.device), -torch.inf)

    def advance(self, token: int) -> None:
        """Advance by a token that was not masked."""
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        with _in_one_line("the answer format cannot be followed"):
            _check(self._matcher.get_error())


@contextmanager
def _in_one_line(what: str) -> Iterator[None]:
    """Turns errors of the library or Python's JSON into a ValueError of one line."""
    try:
        yield
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{what}: {' '.join(str(error).split())[:300]}") from error


def _check(error: str) -> None:
    if error:
        raise ValueError(error)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _library() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise ValueError("guided answers need llguidance: pip install 'demiglace[guided]'") from error
    return llguidance


@functools.cache
def _bytes_alone() -> LLTokenizer:
    contents = [bytes([byte]) for byte in range(256)]
    return _library_tokens([*contents, b"<end>"], {256}, [256], lambda text: list(text.encode()))


def _library_tokens(
    contents: list[bytes], marks: Iterable[int], ends: list[int], encode: Callable[[str], list[int]]
) -> LLTokenizer:
    """contents: bytes of each token. marks: special tokens, including the end tokens."""
    library = _library()
    wrapper = library.TokenizerWrapper(_LibraryVocabulary(contents, sorted(marks), ends[0], encode))
    return library.LLTokenizer(wrapper, eos_token=ends)


@dataclass
class _LibraryVocabulary:
    """Attributes are named as the library expects."""

    tokens: list[bytes]
    special_token_ids: list[int]
    eos_token_id: int
    encode: Callable[[str], list[int]]
    bos_token_id: None = None

    def __call__(self, text: str | bytes) -> list[int]:
        return self.encode(text if isinstance(text, str) else text.decode(errors="replace"))
