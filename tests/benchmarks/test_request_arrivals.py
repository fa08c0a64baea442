"""Every request that arrives gets its first token, in both ways, and none before it has come."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from prepared_requests import Requests
from request_arrivals import arrivals, full_rate, waits_in_batches, waits_in_engine

from demiglace import Demiglace
from demiglace.conversation import Image


@pytest.fixture(scope="module")
def requests() -> Requests:
    assistant = Demiglace.load(device="cpu", dtype="float32")
    pictures = [Pillow.new("RGB", (60, 20), (shade, 0, 0)) for shade in (0, 90, 180)]
    return Requests.asked(assistant, [[Image(picture)] for picture in pictures], [1, 3, 2])


def test_arrivals_come_at_the_rate_asked_for() -> None:
    times = arrivals(4000, 20.0, seed=1)
    assert (np.diff(times) > 0).all()
    assert 4000 / times[-1] == pytest.approx(20, rel=0.05)


def test_all_wait_for_their_first_token(requests: Requests) -> None:
    times = np.array([0.0, 0.001, 0.002])
    for waits in (waits_in_engine(requests, times), waits_in_batches(requests, times, rows=2)):
        assert sorted(waits) == [0, 1, 2]
        assert min(waits.values()) > 0


def test_answers_have_as_many_tokens_as_asked_for(requests: Requests) -> None:
    rows = [step.row for step in requests.together(range(3))]
    assert [rows.count(row) for row in range(3)] == [1, 3, 2]
    assert requests.seconds_in_engine() > 0
    assert full_rate(requests, 2) > 0
