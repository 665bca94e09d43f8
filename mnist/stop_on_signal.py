"""Decides what Ctrl-C and SIGTERM do: end the process at once, or end the training after its step.

An exception raised in the middle of whatever runs at that moment would be safe in neither case: in
a destructor Python prints and drops it, and in the middle of saving it leaves half a checkpoint.
"""

import contextlib
import os
import signal
import sys
import threading

# The exit codes of a shell: 128 plus the number of the signal.
ENDINGS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}


def script_name():
    """Returns the file name of the script that runs, for its messages."""
    return os.path.basename(sys.argv[0])


def end_at_once_on_signals():
    """Lets Ctrl-C and SIGTERM end the process from now on, with one line on stderr.

    A signal that the process was started to ignore, as in the background, stays ignored.
    """
    for number in ENDINGS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end_at_once)


def _end_at_once(number, frame):
    code, said = ENDINGS[number]
    # A stream may be closed, missing, or just being written to.
    unusable = (OSError, RuntimeError, ValueError, AttributeError)
    with contextlib.suppress(*unusable):
        sys.stdout.flush()
        sys.stderr.flush()
    with contextlib.suppress(*unusable):
        # On a terminal there may be a progress bar, or the terminal's own ^C, in this line.
        line_feed = "\n" if sys.stderr.isatty() else ""
        os.write(sys.stderr.fileno(), f"{line_feed}{script_name()}: {said}\n".encode())
    # Not sys.exit, whose exception a destructor or a library may drop.
    os._exit(code)


class DeferredSignals(contextlib.AbstractContextManager):
    """Holds back Ctrl-C and SIGTERM inside `with`, until a step of training is done.

    The second signal has its effect at once, and the first one has it at the end of `with`.
    """

    def __init__(self):
        self.received = None
        self._handlers = {}

    def __enter__(self):
        # Elsewhere Python lets nobody set handlers, and calls none.
        if threading.current_thread() is threading.main_thread():
            for number in ENDINGS:
                if callable(signal.getsignal(number)):  # and not ignored, as in the background
                    self._handlers[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self.received:
            self._handlers[self.received](self.received, None)

    def _receive(self, number, frame):
        if self.received:
            self._handlers[number](number, frame)
        self.received = number
