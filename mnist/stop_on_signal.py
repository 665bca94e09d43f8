"""Ends an Estimator's training between two steps when the process is told to end."""

import contextlib
import signal

import tensorflow as tf


class StopOnSignal(tf.estimator.SessionRunHook, contextlib.AbstractContextManager):
    """A hook that saves a training on Ctrl-C or SIGTERM.

    An exception in the middle of a session would leave the Estimator no time to save. So, inside
    `with`, a signal ends the training after its step, as if that had been the last one; at the end
    of `with`, it has the effect that it would have had at once.
    """

    def __init__(self):
        self._received = None
        self._handlers = {}
        self._training = False

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(signal.getsignal(number)):  # and not ignored, as in the background
                self._handlers[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._received:
            self._handlers[self._received](self._received, None)

    def _receive(self, number, frame):
        # Before training begins, and the second time, there is no step to wait for.
        if self._received or not self._training:
            self._handlers[number](number, frame)
        self._received = number

    def after_create_session(self, session, coord):
        self._training = True

    def after_run(self, run_context, run_values):
        if self._received:
            run_context.request_stop()
