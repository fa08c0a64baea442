from dataclasses import replace

import pytest
from rollouts import group, rollout

from demiglace.rl.rollout import Reward
from demiglace.rl.rollout_log import RolloutLog, ScoredGroup, read_rollouts
from demiglace.scoring.constraints.constraint import Bounds
from demiglace.scoring.constraints.counted import UnitCount
from demiglace.scoring.question import Question


def scored(prompt_id, version=0, response="red"):
    answers = (rollout(one, prompt_id=prompt_id, tokens=(prompt_id, 5)) for one in (response, "blue"))
    made = group(*(replace(one, policy_version=version) for one in answers))
    return ScoredGroup(made, "rule", (Reward(1 / 3, {"accuracy": 1 / 3}), Reward(None)), (0.1, None))


def test_what_is_written_is_read_back_digit_for_digit(tmp_path):
    RolloutLog(tmp_path).add([scored(0), scored(1)])
    assert list(read_rollouts(tmp_path)) == [scored(0), scored(1)]
    assert RolloutLog(tmp_path).find([1, 0], 0) == [scored(1), scored(0)]


def test_constraints_are_read_back_and_older_logs_have_none(tmp_path):
    question = Question("words", "Three words.", "a b c", "a b c", (), (), (UnitCount("words", Bounds.exactly(3)),))
    found = replace(scored(0), group=group(rollout("a b c"), rollout("a b"), question=question))
    log = RolloutLog(tmp_path)
    log.add([found, scored(1)])
    assert list(read_rollouts(tmp_path)) == [found, scored(1)]
    log.path.write_text(log.path.read_text().replace(', "constraints": []', ""))
    assert list(read_rollouts(tmp_path)) == [found, scored(1)]


def test_answers_of_other_weights_are_not_taken(tmp_path):
    RolloutLog(tmp_path).add([scored(0, version=4)])
    assert RolloutLog(tmp_path).find([0], 0) == []
    assert RolloutLog(tmp_path).find([0, 1], 4) == [scored(0, version=4)]


def test_a_line_that_was_cut_off_is_dropped_and_the_next_one_is_whole(tmp_path):
    log = RolloutLog(tmp_path)
    log.add([scored(0), scored(1)])
    text = log.path.read_text()
    log.path.write_text(text[:-40])
    again = RolloutLog(tmp_path)
    assert again.find([0, 1], 0) == [scored(0)]
    again.add([scored(1)])
    assert log.path.read_text() == text


def test_each_process_writes_its_own_file_and_reads_all(tmp_path):
    RolloutLog(tmp_path, 0).add([scored(0)])
    RolloutLog(tmp_path, 1).add([scored(1)])
    assert {path.name for path in tmp_path.iterdir()} == {"rollouts.jsonl", "rollouts-1.jsonl"}
    assert RolloutLog(tmp_path, 0).find([0, 1], 0) == [scored(0), scored(1)]


def test_of_a_group_drawn_twice_the_later_one_is_shown(tmp_path):
    log = RolloutLog(tmp_path)
    log.add([scored(0)])
    log.add([scored(0, response="green")])
    assert list(read_rollouts(tmp_path)) == [scored(0, response="green")]


def test_damage_and_nothing_are_told(tmp_path):
    with pytest.raises(ValueError, match="has no rollouts"):
        next(read_rollouts(tmp_path))
    (tmp_path / "rollouts.jsonl").write_text('{"answers": [\n')
    with pytest.raises(ValueError, match=r"rollouts.jsonl is damaged at byte 0"):
        RolloutLog(tmp_path)


@pytest.mark.parametrize(
    "line",
    ["[]", "{}", '{"answers": []}', '{"answers": [{}]}', '{"answers": [{"prompt_id": 0, "policy_version": 0}]}'],
)
def test_a_line_of_another_shape_is_named(tmp_path, line):
    RolloutLog(tmp_path).add([scored(7)])
    path = tmp_path / "rollouts.jsonl"
    start = path.stat().st_size
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(ValueError, match=rf"rollouts.jsonl is damaged at byte {start}: "):
        list(read_rollouts(tmp_path))
