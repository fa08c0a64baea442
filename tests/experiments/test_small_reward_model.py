"""Pairs of which a rule knows the better one, and a model that learns from them and is taken as a reward model."""

import pytest
import torch

pytest.importorskip("transformers")

from pairs import FAULTS, draw_pairs
from rollouts import group
from train import encoded, judged_right, margins, nano_tokenizer, new_model, train

from demiglace.rl.reward_model import SequenceClassifier

pytestmark = pytest.mark.usefixtures("training_faces", "installed_prose")


def test_pairs_are_a_function_of_the_seed_and_have_every_fault():
    pairs = draw_pairs(3, 60)
    assert draw_pairs(3, 60) == pairs != draw_pairs(4, 60)
    assert {pair.kind for pair in pairs} == set(FAULTS)
    for pair in pairs:
        assert pair.better != pair.worse
        if pair.kind in ("repeating", "with reasons"):
            assert pair.better in pair.worse


def test_a_few_steps_separate_repeating_answers_and_the_folder_is_a_reward_model(tmp_path):
    tokenizer = nano_tokenizer()
    pairs = [pair for pair in draw_pairs(3, 200) if pair.kind == "repeating"]
    model = new_model(tokenizer, seed=0)
    losses = train(model, tokenizer, pairs, steps=6)
    assert losses[-1] < 0.65 < losses[0]
    found = judged_right(model, tokenizer, pairs[:20])
    assert found["repeating"]["pairs"] == 20
    assert found["repeating"]["right"] > 17
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    judge, pair = SequenceClassifier(tmp_path, torch.device("cpu")), pairs[0]
    better, worse = judge(group("red"), [pair.better, pair.worse])
    asked = [type(pair)(pair.kind, group("red").question.text, pair.better, pair.worse)]
    with torch.inference_mode():
        assert better - worse == pytest.approx(float(margins(model, tokenizer, asked)), abs=1e-4)
        assert model(**encoded(tokenizer, asked)).logits.shape == (2, 1)
