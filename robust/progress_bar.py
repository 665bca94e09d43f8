"""Shows a progress bar on a terminal. Lines printed meanwhile appear above it."""

import contextlib
import sys

from tqdm import tqdm


def steps_with_bar(start, stop):
    """Yields the step numbers from start to stop, and shows the progress."""
    steps = range(start, stop)
    if not sys.stderr.isatty():
        yield from steps
        return
    from tqdm.contrib import DummyTqdmFile  # warns in a notebook, where there is no terminal

    with contextlib.redirect_stdout(DummyTqdmFile(sys.stdout)):
        yield from tqdm(steps, initial=start, total=stop, leave=False)
