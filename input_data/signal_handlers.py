"""Replaces the handlers of Ctrl-C and SIGTERM while something must not be interrupted."""

import contextlib
import functools
import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def signals_handled_by(handle):
    """A context manager: a function handles Ctrl-C and SIGTERM inside `with`.

    Only handlers written in Python are replaced. A signal that the process ignores stays ignored,
    such as Ctrl-C in the background, and so does the system's default for SIGTERM. Python sets
    signal handlers in the main thread only, so in other threads nothing changes.

    Args:
      handle: function of two arguments: the signal's number, and a function without arguments that
        calls the previous handler.
    """

    def replacement(previous):
        return lambda number, frame: handle(number, functools.partial(previous, number, frame))

    previous = {}
    if threading.current_thread() is threading.main_thread():
        previous = {number: signal.getsignal(number) for number in SIGNALS}
    previous = {number: handler for number, handler in previous.items() if callable(handler)}
    try:
        for number, handler in previous.items():
            signal.signal(number, replacement(handler))
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
