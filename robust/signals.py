"""Lets Ctrl-C and SIGTERM end a script at once, with one line and without an exception.

A destructor that an exception happens to reach prints and drops it, so the script would go on.
"""

import contextlib
import os
import signal
import sys

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
