"""Ends a script with an error message, wrapped on a terminal. Works without any package."""

import contextlib
import os
import re
import sys
import textwrap

from robust.signals import script_name, terminal_width

NARROWEST = 40  # columns: some terminals say that they have none


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
