"""Imports TensorFlow as `tf`: fast, quietly, and with one line that explains why it failed."""

import contextlib
import gc
import os
import platform
import sys

from training.process import end_at_once_on_signals, fail, runs_script, script_name


@contextlib.contextmanager
def explained_failure():
    """Explains in one line why an import of TensorFlow failed, and what to do.

    Raises:
      SystemExit: in a script.
      ImportError: elsewhere. TensorFlow, or something that it needs, is missing or does not fit.
    """
    try:
        yield
    except (ImportError, TypeError) as error:  # protobuf 4 raises TypeError
        python = ".".join(platform.python_version_tuple()[:2])
        # For other processors there are no packages of TensorFlow 1.15.
        option = "" if platform.machine() in ("x86_64", "AMD64") else "--python 3.13 "
        message = (
            f"TensorFlow 1.15 or 2.21 is needed, but Python {python} at {sys.executable} does not "
            f"have it ({str(error).splitlines()[0]}); `uv run {option}{script_name()}` sets up all "
            "packages, and README.md shows how to do so without uv"
        )
        if runs_script():
            fail(message)
        raise ImportError(message) from error


@contextlib.contextmanager
def unneeded_packages_hidden():
    """Hides packages that TensorFlow imports if it finds them, and that its users here do without.

    Keras 3 imports Matplotlib's pyplot, which takes a second. Afterwards each can be imported.
    """
    hidden = [name for name in ("keras", "scipy") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # None: not to be found
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


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
    # TensorFlow 2 prints messages during its import. 0 or 1 in the environment shows them.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if runs_script():
        # A signal during the import, too, ends the script with one line.
        end_at_once_on_signals()
        try:
            os.getcwd()
        except FileNotFoundError:
            fail("the current folder was deleted; change to one that exists")
        with no_garbage_sought(), unneeded_packages_hidden():
            import tensorflow.compat.v1 as tf
    else:
        import tensorflow.compat.v1 as tf  # noqa: F401
