"""Runs a script's main: with its flags, in a new graph, without TensorFlow's messages."""

import contextlib
import errno
import functools
import logging
import os
import sys
import threading
import warnings

from training.explained_import import tf

from tqdm import tqdm

from input_data import DownloadError, InvalidDataError
from training.flags import training_parser
from training.process import (
    UserError,
    as_typed,
    discard,
    end_at_once_on_signals,
    fail,
    prepare_streams,
    runs_script,
)


def trains(add_flags=None, **defaults):
    """Decorates a script's main with the flags of a training. See takes_flags.

    The first line of the script's docstring says in --help what it does.

    Args:
      add_flags: function that takes the parser and adds the script's own flags.
      **defaults: the tutorial's max_steps, batch_size and learning_rate, and log_dir (see
        training_parser).
    """

    def decorate(main):
        def parse_flags(argv):
            parser = training_parser(main.__globals__["__doc__"].splitlines()[0], **defaults)
            if add_flags is not None:
                add_flags(parser)
            return parser.parse_args(argv)

        return takes_flags(parse_flags)(main)

    return decorate


def takes_flags(parse_flags):
    """Decorates a function of parsed flags: it then takes a list of arguments.

    The default is the command line's arguments. The function runs in a new graph. If it leaves a
    session open, such as an InteractiveSession, that session is closed. TensorFlow's messages are
    silenced, except for errors, unless TF_CPP_MIN_LOG_LEVEL is 0 or 1. A script that has a flag
    --quiet shows TensorFlow's log without it.

    Args:
      parse_flags: function that takes a list of arguments and returns the flags.
    """

    def decorate(main):
        @functools.wraps(main)
        def main_of_arguments(argv=None):
            flags = parse_flags(argv)
            if getattr(flags, "fake_data", False):
                print("Fake data: the accuracy is that on drawn digits, not on MNIST.")
            _silence_tensorflow(show_log=not getattr(flags, "quiet", True))
            before = tf.get_default_session()
            with tf.Graph().as_default():
                try:
                    return main(flags)
                finally:
                    if tf.get_default_session() is not before:
                        tf.get_default_session().close()

        main_of_arguments.parse_flags = parse_flags
        return main_of_arguments

    return decorate


def _silence_tensorflow(show_log):
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") in ("0", "1"):
        return
    warnings.filterwarnings("ignore", "`(tf.layers|layer.apply)", UserWarning)  # of TensorFlow 2
    if show_log:
        logging.getLogger("tensorflow").addFilter(_is_no_deprecation)
    tf.logging.set_verbosity(tf.logging.INFO if show_log else tf.logging.ERROR)


def _is_no_deprecation(record):
    return "deprecated" not in str(record.msg)


def run(main):
    """Calls a script's main, and sets the exit code if it fails.

    The exit code is 1 after an error that a user can cause, with one line on stderr. It is 141 if
    the reader of stdout has gone. It is 130 after Ctrl-C and 143 after SIGTERM, which end the
    process at once; a training is saved first. If the process is not the script's own, as in a
    notebook, both signals keep their handlers.
    """
    if runs_script():
        end_at_once_on_signals()
        # tqdm's own lock is shared between processes. os._exit would leave it behind.
        tqdm.set_lock(threading.RLock())
    prepare_streams()
    with reported_in_one_line():
        main()


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
