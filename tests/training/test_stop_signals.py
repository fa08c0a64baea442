import os
import signal
import time

import pytest

from demiglace.training import stop_signals as room
from demiglace.training.distributed import ALONE, ProcessGroup
from demiglace.training.stop_signals import STOPPING, STOPPING_ALONE, stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_wish_while_the_block_runs(number: int, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(number)
    with stop_signals(ALONE) as should_stop:
        assert not should_stop()
        os.kill(os.getpid(), number)
        assert should_stop()
    assert signal.getsignal(number) is before
    assert capfd.readouterr().err == f"{STOPPING_ALONE}\n"


def test_the_deadline_is_a_wish_too() -> None:
    times = iter([False, True])
    with stop_signals(ALONE, lambda: next(times)) as should_stop:
        assert not should_stop()
        assert should_stop()


def test_ctrl_c_once_more_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FORWARDED_WITHIN_S", 0.05)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        _work_through_two_of_them()
    assert signal.getsignal(signal.SIGINT) is before


def _work_through_two_of_them() -> None:
    with stop_signals(ALONE):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)


def test_the_same_ctrl_c_passed_on_and_sigterm_again_are_the_first_wish() -> None:
    with stop_signals(ALONE) as should_stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert should_stop()


def test_one_of_several_processes_tells(capfd: pytest.CaptureFixture[str]) -> None:
    for rank, message in ((0, f"{STOPPING}\n"), (1, "")):
        with stop_signals(ProcessGroup(rank=rank, count=2)):
            os.kill(os.getpid(), signal.SIGTERM)
        assert capfd.readouterr().err == message
