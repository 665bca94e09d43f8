"""Lets Ctrl-C and SIGTERM wait for the end of a training step, so that it can be saved whole."""

import contextlib
import signal

from input_data.signal_handlers import signals_handled_by


class DeferredSignals(contextlib.ExitStack):
    """Holds back Ctrl-C and SIGTERM inside `with`, until a step of training is done.

    The second signal has its effect at once, and the first one has it at the end of `with`.
    """

    def __init__(self):
        super().__init__()
        self.received = None

    def __enter__(self):
        self.enter_context(signals_handled_by(self._receive))
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        if self.received:
            signal.getsignal(self.received)(self.received, None)

    def _receive(self, number, handle):
        if self.received:
            handle()
        self.received = number
