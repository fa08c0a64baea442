"""Constraints as JSON: read back as they were, and refused where they are none or cannot be."""

import json

import pytest

from demiglace.scoring.constraints.record import KINDS, as_text, of_text, read_constraints, read_ifeval

RECORDS = [
    *({"kind": kind, "at_least": 1} for kind in ("words", "capital_words", "sentences", "lines", "paragraphs")),
    *({"kind": kind, "at_most": 3} for kind in ("bullets", "letters", "characters")),
    {"kind": "letter", "letter": "e", "exactly": 0},
    {"kind": "keyword", "keyword": "deep sea", "at_least": 1, "at_most": 2},
    {"kind": "items", "separator": "\n", "exactly": 2, "among": ["red", "grün"]},
    {"kind": "lower_case"},
    {"kind": "starts_with", "text": "Well"},
    {"kind": "ends_with", "text": "now."},
    {"kind": "quoted"},
    {"kind": "json", "keys": ["a", "b"]},
    {"kind": "repeated", "phrase": "moon", "times": 2},
    {"kind": "ifeval", "id": "keywords:existence", "arguments": {"keywords": ["a"]}},
]


def test_what_is_read_is_written_as_it_was() -> None:
    assert {record["kind"] for record in RECORDS} | {"upper_case"} == KINDS.keys()
    found = read_constraints(RECORDS)
    assert [one.record for one in found] == RECORDS
    assert of_text(as_text(found)) == found
    assert "grün" in as_text(found)
    assert "\n" not in as_text(found)
    assert all(one.in_words for one in found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], r"constraints must be a list of at least 1, got \[\]"),
        ("words", "constraints must be a list of at least 1, got 'words'"),
        ([["Format", "JSON"]], r"constraints\[0\] must be a table"),
        ([{"exactly": 3}], r"constraints\[0\]: kind is missing"),
        ([{"kind": "quoted"}, {"kind": "word"}], r"constraints\[1\]: unknown kind .* 'word'; similar: words"),
        ([{"kind": "rhyme"}], "choose from words, capital_words, sentences"),
        ([{"kind": "words", "exact": 3}], "words takes exactly, at_least, at_most, not exact"),
        ([{"kind": "quoted", "exactly": 3}], "quoted takes nothing else, not exactly"),
        ([{"kind": "words"}], r"constraints\[0\]: at least 0 is true of every answer"),
        ([{"kind": "words", "exactly": 3, "at_most": 5}], "`exactly` cannot be combined with `at_most`"),
        ([{"kind": "words", "at_least": 5, "at_most": 3}], "at least 5 and at most 3 contradict each other"),
        ([{"kind": "words", "exactly": -1}], r"\[0\]: exactly must be a whole number from 0 to 1000000, got -1"),
        ([{"kind": "words", "exactly": 2.5}], "exactly must be a whole number"),
        ([{"kind": "words", "exactly": True}], "exactly must be a whole number"),
        ([{"kind": "lines", "at_most": 0}], "no answer has 0 lines"),
        ([{"kind": "letter", "exactly": 0}], r"constraints\[0\]: letter is missing"),
        ([{"kind": "json", "keys": []}], "keys must be a list of at least 1"),
        ([{"kind": "upper_case"}, {"kind": "lower_case"}], "cannot be all in upper case and all in lower case"),
        ([{"kind": "words", "at_least": 5}, {"kind": "words", "at_most": 3}], "have at least 5 words and at most 3"),
        ([{"kind": "letter", "letter": "e", **bounds} for bounds in ({"exactly": 0}, {"at_least": 1})], "cannot have"),
        ([{"kind": "quoted"}] * 101, "101 entries, more than the 100 allowed"),
        ([{"kind": "ifeval", "id": "x"}], r"constraints\[0\]: unknown instruction of IFEval 'x'"),
    ],
)  # fmt: skip
def test_what_is_no_constraint_is_told(value: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_constraints(value)


def test_counts_of_different_things_may_differ() -> None:
    both = [{"kind": "letter", "letter": "e", "exactly": 0}, {"kind": "letter", "letter": "a", "at_least": 1}]
    assert len(read_constraints([*both, {"kind": "words", "at_least": 2}, {"kind": "words", "at_most": 2}])) == 4


def test_keys_of_other_kinds_without_a_value_are_left_out() -> None:
    found = read_constraints([{"kind": "words", "exactly": 3, "letter": None, "at_most": None}])
    assert [one.record for one in found] == [{"kind": "words", "exactly": 3}]


def test_lists_of_ifeval_belong_together() -> None:
    assert len(read_ifeval(["punctuation:no_comma"], [{"num_words": None}])) == 1
    with pytest.raises(ValueError, match="instruction_id_list has 1 entries, but kwargs 2"):
        read_ifeval(["punctuation:no_comma"], [{}, {}])
    with pytest.raises(ValueError, match="kwargs must be a list, got None"):
        read_ifeval(["punctuation:no_comma"], None)


@pytest.mark.parametrize("text", ["", "{", json.dumps({"kind": "quoted"}), "[" * 100_000])
def test_text_that_is_no_list_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="constraints"):
        of_text(text)
