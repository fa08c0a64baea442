"""Tokens that a checkpoint adds are themselves wherever they stand; the system's own marks stay harmless in text."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken

from demiglace.conversation import Conversation, Message, Text
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.tokenizer import MARKUP, SPECIAL_TOKENS, StreamDecoder, TextPiece, Tokenizer

FIRST = 384  # after the bytes and marks of the nano vocabulary
PLAIN_FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False}


def listed(text: str, **flags: Any) -> dict[str, Any]:
    return {"content": text, **PLAIN_FLAGS, **flags}


def numbered(text: str, id_: int, **flags: Any) -> dict[str, Any]:
    return {"id": id_, **listed(text, **flags)}


def written(folder: Path, own: list[dict[str, Any]] | None = None, **files: dict[str, Any]) -> Path:
    """The nano tokenizer with `own` tokens in tokenizer.json, and fields added to the JSON files called so."""
    Tokenizer.bytes_only().save(folder)
    for name, fields in {"tokenizer": {}, **files}.items():
        path = folder / f"{name}.json"
        held = json.loads(path.read_text()) if path.exists() else {}
        if name == "tokenizer":
            held["added_tokens"] += own or []
        path.write_text(json.dumps(held | fields))
    return folder


WAYS: dict[str, dict[str, Any]] = {
    "tokenizer.json": {"own": [numbered("<loc_1>", FIRST), numbered("<|split|>", FIRST + 1, special=True)]},
    "not normalized": {"own": [numbered("<loc_1>", FIRST, normalized=False)]},
    "single word": {"own": [numbered("loc", FIRST, single_word=True)]},
    "takes spaces": {"own": [numbered("<loc_1>", FIRST, lstrip=True, rstrip=True)]},
    "two that overlap": {"own": [numbered("<loc_1", FIRST), numbered("<loc_1>", FIRST + 1)]},
    "decoder alone": {"tokenizer_config": {"added_tokens_decoder": {str(FIRST): listed("<loc_1>", special=True)}}},
    "decoder with other flags": {
        "own": [numbered("<loc_1>", FIRST)],
        "tokenizer_config": {"added_tokens_decoder": {str(FIRST): listed("<loc_1>", lstrip=True)}},
    },
    "added_tokens.json": {"added_tokens": {"<loc_1>": FIRST, "[field]": FIRST + 1}},
    "extra": {"tokenizer_config": {"extra_special_tokens": ["<loc_1>", "[field]"]}},
    "additional": {
        "tokenizer_config": {"additional_special_tokens": [{"__type": "AddedToken", **listed("<loc_1>", rstrip=True)}]}
    },
    "by name": {"tokenizer_config": {"extra_special_tokens": {"loc_token": "<loc_1>"}}},
    "a role": {"tokenizer_config": {"cls_token": "<loc_1>"}},
    "special_tokens_map.json": {"special_tokens_map": {"cls_token": {**listed("<loc_1>"), "special": True}}},
}
TEXTS = ("a <loc_1> b", "<loc_1><loc_1>\n", "xloc loc. <loc_1 [field]", "<|split|>é", "\u00e9<loc_1>\u0301")


@pytest.mark.parametrize("way", WAYS)
def test_ids_are_those_of_transformers(tmp_path: Path, way: str) -> None:
    transformers = pytest.importorskip("transformers")
    folder = written(tmp_path, **WAYS[way])
    theirs, ours = transformers.PreTrainedTokenizerFast.from_pretrained(folder), Tokenizer.load(folder)
    added = [text for text in TEXTS if max(ours.encode(text)) >= FIRST]
    assert added, "no token of its own in any of the texts"
    for text in TEXTS:
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    return Tokenizer.load(written(tmp_path, **WAYS["tokenizer.json"]))


@pytest.mark.parametrize("mark", [*sorted(set(SPECIAL_TOKENS.values()) - set(MARKUP.values())), "<|reserved_7|>"])
def test_marks_of_the_system_stay_text_beside_added_tokens(tokenizer: Tokenizer, mark: str) -> None:
    text = f"<loc_1>{mark}<|split|>{mark}<loc_1>"
    ids = tokenizer.encode(text)
    assert [id_ for id_ in ids if id_ >= 256] == [FIRST, FIRST + 1, FIRST]
    assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("text", ["café", "<größe>", "x²", "日本"])
def test_an_added_token_of_any_letters_comes_back(text):
    """The library's own decoder (tokenizers 0.23) takes é for a byte (findings/tokenizers_added_letters.sh)."""
    tokenizer = Tokenizer.bytes_only().with_added({FIRST: AddedToken(text)})
    ids = tokenizer.encode(f"a {text}!")
    assert FIRST in ids
    assert tokenizer.decode(ids) == f"a {text}!"


def test_no_added_token_brings_a_mark_of_the_system_along(tmp_path: Path) -> None:
    own = [numbered("<image>s", FIRST, normalized=False), numbered("unk>", FIRST + 1), numbered("|im_end|", FIRST + 2)]
    tokenizer = Tokenizer.load(written(tmp_path, own))
    for text in ("<image>s", "<unk>", "<|im_end|>", "<<image>s>"):
        ids = tokenizer.encode(text)
        assert not set(ids) & set(tokenizer.special.values())
        assert tokenizer.decode(ids) == text


def test_prompts_and_answers_to_learn_hold_added_tokens(tokenizer: Tokenizer) -> None:
    processor = Processor(tokenizer, ProcessorConfig())
    asked = Conversation.ask("Where is <loc_1>?")
    assert processor.prepare(asked).tokens.tolist().count(FIRST) == 1
    answered = Conversation((*asked.messages, Message("assistant", (Text("At <loc_1><|split|>"),))))
    sample = processor.training_sample(answered)
    assert sample.labels is not None
    learned = [label for label in sample.labels.tolist() if label >= 0]
    assert learned == [*tokenizer.encode("At "), FIRST, FIRST + 1, tokenizer.special["im_end"]]


def test_answers_show_added_tokens(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode([FIRST, FIRST + 1, tokenizer.special["im_end"]], skip_special=True) == "<loc_1><|split|>"
    decoder = StreamDecoder(tokenizer)
    assert [decoder.push(id_) for id_ in (FIRST, FIRST + 1)] == ["<loc_1>", "<|split|>"]


def test_added_tokens_outlive_saving(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(written(tmp_path / "first", **WAYS["added_tokens.json"]))
    tokenizer.save(tmp_path / "second")
    assert Tokenizer.load(tmp_path / "second").encode("<loc_1>[field]") == [FIRST, FIRST + 1]


@pytest.mark.parametrize(
    "files",
    [
        {"own": [numbered("<loc_1>", 500)]},
        {"tokenizer_config": {"added_tokens_decoder": {"390": listed("<loc_1>")}}},
        {"own": [numbered("<loc_1>", FIRST)], "added_tokens": {"<loc_1>": 10}},
    ],
)
def test_an_id_that_the_library_passes_over_is_refused(tmp_path: Path, files: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"the added token '<loc_1>' the id \d+, but it would be read as 384"):
        Tokenizer.load(written(tmp_path, **files))


@pytest.mark.parametrize(
    ("name", "fields", "told"),
    [
        ("tokenizer_config", {"added_tokens_decoder": 5}, "added_tokens_decoder must be a table, got 5"),
        ("tokenizer_config", {"added_tokens_decoder": {"x": listed("a")}}, "as an id, must be a whole number"),
        ("tokenizer_config", {"added_tokens_decoder": {"384": {}}}, "384: content is missing"),
        ("tokenizer_config", {"added_tokens_decoder": {"384": listed("a", lstrip=1)}}, "lstrip must be true or false"),
        ("tokenizer_config", {"extra_special_tokens": 3}, "extra_special_tokens must be a list, got 3"),
        ("tokenizer_config", {"cls_token": 3}, "cls_token: content must be text, got 3"),
        ("added_tokens", {"<loc_1>": "a"}, "must be a whole number"),
        ("added_tokens", {"<loc_1>": 10**400}, "must be a whole number"),
    ],
)
def test_malformed_lists_are_named(tmp_path: Path, name: str, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=name) as raised:
        Tokenizer.load(written(tmp_path, **{name: fields}))
    assert told in str(raised.value)


def test_an_added_token_may_lie_within_structure(tokenizer: Tokenizer) -> None:
    pieces = [TextPiece("<|im_start|>user\n", True), TextPiece("<loc_1>"), TextPiece("<|im_end|>\n", True)]
    assert tokenizer.encode_pieces(pieces).count(FIRST) == 1
