"""Runs a script's main with its flags, in a new graph, and without TensorFlow's messages."""

import functools
import logging
import os
import sys
import threading
import warnings

from robust.errors import reported_in_one_line
from robust.signals import end_at_once_on_signals
from robust.tensorflow_import import runs_script

import tensorflow.compat.v1 as tf
from tqdm import tqdm


def takes_flags(parse_flags, show_log=lambda flags: False):
    """Decorates a function of parsed flags: it then takes a list of arguments.

    The default is the command line's arguments. The function runs in a new graph. If it leaves a
    session open, such as an InteractiveSession, that session is closed. TensorFlow's messages are
    silenced, except for errors, unless TF_CPP_MIN_LOG_LEVEL is 0 or 1.

    Args:
      parse_flags: function that takes a list of arguments and returns the flags.
      show_log: function that takes the flags and returns whether to show TensorFlow's log, without
        its deprecation warnings.
    """

    def decorate(main):
        @functools.wraps(main)
        def main_of_arguments(argv=None):
            flags = parse_flags(argv)
            if getattr(flags, "fake_data", False):
                print("Fake data: the accuracy is that on drawn digits, not on MNIST.")
            _silence_tensorflow(show_log(flags))
            before = tf.get_default_session()
            with tf.Graph().as_default():
                try:
                    return main(flags)
                finally:
                    if tf.get_default_session() is not before:
                        tf.get_default_session().close()

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
    _prepare_streams()
    with reported_in_one_line():
        main()


def _prepare_streams():
    """Makes printing work with closed streams, and with any encoding."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, open until the end
        # A path may contain characters that the encoding of the terminal lacks.
        if hasattr(getattr(sys, name), "reconfigure"):  # which a notebook's streams lack
            getattr(sys, name).reconfigure(errors="backslashreplace")
