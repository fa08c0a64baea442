"""How losses are computed changes none of them: over all places or labelled ones, whole or in halves."""

from types import SimpleNamespace

import pytest
import torch

from demiglace.bootstrap.computation import Computation
from demiglace.bootstrap.objectives import GlyphObjective, ReadingObjective, SumOfObjectives, TranscriptionObjective
from demiglace.jobs.nano_samples import prompt

FIXED = Computation(fixed_shapes=True, counts=True)


@pytest.fixture
def stream(samples):
    return SimpleNamespace(batch=lambda number: samples, spec=SimpleNamespace(seed=0))


@pytest.fixture(params=["glyphs", "transcription", "reading"])
def make(request, stream, processor):
    """Makes an objective that is computed in a given way."""
    prompts, tokenizer = [prompt(processor, "?")], processor.tokenizer
    return {
        "glyphs": lambda how: GlyphObjective(stream, how),
        "transcription": lambda how: TranscriptionObjective(prompts, tokenizer, 4, 12, 0, how),
        "reading": lambda how: ReadingObjective(stream, prompts, tokenizer, 0.5, 0.3, 0.3, how),
    }[request.param]


def learned(learner, objective):
    """Loss, figures and gradients of a step."""
    learner.zero_grad()
    total, figures = 0.0, {}
    for loss, part in objective(learner, 3):
        loss.backward()
        total += float(loss.detach())
        figures = {name: figures.get(name, 0.0) + float(value) for name, value in part.items()}
    return total, figures, [weight.grad.clone() for weight in learner.parameters() if weight.grad is not None]


def assert_same(first, second, tolerance):
    torch.testing.assert_close(first[0], second[0], atol=0, rtol=tolerance)
    assert len(first[2]) == len(second[2])
    for one, other in zip(first[2], second[2], strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


def test_losses_over_all_places_are_those_over_labelled_ones(learner, make):
    usual, fixed = learned(learner, make(Computation())), learned(learner, make(FIXED))
    assert_same(usual, fixed, 1e-4)
    assert fixed[1].pop("num_pictures", 4.0) == 4.0
    assert fixed[1].pop("num_flops") > 0
    assert fixed[1] == pytest.approx(usual[1])


def test_halves_make_up_the_whole(learner, make):
    """Texts of one length have equally many labels; those of the transcription have not."""
    whole, objective = learned(learner, make(FIXED)), make(FIXED)
    assert objective.halve()
    assert not objective.halve()
    halved = learned(learner, objective)
    if isinstance(objective, TranscriptionObjective):
        assert halved[0] == pytest.approx(whole[0], rel=0.2)
    else:
        assert_same(whole, halved, 1e-4)
    assert halved[1]["num_flops"] == pytest.approx(whole[1]["num_flops"], rel=1e-6)
    assert len(list(objective(learner, 3))) == 2


def test_of_a_sum_every_objective_is_halved(learner, stream):
    both = SumOfObjectives([GlyphObjective(stream), GlyphObjective(stream)])
    assert both.halve()
    assert not both.halve()
    assert len(list(both(learner, 0))) == 4
