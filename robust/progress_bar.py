"""Shows a progress bar on a terminal, with what is printed meanwhile above it."""

import contextlib
import sys

from tqdm import tqdm
from tqdm.contrib import DummyTqdmFile


def steps_with_bar(start, stop):
    """Yields the numbers of the steps from start to stop, and shows how far they are."""
    steps = range(start, stop)
    if not sys.stderr.isatty():
        yield from steps
        return
    with contextlib.redirect_stdout(DummyTqdmFile(sys.stdout)):
        yield from tqdm(steps, initial=start, total=stop, leave=False)
