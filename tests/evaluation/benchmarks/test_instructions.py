"""IFEval in its public layout, our held-out instructions, and records of one's own: prompts, verdicts, figures."""

import sys
from pathlib import Path

import pytest
from public_layouts import struct, write_jsonl, write_parquet

pytest.importorskip("rapidfuzz", reason="the extra `eval` is not installed")

from demiglace.conversation import Image
from demiglace.evaluation.benchmark import Example
from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.evaluation.inference_settings import conversation_of, default_settings
from demiglace.evaluation.prediction import Prediction, Reply
from demiglace.evaluation.scores import BenchmarkScore, benchmark_score, score_predictions
from demiglace.scoring.constraints.record import of_text
from demiglace.synthesis.questions.instructions import INSTRUCTION_KINDS, held_out_instruction

GAPS = {"num_words": None, "relation": None, "keywords": None}
COMMA = {
    "key": 1001,
    "prompt": "Say it without a comma.",
    "instruction_id_list": ["punctuation:no_comma"],
    "kwargs": [GAPS],
}
BOTH = {
    "key": 1002,
    "prompt": "Say two words, and of the sea.",
    "instruction_id_list": ["length_constraints:number_words", "keywords:existence"],
    "kwargs": [GAPS | {"num_words": 2, "relation": "at least"}, GAPS | {"keywords": ["sea"]}],
}
THREE = [{"kind": "words", "exactly": 3}]


def read(name: str, place: Path | None) -> list[Example]:
    return list(BENCHMARKS[name].examples(place))


def scored(name: str, examples: list[Example], *answers: str) -> BenchmarkScore:
    found = [Prediction.of(one, {}, "", Reply(answer=said)) for one, said in zip(examples, answers, strict=True)]
    return benchmark_score(BENCHMARKS[name], score_predictions(found))


def test_ifeval_is_read_in_its_public_layout(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "ifeval_input_data.jsonl", [COMMA, BOTH])
    for examples in (read("IFEval", tmp_path), read("IFEval", write_parquet(tmp_path / "x.parquet", [COMMA, BOTH]))):
        assert [(one.id, one.category) for one in examples] == [("1001", "no_comma"), ("1002", "several")]
        assert [len(of_text(one.expected.answers[0])) for one in examples] == [1, 2]
        asked = conversation_of(BENCHMARKS["IFEval"], examples[0], default_settings(BENCHMARKS["IFEval"], False))
        assert [part.text for part in asked.messages[0].content] == ["Say it without a comma."]  # type: ignore[union-attr]


def test_figures_are_strict_and_loose_of_prompts_and_of_single_instructions(tmp_path: Path) -> None:
    examples = read("IFEval", write_jsonl(tmp_path / "IFEval.jsonl", [COMMA, BOTH]))
    score = scored("IFEval", examples, "Sure, here:\nNo comma", "The sky")
    assert [round(one.share.value, 1) for one in score.figures] == [0.0, 33.3, 50.0, 66.7]
    assert [one.figure.name for one in score.figures][:2] == ["all of a prompt", "single instructions"]
    assert score.unreadable == 0
    assert (score.commonest, score.chance) == (None, None)
    assert scored("IFEval", examples, "None", "").unreadable == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"instruction_id_list": ["punctuation:no_dash"]}, r"row 2 of x\.jsonl: unknown .* 'punctuation:no_dash'"),
        ({"kwargs": []}, r"row 2 of x\.jsonl: instruction_id_list has 1 entries, but kwargs 0"),
        ({"kwargs": None}, r"row 2 of x\.jsonl: kwargs must be a list, got None"),
        ({"prompt": ""}, "row 2 of x.jsonl holds nothing in prompt"),
        (
            {"instruction_id_list": ["language:response_language"], "kwargs": [{"language": "de"}]},
            "row 2 of x.jsonl: the language of an answer is told by langdetect: pip install langdetect",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_ends_the_run_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], told: str
) -> None:
    monkeypatch.setitem(sys.modules, "langdetect", None)
    file = write_jsonl(tmp_path / "x.jsonl", [COMMA, COMMA | {"key": 2} | changes])
    with pytest.raises(ValueError, match=told):
        next(iter(BENCHMARKS["IFEval"].examples(file)))


def test_our_instructions_come_by_turns() -> None:
    examples = read("instructions", None)
    assert len(examples) == 20 * len(INSTRUCTION_KINDS) == len({one.id for one in examples})
    assert [one.category for one in examples[: len(INSTRUCTION_KINDS)]] == [
        kind.replace("_", " ") for kind in INSTRUCTION_KINDS
    ]
    answers = [held_out_instruction(kind, number).answer for number in range(20) for kind in INSTRUCTION_KINDS]
    score = scored("instructions", examples, *answers)
    assert [one.share.value for one in score.figures] == [100.0] * 4
    assert len(score.categories) == len(INSTRUCTION_KINDS)


def test_records_of_ones_own_are_evaluated(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Three words."}, {"role": "assistant", "content": "One two three"}]
    rows = [
        {"prompt": "Three words.", "constraints": THREE, "category": "words", "id": "a"},
        {"messages": turns, "constraints": THREE},
        {"messages": [{"role": "user", "content": "<image>Three words."}], "image": "a.png", "constraints": THREE},
    ]
    (tmp_path / "a.png").write_bytes(struct("red")["bytes"])
    examples = read("instructions", write_jsonl(tmp_path / "own.jsonl", rows))
    assert [one.question for one in examples] == ["Three words."] * 3
    assert [(one.id, one.category) for one in examples[:2]] == [("a", "words"), ("1", "")]
    assert isinstance(examples[2].show()[0], Image)
    assert scored("instructions", examples, "a b c", "a b", "so it is.").figures[0].share.value == pytest.approx(
        200 / 3
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"prompt": "Say."}, "row 1 of own.jsonl"),
        ({"prompt": "Say.", "constraints": [{"kind": "rhyme"}]}, r"row 1 of own\.jsonl: constraints\[0\]: unknown"),
        (
            {"messages": [{"role": "user", "content": "a"}] * 2, "constraints": THREE},
            r"row 1 of own\.jsonl has 2 messages before the answer; one question is asked",
        ),
        (
            {"messages": [{"role": role, "content": "a"} for role in ("user", "assistant")]},
            r"row 1 of own\.jsonl has no constraints",
        ),
    ],
)  # fmt: skip
def test_records_without_constraints_are_told(tmp_path: Path, row: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read("instructions", write_jsonl(tmp_path / "own.jsonl", [row]))
