"""Held-out samples: measured as one would by hand, the best checkpoint kept, and enough when nothing improves."""

import json

import pytest
import torch
from mixtures import small_model, small_processor
from torch.nn import functional as F

from demiglace.conversation import Conversation, Message, Text
from demiglace.training import checkpoint
from demiglace.training.checkpoint import Progress
from demiglace.training.distributed import ProcessGroup
from demiglace.training.supervised import LanguageLearner
from demiglace.training.validation import BEST, FILE, Validation, measure

CPU = torch.device("cpu")


def sample(question, answer):
    return small_processor().training_sample(
        Conversation((Message("user", (Text(question),)), Message("assistant", (Text(answer),))))
    )


@pytest.fixture
def parts():
    return [small_processor().batch([sample("One?", "1")]), small_processor().batch([sample("Two and more?", "Two.")])]


def test_the_loss_is_the_mean_over_learned_tokens(parts):
    learner = LanguageLearner(small_model())
    loss, right = measure(learner, parts, CPU, torch.float32)
    losses, hits = [], []
    for part in parts:
        hidden = learner.model(part)
        for place in range(1, part.tokens.shape[1]):
            if part.labels[0, place] >= 0:
                logits = learner.model.logits(hidden[:, place - 1])
                losses.append(float(F.cross_entropy(logits, part.labels[:, place]).detach()))
                hits.append(float(logits.argmax(-1) == part.labels[:, place]))
    assert loss == pytest.approx(sum(losses) / len(losses), abs=1e-5)
    assert right == pytest.approx(sum(hits) / len(hits))


def saved(folder, learner, step):
    checkpoint.save(folder, Progress(step), learner, [], keep=1)


def test_the_best_is_kept_and_enough_is_enough(parts, tmp_path):
    learner = LanguageLearner(small_model())
    validation = Validation(parts, tmp_path, CPU, torch.float32, patience=2)
    for step in (1, 2, 3):
        saved(tmp_path, learner, step)
        report = validation(learner, tmp_path, step)
        assert ("the best so far" in report) == (step == 1)
        assert validation.is_enough() == (step == 3)
        with torch.no_grad():  # what comes is worse
            learner.model.llm.lm_head.weight.mul_(-3)
    assert json.loads((tmp_path / BEST / "state.json").read_text())["step"] == 1
    assert len((tmp_path / FILE).read_text().splitlines()) == 3
    assert checkpoint.latest(tmp_path).name == "step-00000003"


def test_a_stopped_run_remembers_what_it_measured(parts, tmp_path):
    learner = LanguageLearner(small_model())
    first = Validation(parts, tmp_path, CPU, torch.float32, patience=1)
    for step in (1, 2):
        saved(tmp_path, learner, step)
        first(learner, tmp_path, step)
    again = Validation(parts, tmp_path, CPU, torch.float32, patience=1)
    assert again.measured == first.measured
    saved(tmp_path / "other", learner, 1)
    assert Validation(parts, tmp_path / "other", CPU, torch.float32).measured == []


def test_processes_that_measure_otherwise_agree(parts, tmp_path, monkeypatch):
    """As on two machines whose last bits differ; if one stopped before the other, that one would wait for ever."""
    losses = iter((2.0, 1.0))
    monkeypatch.setattr("demiglace.training.validation.measure", lambda *_: (next(losses), 0.5))
    monkeypatch.setattr(ProcessGroup, "sum", lambda _, values: [3.0, 1.0])
    learner = LanguageLearner(small_model())
    saved(tmp_path, learner, 1)
    both = [Validation(parts, tmp_path, CPU, torch.float32, ranks=ProcessGroup(rank, 2)) for rank in (1, 0)]
    for validation in both:
        validation(learner, tmp_path, 1)
    assert both[0].measured == both[1].measured == [{"step": 1, "loss": 1.5, "token_accuracy": 0.5}]


def test_without_patience_nothing_is_ever_enough(parts, tmp_path):
    validation = Validation(parts, tmp_path, CPU, torch.float32)
    validation.measured = [{"step": step, "loss": float(step)} for step in range(1, 50)]
    assert not validation.is_enough()
