import random

import pytest
from preferences import judged, judged_answer

from demiglace.rl.preference_pairs import choose_pairs, mean_longer, read_pairs, write_pairs

YES, NO = (0.9, 0.1), (0.2, 0.8)


def answer(text, rejected, num_tokens=5, **more):
    return judged_answer(text, *[NO] * rejected, YES, num_tokens=num_tokens, **more)


def test_of_a_pair_the_chosen_answer_has_fewer_rejected_claims():
    pairs = choose_pairs([judged(answer("good", 0), answer("bad", 2), answer("fair", 1))], most_of_a_prompt=9)
    assert {(pair.chosen, pair.rejected) for pair in pairs} == {("good", "fair"), ("good", "bad"), ("fair", "bad")}
    assert all(pair.chosen_score > pair.rejected_score for pair in pairs)
    assert (pairs[0].chosen, pairs[0].rejected) == ("good", "bad")  # of equal lengths, those farthest apart


def test_answers_without_a_score_equal_scores_and_equal_texts_make_no_pair():
    assert choose_pairs([judged(answer("good", 0), answer("cut", 3, problem="cut"))]) == []
    assert choose_pairs([judged(answer("one", 1), answer("other", 1))]) == []
    twice = judged(answer("good", 0), answer("good", 0), answer("bad", 1), answer("bad", 1))
    assert len(choose_pairs([twice], most_of_a_prompt=9)) == 1


def test_lengths_are_balanced_over_all_pairs():
    """Short answers have fewer false claims; the chosen ones of the pairs are no shorter on the whole."""
    rng = random.Random(0)
    prompts = []
    for number in range(60):
        lengths = [rng.randint(5, 40) for _ in range(8)]
        answers = [answer(f"{at}", min(4, length // 10), length) for at, length in enumerate(lengths)]
        prompts.append(judged(*answers, prompt_id=number))
    pairs = choose_pairs(prompts)
    assert len(pairs) == 120
    every = choose_pairs(prompts, most_of_a_prompt=99)
    assert mean_longer(every) < -10
    assert mean_longer(pairs) > mean_longer(every) / 2
    mixed = [
        judged(answer("short", 0, 4), answer("long", 1, 12), answer("even", 1, 5), prompt_id=number)
        for number in range(20)
    ]
    assert abs(mean_longer(choose_pairs(mixed, most_of_a_prompt=1))) <= 1


def test_answers_may_have_any_line_ends(tmp_path):
    pairs = [choose_pairs([judged(answer(f"a{end}b", 0), answer("c", 2))])[0] for end in "\u2028\u2029\x85\r\n"]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs


def test_pairs_are_written_and_read_back(tmp_path):
    pairs = choose_pairs([judged(answer("gut, schön", 0), answer("bad", 2))])
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs
    assert "schön" in (tmp_path / "pairs.jsonl").read_text()
    (tmp_path / "pairs.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match=r"pairs.jsonl:1 is damaged"):
        read_pairs(tmp_path / "pairs.jsonl")
