import os
import signal
import threading

from robust.deferred_signals import DeferredSignals
from robust.estimator import StopOnSignal

import pytest


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


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_a_signal_waits_for_the_end_of_what_must_not_be_interrupted():
    done = []
    with pytest.raises(KeyboardInterrupt), DeferredSignals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        done.append("all of it")
    assert done


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_a_second_signal_does_not_wait():
    reached = []
    with pytest.raises(KeyboardInterrupt), DeferredSignals():
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("after the first")
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("after the second")
    assert reached == ["after the first"]


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_an_error_is_told_rather_than_a_signal_before_it():
    with pytest.raises(FloatingPointError), DeferredSignals():
        os.kill(os.getpid(), signal.SIGINT)
        raise FloatingPointError


def test_outside_the_main_thread_handlers_are_left_alone():
    held = []

    def hold():
        with DeferredSignals() as signals:
            held.append(signals.received)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert held == [None]
    assert signal.getsignal(signal.SIGINT) == before
