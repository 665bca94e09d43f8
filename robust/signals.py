"""Ends a script at once on Ctrl-C and SIGTERM, with one line and without an exception.

An exception raised inside a destructor is printed and dropped, and the script would continue.
"""

import contextlib
import os
import signal
import sys

# The exit codes of a shell: 128 plus the number of the signal.
ENDINGS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}
_to_resume = ""


def script_name():
    """Returns the file name of the running script, for its messages."""
    return os.path.basename(sys.argv[0])


def terminal_width(stream):
    """Returns the columns of the terminal that a stream writes to, or None if it writes to none."""
    # A stream may be missing. An editor's says that it is a terminal, but has no descriptor; that
    # of a notebook has the one of the terminal that Jupyter was started from.
    with contextlib.suppress(AttributeError, OSError, ValueError):
        if stream.isatty():
            return os.get_terminal_size(stream.fileno()).columns
    return None


def clear_row():
    """Clears what the terminal's current row may hold when Ctrl-C comes: ^C, and a progress bar."""
    width = terminal_width(sys.stderr)
    if width is not None:
        os.write(sys.stderr.fileno(), f"\r{' ' * (width - 1)}\r".encode())


def offer_to_resume(command):
    """Sets the command that Ctrl-C and SIGTERM print when they end the process."""
    global _to_resume
    _to_resume = f"; to resume:\n{command}"


def end_at_once_on_signals():
    """Makes Ctrl-C and SIGTERM end the process from now on, with one line on stderr.

    A signal that the process ignores stays ignored, such as Ctrl-C in the background.
    """
    for number in ENDINGS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end_at_once)


def _end_at_once(number, frame):
    code, said = ENDINGS[number]
    # A stream may be closed or missing, or may be in the middle of a write.
    unusable = (OSError, RuntimeError, ValueError, AttributeError)
    with contextlib.suppress(*unusable):
        sys.stdout.flush()
        sys.stderr.flush()
    with contextlib.suppress(*unusable):
        clear_row()
        message = f"{script_name()}: {said}{_to_resume}\n"
        os.write(sys.stderr.fileno(), message.encode(errors="surrogateescape"))
    # sys.exit raises an exception, which a destructor or a library may drop.
    os._exit(code)
