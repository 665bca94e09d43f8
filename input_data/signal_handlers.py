"""Replaces what Ctrl-C and SIGTERM do, for as long as something must not be left half done."""

import contextlib
import functools
import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def signals_handled_by(handle):
    """Lets a function handle Ctrl-C and SIGTERM inside `with`.

    A signal that the process ignores, as Ctrl-C in the background, stays ignored. Outside of the
    main thread Python neither sets handlers nor calls them, so there nothing changes.

    Args:
      handle: function of the signal's number and of the handler before, which takes no arguments.
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
