"""Nothing that Demiglace computes has changed since `golden/behaviour.json` was written, but by intention."""

import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
FEWEST = 3  # draws; those have a digest of their own
SLOW = {"questions", "clips", "nano", "pretraining", "sft", "finetuning"}


@pytest.fixture(scope="module")
def behaviour():
    pytest.importorskip("pyarrow")
    pytest.importorskip("peft")
    sys.path.insert(0, str(GOLDEN))
    import make_behaviour

    return make_behaviour


def part(name):
    return pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])


NAMES = (
    *("drawn sources", "questions", "clips", "examinations", "file sources", "loader", "data set"),
    *("nano", "pretraining", "sft", "finetuning", "answers", "verdicts"),
)


@pytest.mark.parametrize("name", [part(name) for name in NAMES])
def test_a_part_is_as_it_was(behaviour, name):
    held = behaviour.recorded()
    if name in behaviour.DRAWING:
        drawing = behaviour.drawing()
        if strange := [key for key, value in drawing.items() if held["drawing"][key] != value]:
            pytest.skip(f"{name} is pinned with other {' and '.join(strange)}: Debian 12's, by the packages in .ci/run")
    found = behaviour.computed(name, FEWEST)
    assert any(found.values())
    assert behaviour.differences(held["parts"][name], found, held["surroundings"] == behaviour.surroundings()) == []


def test_every_part_is_compared(behaviour):
    assert set(NAMES) == behaviour.PARTS.keys() == behaviour.recorded()["parts"].keys()
