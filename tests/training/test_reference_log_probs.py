"""What the first policy gives is computed once, kept by weights and pairs, and the same after a kill."""

import json

import pytest
import torch
from checkpoints import make_outspoken
from mixtures import small_model, small_processor
from preferences import preference

from demiglace.rl.pair_batches import PairBatches
from demiglace.rl.rollout_batch import PolicyLearner
from demiglace.training.distributed import ALONE, ProcessGroup
from demiglace.training.reference_log_probs import ReferenceLog, ReferencePass

COUNT = 5


class Counted:
    """A learner that counts how often it is asked."""

    def __init__(self):
        model = small_model()
        make_outspoken(model)
        self.learner, self.calls = PolicyLearner(model), 0

    def __call__(self, batch):
        self.calls += 1
        return self.learner(batch)


@pytest.fixture
def learner():
    return Counted()


def found(folder, learner, read=preference, key="weights", left_out=None, ranks=ALONE, should_stop=lambda: False):
    def on_bad(number, error):
        if left_out is None:
            raise error
        left_out.append((number, str(error)))

    pairs = PairBatches(small_processor(), read, positions=1024)
    log = ReferenceLog(folder, {"of": key}, ranks.rank)
    one = ReferencePass(pairs, COUNT, 2, log, on_bad, ranks, torch.device("cpu"), torch.float32)
    return one.run(learner, should_stop)


def numbers(reference):
    return reference.numbers, reference.log_probs.chosen.tolist(), reference.log_probs.rejected.tolist()


def test_it_is_computed_once_for_each_weights_and_pairs(tmp_path, learner):
    first = numbers(found(tmp_path, learner))
    assert first[0] == list(range(COUNT))
    assert learner.calls == 3
    assert numbers(found(tmp_path, learner)) == first
    assert learner.calls == 3
    found(tmp_path, learner, key="other weights")
    assert learner.calls == 6


def test_after_a_kill_the_rest_is_computed_to_the_last_bit(tmp_path, learner):
    first = numbers(found(tmp_path, learner))
    path = tmp_path / "reference.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4])[:-7])  # in the middle of the second part
    learner.calls = 0
    assert numbers(found(tmp_path, learner)) == first
    assert learner.calls == 2


def test_it_stops_where_it_is_asked_to(tmp_path, learner):
    asked = iter([False, True])
    assert found(tmp_path, learner, should_stop=lambda: next(asked)) is None
    assert learner.calls == 1
    assert found(tmp_path, learner) is not None
    assert learner.calls == 3


def test_pairs_that_cannot_be_used_are_left_out_where_that_is_wanted(tmp_path, learner):
    def read(number):
        if number in (1, 4):
            raise ValueError(f"picture {number} is gone")
        return preference(number)

    with pytest.raises(ValueError, match="picture 1 is gone"):
        found(tmp_path / "strict", learner, read)
    left_out = []
    assert found(tmp_path, learner, read, left_out=left_out).numbers == [0, 2, 3]
    assert left_out == [(1, "picture 1 is gone"), (4, "picture 4 is gone")]
    assert json.loads((tmp_path / "reference.jsonl").read_text().splitlines()[-1])["left_out"] == "picture 4 is gone"


def test_no_usable_pair_and_numbers_that_are_not_finite_are_errors(tmp_path, learner):
    def read(number):
        raise ValueError("gone")

    with pytest.raises(ValueError, match="none of the 5 pairs can be used"):
        found(tmp_path, learner, read, left_out=[])
    with torch.no_grad():
        learner.learner.model.llm.lm_head.weight[3] = float("nan")
    with pytest.raises(ValueError, match=r"gives pairs \[0\] log-probabilities that are not finite"):
        found(tmp_path / "nan", learner)


def test_two_processes_share_the_work(tmp_path, learner):
    class Unawaited(ProcessGroup):
        """One of two processes that run one after the other here."""

        def wait(self):
            pass

    alone = numbers(found(tmp_path / "alone", learner))
    learner.calls = 0
    assert found(tmp_path, learner, ranks=Unawaited(1, 2)).numbers == [2, 3]
    assert numbers(found(tmp_path, learner, ranks=Unawaited(0, 2))) == alone
    assert learner.calls == 3
