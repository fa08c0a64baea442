"""Tokens that a checkpoint adds to its vocabulary in files beside `tokenizer.json`, as `transformers` reads them.

`tokenizer_config.json` lists tokens by id in `added_tokens_decoder`; if it does not, `added_tokens.json` may do so.
Special tokens without an id may be listed in `tokenizer_config.json` and in `special_tokens_map.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken

from demiglace.fields import Anything, Field, ListOf, Switch, TableOf, Whole, Words, take
from demiglace.safe_files import read_object

SETTINGS_FILE, BY_TEXT_FILE, NAMES_FILE = "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json"
MOST_BYTES = 64 * 2**20

BY_ID = "added_tokens_decoder"
NAMES = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
LISTS = ("extra_special_tokens", "additional_special_tokens")
FLAGS: Mapping[str, Field] = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), Switch())
TOKEN: Mapping[str, Field] = {"content": Words(), **FLAGS}
ID = Whole(0, 2**31)


def add_listed(backend: tokenizers.Tokenizer, folder: Path, own: Sequence[Any] = ()) -> None:
    """Add the tokens listed by files in `folder` to `backend`; `own` are those of its own file, which it already has.

    Raises ValueError if a file is malformed, or gives a token another id than the tokenizer does.
    """
    for described in own:
        held = take(str(folder), described, {"content": Words(), "id": ID}, required=["content", "id"])
        _check_id(backend, held["content"], held["id"], str(folder))
    settings = _read(folder / SETTINGS_FILE)
    add_numbered(backend, _numbered(folder, settings), str(folder))
    named = settings if BY_ID in settings else _read(folder / NAMES_FILE) | settings
    backend.add_tokens([token for token in _named(folder, named) if backend.token_to_id(token.content) is None])


def add_numbered(backend: tokenizers.Tokenizer, tokens: Iterable[tuple[int, AddedToken]], where: str) -> None:
    """Add tokens with their flags to `backend` by id; ValueError if a token would get another id than in `where`."""
    known = backend.get_added_tokens_decoder()
    for id_, token in sorted(tokens, key=lambda pair: pair[0]):
        if repr(known.get(id_)) != repr(token):  # equal tokens may differ in flags
            backend.add_tokens([token])
        _check_id(backend, token.content, id_, where)


def _check_id(backend: tokenizers.Tokenizer, text: str, id_: int, where: str) -> None:
    """ValueError if the token `text` has another id than `id_`.

    The library numbers added tokens consecutively and ignores the id in a file (tokenizers 0.23, and so
    `transformers`), so the model would look up the wrong row of its embeddings.
    """
    if (given := backend.token_to_id(text)) != id_:
        raise ValueError(f"{where} gives the added token {text!r:.50} the id {id_}, but it would be read as {given}")


def _read(path: Path) -> dict[str, Any]:
    return read_object(path, MOST_BYTES) if path.is_file() else {}


def _numbered(folder: Path, settings: Mapping[str, Any]) -> Iterator[tuple[int, AddedToken]]:
    if BY_ID not in settings:
        where = str(folder / BY_TEXT_FILE)
        names = {token.content for token in _named(folder, settings)}
        for text, id_ in TableOf(ID).check(where, _read(folder / BY_TEXT_FILE)).items():
            yield id_, AddedToken(text, special=text in names, normalized=text not in names)
        return
    where = f"{folder / SETTINGS_FILE}: {BY_ID}"
    for key, described in TableOf(Anything()).check(where, settings[BY_ID]).items():
        id_ = int(key) if key.isascii() and key.isdigit() and len(key) < 10 else None
        yield ID.check(f"{where}.{key}, as an id,", id_), _token(f"{where}.{key}", described)


def _named(folder: Path, settings: Mapping[str, Any]) -> Iterator[AddedToken]:
    """Special tokens without an id: text, or the fields of a token."""
    where = str(folder / SETTINGS_FILE)
    named = [(name, settings[name]) for name in NAMES if settings.get(name) is not None]
    for name in LISTS:
        given = settings.get(name) or []
        listed = given.values() if isinstance(given, dict) else ListOf(Anything()).check(f"{where}: {name}", given)
        named += [(name, token) for token in listed]
    for name, token in named:
        yield _token(f"{where}: {name}", token if isinstance(token, dict) else {"content": token, "special": True})


def _token(where: str, described: object) -> AddedToken:
    fields = take(where, described, TOKEN, required=["content"])
    return AddedToken(fields.pop("content"), **fields)
