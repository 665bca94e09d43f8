"""Shows a progress bar on a terminal. Lines printed meanwhile appear above it."""

import contextlib
import sys

from robust.signals import terminal_width

from input_data.progress_bar import ProgressBar


def steps_with_bar(start, stop):
    """Yields the step numbers from start to stop, and shows the progress."""
    steps = range(start, stop)
    if not terminal_width(sys.stderr):
        yield from steps
        return
    from tqdm.contrib import DummyTqdmFile  # warns in a notebook, where there is no terminal

    # Only a bar in the stream of a line makes way for it. One terminal shows both streams.
    stream = sys.stdout if terminal_width(sys.stdout) else sys.stderr
    lines = DummyTqdmFile(stream)
    with contextlib.redirect_stderr(lines), contextlib.ExitStack() as stack:
        if stream is sys.stdout:
            stack.enter_context(contextlib.redirect_stdout(lines))
        yield from ProgressBar(steps, file=stream, initial=start, total=stop)
