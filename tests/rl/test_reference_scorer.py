"""RLPR's reward against probabilities computed one sequence at a time."""

import pytest
import torch

from demiglace.conversation import Message, Text
from demiglace.processing.sample import Sample
from demiglace.rl.generator import EngineGenerator
from demiglace.rl.prompts import Prompt
from demiglace.rl.reference_scorer import ReferenceScorer
from demiglace.rl.rollout import Group, Rollout
from demiglace.scoring.question import Question

QUESTION = Question("why", "Why?", "because it was hit by the other", "It was hit.")
PROMPT = Prompt(4, "reasons", "long", QUESTION, (Message("user", (Text("Why?"),)),))


@pytest.fixture
def scorer(model, processor):
    return ReferenceScorer(EngineGenerator(model, processor, is_encoder_frozen=True))


def rollouts(processor, *texts):
    end = processor.tokenizer.special["think_end"]
    made = []
    for thoughts, answer in texts:
        tokens = [*processor.tokenizer.encode(thoughts), *([] if answer is None else [end])]
        tokens += processor.tokenizer.encode(f"\n\n{answer}") if answer else []
        made.append(Rollout(4, "long", tuple(tokens), (0.0,) * len(tokens), 0, "end" if answer else "length", ""))
    return Group(QUESTION, tuple(made), "reasons")


@torch.no_grad()
def mean_probability(model, processor, tokens):
    """Of the reference behind `tokens`."""
    reference = processor.tokenizer.encode(QUESTION.answer)
    sample = Sample(torch.tensor([*tokens, *reference]), torch.empty(0, dtype=torch.int64))
    weighed = model.logits(model(processor.batch([sample])))[0].float().softmax(-1)
    start = len(tokens) - 1
    return sum(float(weighed[start + place, token]) for place, token in enumerate(reference)) / len(reference)


def test_a_reward_is_what_thoughts_add_to_the_probability_of_the_reference(model, processor, scorer):
    texts = [("It hit it.", "hit"), ("Mm", "no"), ("Because", "because"), ("zzz", "x"), ("never ends", None)]
    sample = processor.prepare(PROMPT.conversation())
    found = scorer.rewards(PROMPT, sample, rollouts(processor, *texts))
    short = processor.prepare(PROMPT.conversation("short")).tokens.tolist()
    without = mean_probability(model, processor, short)
    expected = []
    for thoughts, answer in texts:
        closed = [*processor.tokenizer.encode(thoughts), processor.tokenizer.special["think_end"]]
        tokens = [*sample.tokens.tolist(), *closed, *processor.tokenizer.encode("\n\n")]
        with_thoughts = mean_probability(model, processor, tokens)
        expected.append(max(0.0, with_thoughts - without) if answer else 0.0)
    assert found == pytest.approx(expected, abs=1e-6)
    assert sum(value > 0 for value in found) >= 1
    assert found[-1] == 0


def test_without_any_end_of_thoughts_there_is_nothing_to_reward(processor, scorer):
    group = rollouts(processor, ("never", None), ("ends", None))
    assert scorer.rewards(PROMPT, processor.prepare(PROMPT.conversation()), group) == [0.0, 0.0]


def test_a_reference_longer_than_the_context_is_told(processor, scorer):
    long = Question("why", "Why?", "word " * 300, "It was.")
    prompt = Prompt(4, "reasons", "long", long, PROMPT.messages)
    with pytest.raises(ValueError, match=r"prompt 4 of reasons: .* have 15\d\d tokens, the model 1024 positions"):
        scorer.rewards(prompt, processor.prepare(prompt.conversation()), rollouts(processor, ("I see", "x")))
