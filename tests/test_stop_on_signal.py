import os
import signal

import pytest

from mnist.stop_on_signal import StopOnSignal


@pytest.fixture
def in_the_background():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_training_in_the_background_goes_on_through_ctrl_c(in_the_background):
    with StopOnSignal() as stop:
        stop.after_create_session(None, None)
        os.kill(os.getpid(), signal.SIGINT)
        stop.after_run(None, None)  # would ask the context that it is not given to stop
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
