"""Errors that a user can cause, and how a script reports them: on stderr, with exit code 1."""

import contextlib
import errno
import sys

from robust.command_line import as_typed
from robust.error_message import discard, fail

from input_data import DownloadError, InvalidDataError


class UserError(ValueError):
    """An error that a user can cause and fix; the message says how."""


class CheckpointError(UserError):
    """A checkpoint does not fit the model, cannot be read, or cannot be written."""


def first_line(error):
    """Returns the first line of an error's message or, without one, the error's name.

    TensorFlow adds the location in the graph: 1.15 below the message, and 2.21 above it.
    """
    lines = str(error).splitlines() or [type(error).__name__]
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
        fail(f"{error}:\n{as_typed('--fake_data')}")
    except BrokenPipeError:
        # The reader of the output has finished, such as `head`.
        discard(sys.stdout)
        sys.exit(141)
    except (InvalidDataError, UserError, FloatingPointError) as error:
        fail(str(error))
    except OSError as error:
        # Without a file name, the error comes from stdout or a file that was already open.
        full = error.errno == errno.ENOSPC and not error.filename
        fail("cannot write: the disk is full; make room, or name another" if full else str(error))
    except UnicodeEncodeError as error:  # TensorFlow accepts paths in UTF-8 only
        fail(f"{error.object!r} is not text in UTF-8; name another file or folder")
