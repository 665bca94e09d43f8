"""Imports TensorFlow ahead of a script: quickly, quietly, and with one line where it is missing.

The package imports this module before all others, so that `import tensorflow.compat.v1 as tf` in a
script, below its first import from `robust`, finds TensorFlow there.
"""

import contextlib
import gc
import os
import platform
import sys

from robust.signals import end_at_once_on_signals, script_name

# The last that has the tutorials' interface as its own, and the last that has all of it at all.
VERSIONS = ("1.15", "2.15")


def runs_script():
    """Tells whether this process was started as one of the project's scripts, and not to import."""
    script = getattr(sys.modules["__main__"], "__file__", None)  # None at a prompt
    project = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return script is not None and os.path.dirname(os.path.abspath(script)) == project


@contextlib.contextmanager
def explained_failure():
    """Makes an import of TensorFlow that fails say why, and what to do, in one line.

    Raises:
      SystemExit: in a script.
      ImportError: elsewhere. TensorFlow, or something that it needs, is missing or another version.
    """
    try:
        yield
    except (ImportError, TypeError) as error:  # protobuf 4 raises TypeError
        python = ".".join(platform.python_version_tuple()[:2])
        # Others have no packages of TensorFlow 1.15.
        option = "" if platform.machine() in ("x86_64", "AMD64") else "--python 3.11 "
        message = (
            f"TensorFlow {' or '.join(VERSIONS)} is needed, but Python {python} at "
            f"{sys.executable} does not have it ({str(error).splitlines()[0]}); `uv run {option}"
            f"{script_name()}` sets up all packages, and README.md shows how to do so without uv"
        )
        if runs_script():
            sys.exit(f"{script_name()}: error: {message}")
        raise ImportError(message) from error


def import_tensorflow():
    """Imports TensorFlow, and raises ImportError where it is of a version that will not do."""
    import tensorflow

    if not tensorflow.__version__.startswith(VERSIONS):
        raise ImportError(f"this is TensorFlow {tensorflow.__version__}")


@contextlib.contextmanager
def no_garbage_sought():
    """Makes a script's imports, and its end, faster: what TensorFlow's import makes, stays.

    To look through it for garbage, again and again, takes a third of a second.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


with explained_failure():
    if runs_script():
        # From here on, long before a script's own first line, a signal ends it in one line.
        end_at_once_on_signals()
        # TensorFlow 2 has messages from its import on. 0 or 1 in the environment shows them.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        with no_garbage_sought():
            import_tensorflow()
    else:
        import_tensorflow()
