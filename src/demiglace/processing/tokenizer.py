"""Text to ids and back: a byte-level BPE tokenizer, and the special tokens in one table.

User text never becomes structure: the system's special tokens count only in pieces that are marked as structure.
Region tags, which users and the model both write, and tokens that a checkpoint adds, special or not, are tokens
wherever they occur: whoever added them means to write them, and they control nothing here.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from demiglace.fields import Anything, TableOf, short_repr
from demiglace.processing.added_tokens import SETTINGS_FILE, add_listed, add_numbered
from demiglace.safe_files import read_object, write_whole

TOKENIZER_FILE = "tokenizer.json"
MOST_FILE_BYTES = 200 * 2**20

STRUCTURE = {
    "unk": "<unk>",
    "end_of_text": "<|endoftext|>",
    "im_start": "<|im_start|>",
    "im_end": "<|im_end|>",
    "image_start": "<image>",
    "image_end": "</image>",
    "slice_start": "<slice>",
    "slice_end": "</slice>",
    "image_id_start": "<image_id>",
    "image_id_end": "</image_id>",
}
REASONING = {"think_start": "<think>", "think_end": "</think>"}
TOOLS = {
    "tool_call_start": "<tool_call>",
    "tool_call_end": "</tool_call>",
    "tool_response_start": "<tool_response>",
    "tool_response_end": "</tool_response>",
}
MARKUP = {
    "ref_start": "<ref>",
    "ref_end": "</ref>",
    "box_start": "<box>",
    "box_end": "</box>",
    "quad_start": "<quad>",
    "quad_end": "</quad>",
    "point_start": "<point>",
    "point_end": "</point>",
    "unit_start": "<unit>",
    "unit_end": "</unit>",
}
SPECIAL_TOKENS = STRUCTURE | REASONING | TOOLS | MARKUP
# Other special tokens of every released vocabulary: Qwen's own (released code). Reserved ones are in `_GUARDED`.
RELEASED_MARKS = tuple(
    f"<|{name}|>"
    for name in (
        *("object_ref_start", "object_ref_end", "box_start", "box_end", "quad_start", "quad_end"),
        *("vision_start", "vision_end", "vision_pad", "image_pad", "video_pad"),
        *("fim_prefix", "fim_middle", "fim_suffix", "fim_pad", "repo_name", "file_sep"),
    )
)
_MARKS = (*STRUCTURE.values(), *REASONING.values(), *TOOLS.values(), *RELEASED_MARKS)
_GUARDED = re.compile("|".join([*map(re.escape, _MARKS), r"<\|reserved_[0-9]+\|>"]))  # none is a prefix of another
SETTINGS = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "add_bos_token": False,
    "clean_up_tokenization_spaces": False,
    "bos_token": STRUCTURE["im_start"],
    "eos_token": STRUCTURE["im_end"],
    "pad_token": STRUCTURE["end_of_text"],
    "unk_token": STRUCTURE["unk"],
}
MOST_COMPOSED = 3  # at most so many bytes become one byte when characters are composed (NFC)
BYTES_ONLY_SIZE = 384  # 256 bytes, the special tokens, and reserved ones up to here


@dataclass(frozen=True)
class TextPiece:
    """A piece of a prompt; special tokens in `text` count as such only if `is_structure`."""

    text: str
    is_structure: bool = False


class Tokenizer:
    """A byte-level `tokenizer.json` whose special tokens are found by their text.

    `special` maps each role of `SPECIAL_TOKENS` to its id.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        """Raises ValueError if `backend` lacks special tokens (all are named) or bytes."""
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self.special = _ids_of_roles(backend)
        self._byte_of = _byte_alphabet()
        if absent := [byte for char, byte in self._byte_of.items() if backend.token_to_id(char) is None]:
            raise ValueError(f"not a byte-level vocabulary: {len(absent)} of 256 bytes are no token")
        added = backend.get_added_tokens_decoder()
        self._added = {id_: token.content for id_, token in added.items()}
        ours = {*SPECIAL_TOKENS.values()}
        self._marks = {
            id_
            for id_, token in added.items()
            if token.special or token.content in ours or _GUARDED.fullmatch(token.content)
        }
        self._silent = {self.special[role] for role in STRUCTURE}

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Tokenizer:
        """From `folder/tokenizer.json` and the files beside it that add tokens.

        Raises ValueError if it is missing, a file is malformed, special tokens are missing, or a file gives a token
        another id than the tokenizer does.
        """
        path = Path(folder) / TOKENIZER_FILE
        described = read_object(path, MOST_FILE_BYTES)
        _check_model(path, described.get("model"))
        try:
            backend = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception for any malformed file
            raise ValueError(f"{path} is not a tokenizer: {error!s:.200}") from error
        add_listed(backend, Path(folder), described.get("added_tokens") or [])
        return cls(backend)

    @classmethod
    def bytes_only(cls) -> Tokenizer:
        """256 bytes in the order of the released vocabulary ("!" is 0), no merges, then the special tokens."""
        vocabulary = {char: id_ for id_, char in enumerate(_byte_alphabet())}
        backend = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        backend.decoder = decoders.ByteLevel()
        num_reserved = BYTES_ONLY_SIZE - len(vocabulary) - len(SPECIAL_TOKENS)
        texts = [*SPECIAL_TOKENS.values(), *(f"<|reserved_{i}|>" for i in range(num_reserved))]
        backend.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in texts])
        return cls(backend)

    def with_added(self, tokens: Mapping[int, AddedToken]) -> Tokenizer:
        """A tokenizer that also has these tokens, by id; ValueError if one of them would get another id."""
        backend = tokenizers.Tokenizer.from_str(self._backend.to_str())
        add_numbered(backend, tokens.items(), "the tokenizer")
        return Tokenizer(backend)

    @property
    def vocab_size(self) -> int:
        """One more than the highest id."""
        return max(self._backend.get_vocab().values()) + 1

    @cached_property
    def most_bytes(self) -> int:
        """Most bytes of input text that one token may stand for."""
        longest = max(len(self.bytes_of(id_)) for id_ in range(self.vocab_size))
        return longest * (1 if self._backend.normalizer is None else MOST_COMPOSED)

    def unsayable(self, vocab_size: int) -> frozenset[int]:
        """Ids below `vocab_size` that never occur in answers: structure, Qwen's own and reserved special tokens, and
        ids without a token. The special tokens of reasoning and of tool calls are sayable.
        """
        sayable = {*REASONING.values(), *TOOLS.values()}
        marks = {id_ for id_, text in self._added.items() if _GUARDED.fullmatch(text) and text not in sayable}
        return frozenset(marks | self._absent(vocab_size))

    def marks(self, vocab_size: int) -> frozenset[int]:
        """Ids below `vocab_size` of special tokens, which mean more than their text, and ids without a token."""
        return frozenset(self._marks | self._absent(vocab_size))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `tokenizer.json`, and `tokenizer_config.json` for other programs."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_whole(Path(folder) / TOKENIZER_FILE, self.as_json())
        write_whole(Path(folder) / SETTINGS_FILE, json.dumps(SETTINGS, indent=2, sort_keys=True) + "\n")

    def as_json(self) -> str:
        """The contents of `tokenizer.json`."""
        return self._backend.to_str()

    def encode(self, text: str) -> list[int]:
        """Ids of user text: the system's special tokens in it become plain characters, other tokens stay tokens."""
        return self.encode_pieces([TextPiece(text)])

    def encode_pieces(self, pieces: Sequence[TextPiece]) -> list[int]:
        """Ids of the joined pieces; the system's special tokens count only within a piece of structure.

        Raises ValueError on a lone surrogate, which is not a character.
        """
        text = "".join(piece.text for piece in pieces)
        text.encode()  # raises ValueError on a lone surrogate, as from bytes that are not UTF-8
        edges = [0, *self._cuts(text, pieces), len(text)]
        chunks = [text[start:end] for start, end in pairwise(edges)]
        return [id_ for chunk in chunks for id_ in self._backend.encode(chunk, add_special_tokens=False).ids]

    def decode(self, ids: Iterable[int], skip_special: bool = False) -> str:
        """Text of all ids, 0 ("!") included; `skip_special` leaves out the tokens of `STRUCTURE`."""
        kept = (self.bytes_of(id_) for id_ in ids if not (skip_special and id_ in self._silent))
        return b"".join(kept).decode("utf-8", errors="replace")

    def bytes_of(self, id_: int) -> bytes:
        """The bytes of one token; empty for an id outside the vocabulary."""
        if id_ in self._added:
            return self._added[id_].encode()
        token = self._backend.id_to_token(id_) or ""
        if all(char in self._byte_of for char in token):
            return bytes(self._byte_of[char] for char in token)
        return token.encode()

    def _absent(self, vocab_size: int) -> set[int]:
        return set(range(vocab_size)) - set(self._backend.get_vocab().values())

    def _cuts(self, text: str, pieces: Sequence[TextPiece]) -> list[int]:
        """Positions inside special tokens that are not structure; text encoded separately there has no such token."""
        ends = list(accumulate(len(piece.text) for piece in pieces))
        cuts, place = [], 0
        while found := _GUARDED.search(text, place):
            owner = bisect_right(ends, found.start())
            if pieces[owner].is_structure and found.end() <= ends[owner]:
                place = found.end()
            else:
                place = found.start() + 1
                cuts.append(place)
        return cuts


class StreamDecoder:
    """Decodes a stream of ids; a character is held back until all its bytes are there."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, id_: int) -> str:
        return self._utf8.decode(self._tokenizer.bytes_of(id_))

    def finish(self) -> str:
        """The rest of the text; bytes of an incomplete character become U+FFFD."""
        return self._utf8.decode(b"", final=True)


def _check_model(path: Path, model: object) -> None:
    """ValueError on subword prefixes and suffixes: byte-level BPE has none, and some of them crash the library."""
    where = f"{path}: model"
    given = TableOf(Anything()).check(where, model)
    for name in ("continuing_subword_prefix", "end_of_word_suffix"):
        if given.get(name):
            raise ValueError(f"{where}: {name} is {short_repr(given[name])}, but a byte-level vocabulary has none")


def _ids_of_roles(backend: tokenizers.Tokenizer) -> dict[str, int]:
    found = {role: backend.token_to_id(text) for role, text in SPECIAL_TOKENS.items()}
    ids = {role: id_ for role, id_ in found.items() if id_ is not None}
    if missing := [SPECIAL_TOKENS[role] for role in found.keys() - ids.keys()]:
        raise ValueError(f"the tokenizer lacks {len(missing)} special tokens: {', '.join(sorted(missing))}")
    return ids


def _byte_alphabet() -> dict[str, int]:
    """The printable character that stands for each byte in byte-level BPE, in the order of its vocabulary.

    Printable Latin-1 stands for itself; the other bytes, in turn, take the characters from U+0100 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}
