"""What every script does around its tutorial: flags, quiet, and one clear line for an error.

Imports nothing but the standard library at first, so that it can say what else is missing.
"""

import argparse
import contextlib
import math
import os
import shlex
import sys

LARGEST_COUNT = 10**9
LARGEST_SEED = 2**31 - 2


@contextlib.contextmanager
def explained_imports(module_name):
    """Makes an import of TensorFlow 1.15 that fails say why, and what to do, in one line.

    Args:
      module_name: __name__ of the importing module. Run as a script it ends with exit code 1.

    Raises:
      ImportError: TensorFlow 1.15 or something it needs is missing or too new.
    """
    try:
        yield
        version = getattr(sys.modules.get("tensorflow"), "__version__", "1.15")
        if not version.startswith("1.15"):
            raise ImportError(f"this is TensorFlow {version}")
    except (ImportError, TypeError) as error:  # protobuf 4 raises TypeError
        python = ".".join(str(number) for number in sys.version_info[:2])
        message = (
            f"the tutorials need TensorFlow 1.15, which Python {python} at {sys.executable} does "
            f"not give them ({str(error).splitlines()[0]}); `uv run {_script()}` sets up all that "
            "they need, and README.md tells the way without uv"
        )
        if module_name == "__main__":
            sys.exit(f"{_script()}: error: {message}")
        raise ImportError(message) from error


def flag_parser(description):
    """Returns a parser that refuses flags it does not know, with the flags of every script."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument(
        "--data_dir",
        default="MNIST_data",
        help="folder of the MNIST files, filled if need be (default: %(default)s)",
    )
    parser.add_argument(
        "--fake_data", action="store_true", help="train on drawn digits, without MNIST or network"
    )
    parser.add_argument(
        "--seed", type=seed, help="makes a run repeatable (default: each run differs)"
    )
    return parser


def count(text):
    """Reads a flag's value as a whole number from 1 up."""
    return _in_range(int(text), 1, LARGEST_COUNT)


def seed(text):
    """Reads a flag's value as a seed for numpy and TensorFlow."""
    return _in_range(int(text), 0, LARGEST_SEED)


def rate(text):
    """Reads a flag's value as a finite number above 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a finite number above 0")
    return value


def _in_range(number, least, most):
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{number} is not between {least} and {most}")
    return number


def quiet_tensorflow():
    """Silences what TensorFlow logs below errors, unless TF_CPP_MIN_LOG_LEVEL is 0 or 1."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") not in ("0", "1"):
        import tensorflow as tf

        tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)


def run(main):
    """Calls a script's main and exits, with one line on stderr where a user can cause the error."""
    from input_data import DownloadError, InvalidDataError

    try:
        main()
    except DownloadError as error:
        _fail(f"{error}:\nuv run {shlex.quote(sys.argv[0])} --fake_data")
    except (InvalidDataError, FloatingPointError, OSError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print(f"{_script()}: interrupted", file=sys.stderr)
        sys.exit(130)


def _fail(message):
    sys.exit(f"{_script()}: error: {message}")


def _script():
    return os.path.basename(sys.argv[0])
