"""Imports TensorFlow before a script does: fast, quietly, and with one line if it is missing.

The package `robust` imports this module first. A script imports from `robust` before it imports
TensorFlow, which is then already loaded.
"""

import contextlib
import gc
import os
import platform
import sys

from robust.error_message import fail
from robust.signals import end_at_once_on_signals, script_name

# 1.15 is the last 1.x; 2.15 is the last that contains everything the tutorials use.
VERSIONS = ("1.15", "2.15")


def runs_script():
    """Returns whether this process was started as one of the project's scripts, or a copy of one.

    A prompt, or a program that imports a script or runs it by runpy or %run, owns its process.
    """
    main = sys.modules["__main__"]
    path, loader = getattr(main, "__file__", None), getattr(main, "__loader__", None)
    # Python sets a loader; runpy and %run do not. `python -i` goes on with a prompt.
    if path is None or loader is None or sys.flags.inspect:
        return False
    try:
        with open(path, encoding="utf-8", errors="replace") as program:
            return "script.run(main)" in program.read()  # with which every script ends
    except OSError:
        return False


@contextlib.contextmanager
def explained_failure():
    """Explains in one line why an import of TensorFlow failed, and what to do.

    Raises:
      SystemExit: in a script.
      ImportError: elsewhere. TensorFlow, or something that it needs, is missing or another version.
    """
    try:
        yield
    except (ImportError, TypeError) as error:  # protobuf 4 raises TypeError
        python = ".".join(platform.python_version_tuple()[:2])
        # For other processors there are no packages of TensorFlow 1.15.
        option = "" if platform.machine() in ("x86_64", "AMD64") else "--python 3.11 "
        message = (
            f"TensorFlow {' or '.join(VERSIONS)} is needed, but Python {python} at "
            f"{sys.executable} does not have it ({str(error).splitlines()[0]}); `uv run {option}"
            f"{script_name()}` sets up all packages, and README.md shows how to do so without uv"
        )
        if runs_script():
            fail(message)
        raise ImportError(message) from error


def import_tensorflow():
    """Imports TensorFlow, and raises ImportError if it is another version."""
    import tensorflow

    if not tensorflow.__version__.startswith(VERSIONS):
        raise ImportError(f"this is TensorFlow {tensorflow.__version__}")


@contextlib.contextmanager
def no_garbage_sought():
    """Turns garbage collection off during an import, and excludes its objects afterwards.

    TensorFlow's objects live until the process ends. To search them for garbage again and again
    takes a third of a second.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


with explained_failure():
    if runs_script():
        # A signal during the import, too, ends the script with one line.
        end_at_once_on_signals()
        try:
            os.getcwd()
        except FileNotFoundError:
            fail("the current folder was deleted; change to one that exists")
        # TensorFlow 2 prints messages during its import. 0 or 1 in the environment shows them.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        with no_garbage_sought():
            import_tensorflow()
    else:
        import_tensorflow()
