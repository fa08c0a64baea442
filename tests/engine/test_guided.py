"""Guided answers are of their form, whatever the model would say: nano's bytes and the release's vocabulary."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from checkpoints import released_tokenizer

pytest.importorskip("llguidance", reason="the extra `guided` is not installed")

from demiglace.engine.guided import Guide, GuideVocabulary
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.token_roles import TokenRoles
from demiglace.engine.token_sampler import TokenSampler
from demiglace.processing.tokenizer import BYTES_ONLY_SIZE, SPECIAL_TOKENS, Tokenizer

PARAMS = SamplingParams(200, temperature=1.0, top_p=1.0, top_k=50, repetition_penalty=1.0)
RECEIPT = {
    "type": "object",
    "properties": {
        "shop": {"type": "string", "maxLength": 12},
        "paid": {"enum": ["cash", "card"]},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"what": {"type": "string", "maxLength": 8}, "cents": {"type": "integer", "minimum": 1}},
                "required": ["what", "cents"],
                "additionalProperties": False,
            },
            "minItems": 1,
            "maxItems": 3,
        },
    },
    "required": ["shop", "paid", "lines"],
    "additionalProperties": False,
}


class Model:
    """Whoever speaks: any token, drawn at random; a token that ends a string, a list or an answer comes more often."""

    def __init__(self, tokenizer: Tokenizer, vocab_size: int) -> None:
        self.tokenizer, self.vocab_size = tokenizer, vocab_size
        self.roles = TokenRoles.of(tokenizer, vocab_size)
        self.guides = GuideVocabulary(tokenizer, vocab_size, self.roles.ends)

    def says(self, guide: Guide, seed: int, is_thinking: bool = False, **changes: Any) -> tuple[list[int], str]:
        """Its tokens, and why it stopped."""
        params = replace(PARAMS, guide=guide, seed=seed, **changes)
        sampler = TokenSampler(params, self.roles, is_thinking, self.guides.begin(guide))
        generator = torch.Generator().manual_seed(seed)
        while not sampler.stopped_by:
            logits = 4 * torch.randn(self.vocab_size, generator=generator)
            logits[[*self.roles.ends, *self.tokenizer.encode('"]}'), self.roles.think_end]] += 14
            sampler.next(logits)
        return sampler.output_tokens, sampler.stopped_by

    def text(self, guide: Guide, seed: int) -> str:
        """A complete answer."""
        tokens, stopped_by = self.says(guide, seed)
        assert stopped_by == "end"
        assert tokens[-1] in self.roles.ends
        assert self.tokenizer.marks(self.vocab_size).isdisjoint(tokens[:-1])
        return b"".join(map(self.tokenizer.bytes_of, tokens[:-1])).decode()


@pytest.fixture(scope="module", params=["bytes", "released"])
def model(request: pytest.FixtureRequest) -> Model:
    if request.param == "bytes":
        return Model(Tokenizer.bytes_only(), BYTES_ONLY_SIZE)
    return Model(released_tokenizer(), 151748)


SEEDS = range(3)


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def test_json_is_of_its_schema(model: Model) -> None:
    guide, answers = Guide.json_schema(RECEIPT), set()
    for seed in SEEDS:
        text = model.text(guide, seed)
        answers.add(text)
        answer = json.loads(text)
        assert list(answer) == ["shop", "paid", "lines"]
        assert len(answer["shop"]) <= 12
        assert answer["paid"] in ("cash", "card")
        assert 1 <= len(answer["lines"]) <= 3
        for line in answer["lines"]:
            assert line.keys() == {"what", "cents"}
            assert len(line["what"]) <= 8
            assert isinstance(line["cents"], int)
            assert line["cents"] >= 1
        assert guide.holds(text)
    assert len(answers) == len(SEEDS)


def test_any_object(model: Model) -> None:
    guide = Guide.json_object()
    for seed in SEEDS:
        tokens, stopped_by = model.says(guide, seed, max_new_tokens=60)
        text = model.tokenizer.decode(tokens, skip_special=True)
        assert guide.holds(text) == (stopped_by == "end")
        assert stopped_by == "length" or isinstance(json.loads(text), dict)


def test_a_pattern_is_matched_whole(model: Model) -> None:
    guide = Guide.regex(r"[A-Z]{2}-[0-9]{4}( (é|ß|語)+)?")
    texts = {model.text(guide, seed) for seed in SEEDS}
    assert all(re.fullmatch(r"[A-Z]{2}-[0-9]{4}( [éß語]+)?", text) for text in texts)
    assert len(texts) > 1


CHOICES = ["yes", "no", 'a "word"', "back\\slash", "two\nlines", "für 語 😀", " begins with a space", "<|im_end|>"]


def test_a_choice_is_one_of_them(model: Model) -> None:
    guide = Guide.choice(CHOICES)
    few = model.vocab_size > BYTES_ONLY_SIZE  # a step of so many tokens takes long
    found = {model.text(guide, seed) for seed in range(8 if few else 40)}
    assert found <= set(CHOICES) if few else found == set(CHOICES)
    assert len(found) > 2
    assert all(guide.holds(choice) for choice in CHOICES)
    assert not any(map(guide.holds, ("yes ", "ye", "", "YES")))


def test_choices_may_be_thousands(model: Model) -> None:
    guide = Guide.choice([f"number {number}" for number in range(5000)])
    assert re.fullmatch("number [0-9]{1,4}", model.text(guide, 0))


def test_what_is_too_large_is_an_error_in_one_line(model: Model) -> None:
    progress = model.guides.begin(Guide.json_schema({"properties": {f"key {n}": {} for n in range(700)}}))
    with pytest.raises(ValueError, match=r"the answer format cannot be followed: .* 2[0-9]{3} items; max is 2000"):
        progress.advance(*model.tokenizer.encode("{"))


def test_tokens_that_are_more_than_text_stand_in_no_string(model: Model) -> None:
    guide = model.guides.begin(Guide.json_schema({"type": "string"}))
    for token in model.tokenizer.encode('"a'):
        guide.advance(token)
    may_come = set(guide.masked(torch.zeros(model.vocab_size)).isfinite().nonzero().flatten().tolist())
    assert may_come.isdisjoint(model.tokenizer.special.values())
    assert may_come.isdisjoint(model.roles.forbidden)
    assert may_come >= set(model.tokenizer.encode("<b")) | set(model.tokenizer.encode('"'))
    for text in SPECIAL_TOKENS.values():  # as plain characters they may
        assert Guide.json_schema({"type": "string"}).holds(json.dumps(text))


def test_an_answer_that_is_cut_is_not_called_complete(model: Model) -> None:
    guide = Guide.json_schema(RECEIPT)
    tokens, stopped_by = model.says(guide, 0, max_new_tokens=9)
    assert (len(tokens), stopped_by) == (9, "length")
    assert not guide.holds(model.tokenizer.decode(tokens))


def test_thoughts_are_free_and_the_answer_is_guided(model: Model) -> None:
    guide, think_end = Guide.choice(["yes", "no"]), model.roles.think_end
    for seed in SEEDS:
        for changes in ({}, {"thinking_budget": 3}, {"thinking_budget": 0}):
            tokens, stopped_by = model.says(guide, seed, is_thinking=True, **changes)
            assert tokens.count(think_end) == 1
            thought, answer = tokens[: tokens.index(think_end)], tokens[tokens.index(think_end) + 1 :]
            assert model.roles.ends.isdisjoint(thought)
            assert len(thought) <= changes.get("thinking_budget", 200) + 1
            assert model.tokenizer.decode(answer, skip_special=True) in ("\n\nyes", "\n\nno")
            assert stopped_by == "end"


def test_a_user_added_word_may_stand_in_a_string() -> None:
    """Tokens that a checkpoint adds as plain words are text."""
    from tokenizers import AddedToken

    tokenizer = Tokenizer.bytes_only().with_added(
        {BYTES_ONLY_SIZE: AddedToken("kWh"), BYTES_ONLY_SIZE + 1: AddedToken("<|call|>", special=True)}
    )
    size = BYTES_ONLY_SIZE + 2
    guide = GuideVocabulary(tokenizer, size, [tokenizer.special["im_end"]]).begin(Guide.json_schema({"type": "string"}))
    guide.advance(tokenizer.encode('"')[0])
    assert guide.masked(torch.zeros(size))[BYTES_ONLY_SIZE:].tolist() == [0, -torch.inf]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "array", "uniqueItems": True}, 'Unimplemented keys: \\["uniqueItems"\\]'),
        ({"not": {"type": "null"}}, 'Unimplemented keys: \\["not"\\]'),
        ({"not": {}, "x-guidance": {"lenient": True}}, 'Unimplemented keys: \\["not"\\]'),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf constraints are not supported"),
        ({"type": "string", "format": "iban"}, "Unknown format: iban"),
        ({"type": "string", "pattern": "("}, r"regex parse error: \( \^ error: unclosed group"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, r"minimum \(5\) is greater than maximum \(3\)"),
        ({"$ref": "http://example.org/schema"}, "not present in a registry"),
        ({"type": "nope"}, "Invalid type: nope"),
    ],
)
def test_a_schema_that_cannot_be_held_is_refused_in_one_line(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"the answer format is not supported: .*{reason}") as raised:
        Guide.json_schema(schema)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"const": float("nan")}, "not JSON compliant"),
        ({"const": {1}}, "set is not JSON serializable"),
        (nested(200), "recursion limit"),
        (nested(100_000), "recursion"),
    ],
)
def test_a_schema_that_is_no_json_is_refused_in_one_line(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"the schema cannot be read: .*{reason}") as raised:
        Guide.json_schema(schema)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("pattern", ["(a", "a(?=b)", r"\bword\b"])
def test_a_pattern_that_cannot_be_held_is_refused_in_one_line(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"the answer format is not supported: .*regex") as raised:
        Guide.regex(pattern)
    assert "\n" not in str(raised.value)


def test_nothing_to_choose_from_is_refused() -> None:
    with pytest.raises(ValueError, match=r"choices must be a list of at least 1, got \[\]"):
        Guide.choice([])
    with pytest.raises(ValueError, match=r"choices\[1\] must be text, got ''"):
        Guide.choice(["a", ""])
    with pytest.raises(ValueError, match=r"a choice cannot be read: .*surrogates"):
        Guide.choice(["a\ud800"])
    with pytest.raises(ValueError, match=r"the regular expression cannot be read: .*surrogates"):
        Guide.regex("a\ud800")
    with pytest.raises(ValueError, match="a regular expression must be text, got ''"):
        Guide.regex("")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('{"a":1}', True),
        ('{\n    "a": 1\n}', True),
        ('{"a":1} ', False),
        ('{"a":1', False),
        ('{"a":"1"}', False),
        ("", False),
        ('{"a":' + " " * 26 + "1}", False),
    ],
)
def test_a_finished_answer_is_looked_at_again(text: str, holds: bool) -> None:
    assert Guide.json_schema({"type": "object", "properties": {"a": {"type": "integer"}}}).holds(text) == holds


@pytest.mark.parametrize("changes", [{"min_new_tokens": 1}, {"ignore_eos": True}])
def test_an_answer_ends_where_its_guide_says(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be combined"):
        SamplingParams(guide=Guide.json_object(), **changes)
    with pytest.raises(ValueError, match="guide cannot be used with beam search"):
        SamplingParams(temperature=0, num_beams=2, guide=Guide.json_object())
