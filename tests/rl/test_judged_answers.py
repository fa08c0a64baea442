import json

import pytest
from preferences import judged, judged_answer

from demiglace.rl.judged_answers import AnswerLog

YES, NO = (0.9, 0.1), (0.2, 0.8)


def test_a_score_is_minus_the_number_of_rejected_claims():
    assert judged_answer("a", YES, NO, NO).score == -2
    assert judged_answer("a").score == 0
    assert judged_answer("a", YES, problem="cut after 64 tokens").score is None


def test_what_is_written_is_read_back_and_people_can_read_it(tmp_path):
    both = [judged(judged_answer("rött", YES, NO), judged_answer("b", problem="cut"), prompt_id=n) for n in (3, 1)]
    AnswerLog(tmp_path).add(both)
    assert AnswerLog(tmp_path).read() == {1: both[1], 3: both[0]}
    text = AnswerLog(tmp_path).path.read_text()
    assert "rött" in text
    first = json.loads(text.splitlines()[0])["answers"][0]
    assert first["score"] == -1
    assert first["claims"][1] == {"statement": "rött 1.", "question": "Is it 1?", "yes": 0.2, "no": 0.8}


def test_a_line_that_was_cut_off_is_dropped_and_processes_read_each_others(tmp_path):
    AnswerLog(tmp_path, 0).add([judged(judged_answer("a", YES), prompt_id=n) for n in (0, 1)])
    AnswerLog(tmp_path, 1).add([judged(judged_answer("b", NO), prompt_id=2)])
    path = tmp_path / "answers.jsonl"
    path.write_text(path.read_text()[:-5])
    assert list(AnswerLog(tmp_path).read()) == [0, 2]
    AnswerLog(tmp_path).add([judged(judged_answer("a", YES), prompt_id=1)])
    assert list(AnswerLog(tmp_path).read()) == [0, 1, 2]


def test_a_line_may_be_cut_within_a_character(tmp_path):
    AnswerLog(tmp_path).add([judged(judged_answer("rött", YES), prompt_id=n) for n in (0, 1)])
    path = tmp_path / "answers.jsonl"
    path.write_bytes(path.read_bytes()[: path.read_bytes().rfind("ö".encode()) + 1])
    assert list(AnswerLog(tmp_path).read()) == [0]


def test_answers_may_have_any_line_ends(tmp_path):
    both = [judged(judged_answer(f"a{end}b", YES), prompt_id=n) for n, end in enumerate("\u2028\u2029\x85\r\n\v\f\x1e")]
    AnswerLog(tmp_path).add(both)
    assert list(AnswerLog(tmp_path).read().values()) == both


def test_a_damaged_line_is_named(tmp_path):
    (tmp_path / "answers.jsonl").write_text('{"prompt_id": 1}\n')
    with pytest.raises(ValueError, match=r"answers.jsonl:1 is damaged"):
        AnswerLog(tmp_path).read()
