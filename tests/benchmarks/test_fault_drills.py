"""The drills that docs/scale.md tells of ended as it says."""

import json
from pathlib import Path

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "fault_drills.json"
PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
DRILLS = json.loads(RESULT.read_text())["drills"]


def test_every_drill_ended_as_if_nothing_had_happened():
    for name, drill in DRILLS.items():
        assert (drill["finished"], drill["same_losses"], drill["same_model"]) == (True, True, True), name
        assert drill["steps_compared"] == 32
        assert drill["left_over"] == []


def test_each_fault_met_two_processes_and_four():
    two = {"a full disk", "a slow process", "a lost data worker", "a torn checkpoint"}
    four = {
        "a full disk for one of four",
        "one slow process of four",
        "a lost data worker of four",
        "one torn file of four",
    }
    assert two | four < DRILLS.keys()
    assert {DRILLS[name]["processes"] for name in two} == {2}
    assert {DRILLS[name]["processes"] for name in four} == {4}


def test_a_process_was_killed_as_often_as_is_told():
    kills = sum(drill.get("kills", 0) for drill in DRILLS.values())
    assert f"killed at a random moment, {kills} times" in PAGE.read_text()
