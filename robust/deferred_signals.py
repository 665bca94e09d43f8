"""Delays Ctrl-C and SIGTERM until a training step has finished, so that it can be saved."""

import contextlib
import signal

from robust.signals import clear_row

from input_data.signal_handlers import signals_handled_by


class DeferredSignals(contextlib.ExitStack):
    """Delays Ctrl-C and SIGTERM inside `with`.

    The first signal is only recorded, in `received`. It takes effect at the end of `with`; an
    error that ends `with` is raised instead. A second signal takes effect at once.
    """

    def __init__(self):
        super().__init__()
        self.received = None

    def __enter__(self):
        self.enter_context(signals_handled_by(self._receive))
        return super().__enter__()

    def __exit__(self, kind, *exception):
        super().__exit__(kind, *exception)
        if self.received and kind in (None, KeyboardInterrupt):
            signal.getsignal(self.received)(self.received, None)

    def _receive(self, number, handle):
        if self.received:
            handle()
        self.received = number
        clear_row()
