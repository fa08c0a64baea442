"""Our checks of IFEval's instructions say what lm-eval's say: `tests/golden/make_ifeval_verdicts.py`."""

import json
from pathlib import Path

import pytest

from demiglace.scoring.constraints.fulfilment import unmet
from demiglace.scoring.constraints.ifeval import INSTRUCTIONS, IfevalInstruction

VERDICTS = [json.loads(line) for line in Path(__file__).with_name("lm_eval_verdicts.jsonl").read_text().splitlines()]
OURS_DEPART = {
    "language:response_language",
    "length_constraints:number_sentences",
    "change_case:capital_word_frequency",
    "change_case:english_capital",
    "change_case:english_lowercase",
}


@pytest.mark.parametrize("id_", sorted(INSTRUCTIONS.keys() - OURS_DEPART))
def test_verdicts_are_those_of_lm_eval(id_: str) -> None:
    own = [one for one in VERDICTS if one["id"] == id_]
    assert len({one["strict"] for one in own}) == 2, f"{id_}: all verdicts are the same"
    for one in own:
        instruction = [IfevalInstruction(id_, one["arguments"])]
        found = [not unmet(instruction, one["text"], loosely) for loosely in (False, True)]
        assert found == [one["strict"], one["loose"]], one


def test_there_are_hundreds() -> None:
    assert len(VERDICTS) > 400
    assert sum(one["strict"] != one["loose"] for one in VERDICTS) > 20
