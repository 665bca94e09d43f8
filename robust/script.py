"""Runs a tutorial's main: with its flags, without TensorFlow's chatter, in a graph of its own."""

import functools
import logging
import os
import sys
import threading
import warnings

from robust.errors import reported_in_one_line
from robust.signals import end_at_once_on_signals

import tensorflow.compat.v1 as tf
from tqdm import tqdm


def takes_flags(parse_flags, show_log=lambda flags: False):
    """Decorates a main of flags, to be called with a list of arguments.

    Without a list it takes those of the command line. It runs in a new graph, and a session that
    it leaves open, as an InteractiveSession, is closed at its end. TensorFlow's messages below
    errors are silenced, unless TF_CPP_MIN_LOG_LEVEL is 0 or 1.

    Args:
      parse_flags: function of a list of arguments that returns the flags.
      show_log: function of the flags that tells whether TensorFlow's log is shown all the same,
        without its deprecation warnings.
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
    warnings.filterwarnings("ignore", "`tf.layers", UserWarning)  # of TensorFlow 2: deprecated
    if show_log:
        logging.getLogger("tensorflow").addFilter(_is_no_deprecation)
    tf.logging.set_verbosity(tf.logging.INFO if show_log else tf.logging.ERROR)


def _is_no_deprecation(record):
    return "deprecated" not in str(record.msg)


def run(main):
    """Calls a script's main, and exits where it fails.

    The exit code is 1 for what a user can cause, after one line on stderr; 141 where nobody reads
    stdout any more; and 130 or 143 after Ctrl-C or SIGTERM, which end the process at once, but in
    a training that is saved.
    """
    end_at_once_on_signals()
    # tqdm's own lock is shared between processes; one that ends at once would leave it behind.
    tqdm.set_lock(threading.RLock())
    _prepare_streams()
    with reported_in_one_line():
        main()


def _prepare_streams():
    """Lets a script print whatever it has to say, into whatever it was started with."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, open until the end
        # A path may hold letters that the terminal's encoding lacks.
        getattr(sys, name).reconfigure(errors="backslashreplace")
