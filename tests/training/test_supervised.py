"""Learning from conversations: every learned token weighs the same, and clever paths equal their plain twins."""

import pytest
import torch
from mixtures import NUM_QUERIES, small_model, small_processor
from PIL import Image as Pillow
from torch.nn import functional as F

from demiglace.batch import IGNORE
from demiglace.conversation import Conversation, Image, Message, Text
from demiglace.records.bad_record import BadRecord
from demiglace.training.distributed import ALONE
from demiglace.training.flops import Learning
from demiglace.training.supervised import LanguageLearner, SupervisedObjective
from demiglace.training.trainer import freeze_all_but

LENGTH = 128


def sample(answer, width=None):
    parts = [] if width is None else [Image(Pillow.new("RGB", (width, 40), (width, 90, 30)))]
    asked = Conversation.ask("What?", *parts)
    return small_processor().training_sample(Conversation((*asked.messages, Message("assistant", (Text(answer),)))))


ROWS = [
    [sample("A picture.", 60), sample("Yes.")],
    [sample("A much longer answer.")],
    [sample("No.", 40)],
    [sample("?")],
]


class Rows:
    """Gives the same rows at every step, and counts the steps."""

    waited = 0.25

    def __init__(self, rows, skipped=()):
        self.rows, self.skipped, self.decays = rows, list(skipped), []

    def next_rows(self, decay):
        self.decays.append(decay)
        return self.rows

    def state(self):
        return {number: {"steps": len(self.decays)} for number in (1, 0)}

    def restore(self, state):
        self.decays = [0.0] * state["0"]["steps"]


def objective(rows=None, micro_batch_rows=2, **changes):
    settings = {"decayed": lambda step: step / 10, "learning": Learning(True, True, True), "ranks": ALONE}
    settings |= {"device": torch.device("cpu"), "dtype": torch.float32, "on_skipped": lambda skipped: None}
    loader = rows if isinstance(rows, Rows) else Rows(rows or ROWS)
    return SupervisedObjective(loader, LENGTH, 0, micro_batch_size=micro_batch_rows, **{**settings, **changes})


def learned(learner, learn, step=0):
    """Loss, figures and gradients of a step."""
    learner.zero_grad()
    total, figures = 0.0, {}
    for loss, part in learn(learner, step):
        loss.backward()
        total += float(loss.detach())
        figures = {name: figures.get(name, 0.0) + value for name, value in part.items()}
    gradients = {name: p.grad.clone() for name, p in learner.named_parameters() if p.grad is not None}
    return total, figures, gradients


def alone(model):
    """Logits and labels of the learned tokens of each sample, which goes through the model by itself."""
    for held in (one for row in ROWS for one in row):
        batch = small_processor().batch([held])
        is_learned = batch.labels[0, 1:] != IGNORE
        yield model.logits(model(batch))[0, :-1][is_learned], batch.labels[0, 1:][is_learned]


def assert_gradients_of(loss, learner, gradients):
    learner.zero_grad()
    loss.backward()
    for name, parameter in learner.named_parameters():
        if parameter.grad is not None:
            assert torch.allclose(gradients[name], parameter.grad, atol=1e-6), name


@pytest.mark.parametrize("micro_batch_rows", [1, 2, 4, 3])
def test_every_token_weighs_the_same_however_the_step_is_cut(micro_batch_rows):
    learner = LanguageLearner(small_model())
    loss, figures, gradients = learned(learner, objective(micro_batch_rows=micro_batch_rows))
    losses, right = [], 0
    for logits, wanted in alone(learner.model):
        losses.append(F.cross_entropy(logits, wanted, reduction="none"))
        right += int((logits.argmax(-1) == wanted).sum())
    plain = torch.cat(losses)
    assert loss == pytest.approx(float(plain.mean().detach()), rel=1e-5)
    assert figures["token_accuracy"] == pytest.approx(right / len(plain))
    assert_gradients_of(plain.mean(), learner, gradients)


@pytest.mark.parametrize("sample_power", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("micro_batch_rows", [1, 2, 4])
def test_a_sample_weighs_a_power_of_its_length_however_the_step_is_cut(sample_power, micro_batch_rows):
    learner = LanguageLearner(small_model())
    loss, figures, gradients = learned(learner, objective(micro_batch_rows=micro_batch_rows, sample_power=sample_power))
    means, weights = [], []
    for logits, wanted in alone(learner.model):
        means.append(F.cross_entropy(logits, wanted))
        weights.append(len(wanted) ** sample_power)
    expected = sum(mean * weight for mean, weight in zip(means, weights, strict=True)) / sum(weights)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-5)
    # tokens are counted one by one all the same
    assert figures["token_accuracy"] == learned(learner, objective())[1]["token_accuracy"]
    assert_gradients_of(expected, learner, gradients)


def test_figures_add_up_to_the_step():
    _, figures, _ = learned(LanguageLearner(small_model()), objective(micro_batch_rows=1))
    held = [one for row in ROWS for one in row]
    assert figures["num_tokens"] == sum(len(one.tokens) for one in held)
    assert figures["num_visual_tokens"] == 2 * NUM_QUERIES
    assert figures["data_wait_s"] == 0.25
    assert figures["num_flops"] > 0


def test_recomputed_layers_give_the_same_gradients():
    model = small_model()
    loss, _, gradients = learned(LanguageLearner(model), objective())
    again, _, recomputed = learned(LanguageLearner(model, activation_checkpointing=True), objective())
    assert again == loss
    assert recomputed.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert torch.equal(recomputed[name], gradient), name


def test_recomputed_layers_keep_less():
    def kept(activation_checkpointing):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
            next(objective()(LanguageLearner(small_model(), activation_checkpointing), 0))
        return sum(sizes)

    assert kept(True) < 0.5 * kept(False)


def test_text_alone_teaches_a_resampler_nothing_and_breaks_nothing():
    learner = LanguageLearner(small_model())
    freeze_all_but(learner, ("model.resampler",))
    _, _, gradients = learned(learner, objective([[sample("Only text.")]]))
    assert gradients.keys() == {name for name, _ in learner.named_parameters() if name.startswith("model.resampler")}
    assert all(gradient.abs().max() == 0 for gradient in gradients.values())


def test_products_are_taken_in_the_dtype_asked_for():
    learner = LanguageLearner(small_model())
    exact, _, _ = learned(learner, objective())
    rough, _, gradients = learned(learner, objective(dtype=torch.bfloat16))
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.02)
    assert {gradient.dtype for gradient in gradients.values()} == {torch.float32}


def test_the_loss_is_a_float32_sum_under_autocast():
    learner = LanguageLearner(small_model())
    objective_of_step = objective(dtype=torch.bfloat16, sample_power=0.25)
    losses = [loss for loss, _ in objective_of_step(learner, 0)]
    assert {loss.dtype for loss in losses} == {torch.float32}


def test_the_loader_follows_the_decay_and_its_place_is_the_state():
    rows = Rows(ROWS)
    learn = objective(rows)
    for step in (0, 5):
        learned(LanguageLearner(small_model()), learn, step)
    assert rows.decays == [0.0, 0.5]
    assert list(learn.state()) == ["0", "1"]
    other = objective()
    other.restore(learn.state())
    assert other.state() == learn.state()


def test_skipped_records_are_told():
    messages = []
    learn = objective(Rows(ROWS, [BadRecord("a.jsonl:3", "no answer")]), on_skipped=messages.append)
    learned(LanguageLearner(small_model()), learn)
    assert [str(error) for batch in messages for error in batch] == ["a.jsonl:3: no answer"]


def test_what_was_seen_is_every_tensor_of_the_parts():
    learn = objective(micro_batch_rows=2)
    learned(LanguageLearner(small_model()), learn)
    seen = learn.seen()
    assert seen["0.tokens"].shape == seen["1.labels"].shape == (2, LENGTH)
    assert seen["0.visual.patches"].shape[1] == 3 * 14**2
    assert seen["1.visual.grids"].shape == (1, 2)


def test_a_step_that_is_halved_has_the_rows_of_the_last_and_the_same_gradients():
    learner, rows = LanguageLearner(small_model()), Rows(ROWS)
    whole = learned(learner, objective(micro_batch_rows=4))
    halved = objective(rows, micro_batch_rows=4)
    list(halved(learner, 0))  # the step that runs out of memory
    assert halved.halve()
    assert not halved.halve()
    again = learned(learner, halved)
    assert rows.decays == [0.0]
    assert len(halved.parts) == 2
    assert again[0] == pytest.approx(whole[0])
    for name, gradient in again[2].items():
        torch.testing.assert_close(gradient, whole[2][name], atol=1e-5, rtol=1e-4)
    assert not objective(micro_batch_rows=1).halve()
