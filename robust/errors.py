"""Errors that a user can cause, and how a script reports them: on stderr, with exit code 1."""

import contextlib
import errno
import os
import re
import shlex
import sys
import textwrap

from robust.signals import script_name

from input_data import DownloadError, InvalidDataError

NARROWEST = 40  # columns: some terminals say that they have none


class UserError(ValueError):
    """An error that a user can cause and fix; the message says how."""


class CheckpointError(UserError):
    """A checkpoint does not fit the model, cannot be read, or cannot be written."""


def first_line(error):
    """Returns the first line of an error's message.

    TensorFlow adds the location in the graph: 1.15 below the message, and 2.15 above it.
    """
    lines = str(error).splitlines()
    below_the_location = [
        line for node, line in zip(lines, lines[1:]) if node.startswith("Node: '")
    ]
    return (below_the_location or lines)[0]


@contextlib.contextmanager
def reported_in_one_line():
    """Ends the process if an error inside `with` is one that a user can cause.

    The exit code is 1, after one line on stderr and perhaps a command to copy. It is 141 if the
    reader of stdout has gone. Any other error is a bug of the project, and keeps its traceback.
    """
    try:
        yield
        sys.stdout.flush()
    except DownloadError as error:
        command = " ".join(map(shlex.quote, sys.argv))
        fail(f"{error}:\nuv run {command} --fake_data")
    except BrokenPipeError:
        # The reader of the output has finished, such as `head`.
        _discard(sys.stdout)
        sys.exit(141)
    except (InvalidDataError, UserError, FloatingPointError) as error:
        fail(str(error))
    except OSError as error:
        # Without a file name, the error comes from stdout or a file that was already open.
        full = error.errno == errno.ENOSPC and not error.filename
        fail("cannot write: the disk is full; make room, or name another" if full else str(error))
    except UnicodeEncodeError as error:  # TensorFlow accepts paths in UTF-8 only
        fail(f"{error.object!r} is not text in UTF-8; name another file or folder")


def fail(message):
    """Ends the process with exit code 1, after a message on stderr that names the script."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)
    message = f"{script_name()}: error: {message}"
    if sys.stderr is not None and sys.stderr.isatty():
        message = wrapped(message, os.get_terminal_size(sys.stderr.fileno()).columns)
    sys.exit(message)


def wrapped(message, width):
    """Returns a message in lines of a width: what failed, then why, then what to do.

    A message that fits into one line is returned unchanged. A command after a line feed is not
    wrapped, so that it can be copied. This is for terminals: in a log, an error is one line.
    """
    width = max(width, NARROWEST)
    message, line_feed, command = message.partition("\n")
    if len(message) < width:
        return message + line_feed + command
    start, error, rest = message.partition(": error: ")
    parts = re.split(r"(?<=[;:.]) ", rest)
    if len(parts) > 1 and " " not in parts[0]:  # a path, and what is wrong with it
        parts[:2] = [f"{parts[0]} {parts[1]}"]
    wrapper = textwrap.TextWrapper(
        width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    lines = wrapper.wrap(start + error + parts[0])
    wrapper.initial_indent = "  "
    for part in parts[1:]:
        lines += wrapper.wrap(part)
    return "\n".join(lines) + line_feed + command


def _discard(stream):
    """Discards the unwritten output of a stream, which would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
