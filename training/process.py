"""The process of a script: its signals, its streams, and the one line that says why it ends.

Works without any package, so that the line can say that one is missing.
"""

import contextlib
import os
import re
import shlex
import signal
import sys
import textwrap

DEFAULT_PYTHON = "3.7"  # what .python-version names
# The exit codes of a shell: 128 plus the number of the signal.
ENDINGS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}
NARROWEST = 40  # columns: some terminals say that they have none
_to_resume = ""


class UserError(ValueError):
    """An error that a user can cause and fix; the message says how."""


def script_name():
    """Returns the file name of the running script, for its messages."""
    return os.path.basename(sys.argv[0])


def as_typed(*more):
    """Returns the command that started this script, with more arguments, as a line for a shell."""
    python = "{}.{}".format(*sys.version_info)
    if "UV" not in os.environ:  # which `uv run` sets
        command = [sys.executable]
    elif python == DEFAULT_PYTHON:
        command = ["uv", "run"]
    else:
        command = ["uv", "run", "--python", python]
    if "TF_CONFIG" in os.environ:  # which tells a task of a cluster what to do
        command = ["env", f"TF_CONFIG={os.environ['TF_CONFIG']}", *command]
    return " ".join(map(shlex.quote, [*command, *sys.argv, *more]))


def runs_script():
    """Returns whether this process was started as one of the project's scripts, or a copy of one.

    A prompt, or a program that imports a script or runs it by runpy or %run, owns its process.
    """
    main = sys.modules["__main__"]
    path, loader = getattr(main, "__file__", None), getattr(main, "__loader__", None)
    # Python sets a loader; runpy and %run do not. `python -i` goes on with a prompt.
    if path is None or loader is None or sys.flags.inspect:
        return False
    try:
        with open(path, encoding="utf-8", errors="replace") as program:
            return "script.run(main)" in program.read()  # with which every script ends
    except OSError:
        return False


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


def fail(message):
    """Ends the process with exit code 1, after a message on stderr that names the script."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        discard(sys.stdout)
    # Written here, because sys.exit(error) in a thread would end it without a word.
    with contextlib.suppress(AttributeError, OSError):
        sys.stderr.write(f"{shown(message)}\n")
    raise SystemExit(1) from None  # or IPython would show what the error was made from


def shown(message):
    """Returns a message as it is shown on stderr: with the script's name, wrapped on a terminal."""
    start = f"{script_name()}: error: "
    width = terminal_width(sys.stderr)
    return start + message if width is None else wrapped(start, message, width)


def wrapped(start, message, width):
    """Returns an error in lines of a width: what failed, then why, then what to do.

    An error that fits into one line is returned unchanged. A command after a line feed is not
    wrapped, so that it can be copied. This is for terminals: in a log, an error is one line.

    Args:
      start: the beginning of the error, as "mnist_softmax.py: error: ".
      message: the rest of it.
      width: columns of the terminal.
    """
    width = max(width, NARROWEST)
    message, line_feed, command = message.partition("\n")
    if len(start + message) < width:
        return start + message + line_feed + command
    parts = re.split(r"(?<=[;:.]) ", message)
    if len(parts) > 1 and " " not in parts[0]:  # a path, and what is wrong with it
        parts[:2] = [f"{parts[0]} {parts[1]}"]
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    lines = wrapper.wrap(start + parts[0])
    wrapper.initial_indent = "  "
    for part in parts[1:]:
        lines += wrapper.wrap(part)
    return "\n".join(lines) + line_feed + command


def discard(stream):
    """Discards the unwritten output of a stream, which would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def prepare_streams():
    """Makes printing work with closed streams, and with any encoding."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, open until the end
        # A path may contain characters that the encoding of the terminal lacks.
        if hasattr(getattr(sys, name), "reconfigure"):  # which a notebook's streams lack
            getattr(sys, name).reconfigure(errors="backslashreplace")
