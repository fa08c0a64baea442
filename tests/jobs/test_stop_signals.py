import os
import signal

import pytest

from demiglace.jobs.stop_signals import stop_signals
from demiglace.training.distributed import ALONE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_wish_while_the_block_runs(number):
    before = signal.getsignal(number)
    with stop_signals(ALONE) as should_stop:
        assert not should_stop()
        os.kill(os.getpid(), number)
        assert should_stop()
    assert signal.getsignal(number) is before
