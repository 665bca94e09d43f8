"""What every script does around its tutorial: flags, quiet, and one clear line for an error.

Imports nothing but the standard library at first, so that it can say what else is missing.
"""

import argparse
import contextlib
import errno
import gc
import logging
import math
import os
import re
import shlex
import sys
import threading
import time

from mnist.stop_on_signal import end_at_once_on_signals, script_name

LARGEST_COUNT = 10**9
LARGEST_BATCH = 60000  # all of MNIST's training images
LARGEST_SEED = 2**31 - 2


@contextlib.contextmanager
def explained_imports(module_name):
    """Makes an import of TensorFlow 1.15 that fails say why, and what to do, in one line.

    A script's imports are faster inside it. From then on Ctrl-C and SIGTERM end the script at once.

    Args:
      module_name: __name__ of the importing module. Run as a script it ends with exit code 1.

    Raises:
      ImportError: TensorFlow 1.15 or something it needs is missing or too new.
    """
    if module_name == "__main__":
        end_at_once_on_signals()
    try:
        with _no_garbage_sought() if module_name == "__main__" else contextlib.nullcontext():
            yield
        version = getattr(sys.modules.get("tensorflow"), "__version__", "1.15")
        if not version.startswith("1.15"):
            raise ImportError(f"this is TensorFlow {version}")
    except (ImportError, TypeError) as error:  # protobuf 4 raises TypeError
        python = ".".join(str(number) for number in sys.version_info[:2])
        message = (
            f"TensorFlow 1.15 is needed, but Python {python} at {sys.executable} does not have it "
            f"({str(error).splitlines()[0]}); `uv run {script_name()}` sets up all packages, and "
            "README.md shows how to do so without uv"
        )
        if module_name == "__main__":
            sys.exit(f"{script_name()}: error: {message}")
        raise ImportError(message) from error


@contextlib.contextmanager
def _no_garbage_sought():
    """Makes a script's imports, and its end, faster: what TensorFlow's import makes, stays.

    To look through it for garbage, again and again, takes a third of a second.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def flag_parser(
    description, max_steps, batch_size, learning_rate, seed_meaning="makes a run repeatable"
):
    """Returns a parser that refuses flags it does not know, with the flags of every script.

    Args:
      description: what the script does.
      max_steps: the tutorial's number of training steps.
      batch_size: the tutorial's number of examples per step.
      learning_rate: the tutorial's learning rate.
      seed_meaning: what a seed does.
    """
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)

    def add(name, kind, default, meaning):
        parser.add_argument(
            name, type=kind, default=default, help=f"{meaning} (default: {default})"
        )

    add_data_flags(parser)
    add("--max_steps", whole_number(1, LARGEST_COUNT), max_steps, "training steps")
    add("--batch_size", whole_number(1, LARGEST_BATCH), batch_size, "examples per step")
    add("--learning_rate", _rate, learning_rate, "of the optimizer")
    add_seed(parser, f"{seed_meaning} (default: each run differs)")
    return parser


def add_data_flags(parser):
    """Adds the flags --data_dir and --fake_data."""
    parser.add_argument(
        "--data_dir",
        type=path,
        default="MNIST_data",
        help="folder of the MNIST files, filled if need be (default: %(default)s)",
    )
    parser.add_argument(
        "--fake_data", action="store_true", help="take drawn digits, without MNIST or network"
    )


def add_seed(parser, meaning):
    """Adds the flag --seed."""
    parser.add_argument("--seed", type=whole_number(0, LARGEST_SEED), help=meaning)


def add_log_dir(parser, flag="--log_dir"):
    """Adds the flag of a script that resumes the training in that folder."""
    parser.add_argument(
        flag,
        type=path,
        help="folder for event files and checkpoints; the training in it is resumed "
        "(default: a new folder below logs)",
    )


def whole_number(least, most):
    """Returns the function that reads a flag's value as a whole number in a range."""

    def read(text):
        if not re.fullmatch(r"-?[0-9]{1,19}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from {least} to {most}"
            )
        return int(text)

    return read


def path(text):
    """Reads a flag's value as a path. `~` is expanded, which the shell leaves alone after `=`."""
    if not text:
        raise argparse.ArgumentTypeError("is empty, expected a path")
    return os.path.expanduser(text)


def _rate(text):
    # Python's own float also takes 1_000 and digits of other scripts.
    plain = re.fullmatch(r"[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?", text)
    value = float(text) if plain else math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number above 0")
    return value


def prepare_log_dir(log_dir, script=None):
    """Makes a folder for event files, and prints the command that shows them.

    Args:
      log_dir: path, or None for a new folder below logs.
      script: name of the script, for the new folder's name.

    Returns:
      the absolute path of the folder.

    Raises:
      OSError: the folder cannot be made or written to.
    """
    log_dir = _made(script) if log_dir is None else writable_folder(log_dir)
    print(f"logs and checkpoints are in {log_dir}")
    print(f"to see the graph and the curves: uv run tensorboard --logdir={shlex.quote(log_dir)}")
    return log_dir


def writable_folder(folder):
    """Makes a folder if it is not there, and returns its absolute path.

    Raises:
      OSError: the folder cannot be made or written to.
    """
    folder = os.path.abspath(folder)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(f"{folder}: is a file, expected a folder; name another folder")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{folder}: cannot make this folder ({error.strerror}); name another folder"
        ) from error
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder}: cannot write to this folder; name another folder")
    return folder


def _made(script):
    """Makes a new folder below logs, named after a script, and returns its absolute path."""
    first = os.path.join(writable_folder("logs"), time.strftime(f"{script}-%Y%m%d-%H%M%S"))
    folder, number = first, 1
    while True:
        try:
            os.mkdir(folder)
            return folder
        except FileExistsError:  # of a run that started in the same second
            number += 1
            folder = f"{first}-{number}"


def progress(steps):
    """Returns an iterator over a range of steps that shows a bar, on a terminal only."""
    from tqdm import tqdm

    return tqdm(steps, initial=steps.start, total=steps.stop, disable=None, leave=False)


def begin(flags, show_log=False):
    """Silences TensorFlow, and says so where the data are fake.

    What TensorFlow logs below errors is silenced unless TF_CPP_MIN_LOG_LEVEL is 0 or 1.

    Args:
      flags: parsed flags.
      show_log: show TensorFlow's log, but not its deprecation warnings.
    """
    if flags.fake_data:
        print("Fake data: the accuracy is that on drawn digits, not on MNIST.")
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") not in ("0", "1"):
        import tensorflow as tf

        if show_log:
            logging.getLogger("tensorflow").addFilter(_is_no_deprecation)
        verbosity = tf.compat.v1.logging.INFO if show_log else tf.compat.v1.logging.ERROR
        tf.compat.v1.logging.set_verbosity(verbosity)


def _is_no_deprecation(record):
    return "deprecated" not in str(record.msg)


def run(main):
    """Calls a script's main, and exits where it fails.

    The exit code is 1 for what a user can cause, after one line on stderr; 141 where nobody reads
    stdout any more; and 130 or 143 after Ctrl-C or SIGTERM, which end the process at once, but in
    a training that is saved.
    """
    from tqdm import tqdm

    from input_data import DownloadError, InvalidDataError
    from mnist.user_error import UserError

    end_at_once_on_signals()
    # tqdm's own lock is shared between processes; one that ends at once would leave it behind.
    tqdm.set_lock(threading.RLock())
    _prepare_streams()
    try:
        main()
        sys.stdout.flush()
    except DownloadError as error:
        command = " ".join(map(shlex.quote, sys.argv))
        _fail(f"{error}:\nuv run {command} --fake_data")
    except BrokenPipeError:
        # The reader of the output has all that it wants, as `head` has.
        _discard(sys.stdout)
        sys.exit(141)
    except (InvalidDataError, UserError, FloatingPointError) as error:
        _fail(str(error))
    except OSError as error:
        # Without a file name it comes from a file, or stdout, that was open already.
        full = error.errno == errno.ENOSPC and not error.filename
        _fail("cannot write: the disk is full; make room, or name another" if full else str(error))
    except UnicodeEncodeError as error:  # TensorFlow takes paths in UTF-8 only
        _fail(f"{error.object!r} is not text in UTF-8; name another file or folder")


def _prepare_streams():
    """Lets a script print whatever it has to say, into whatever it was started with."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, open until the end
        # A path may hold letters that the terminal's encoding lacks.
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _discard(stream):
    """Lets what is still to be written to a stream go nowhere, instead of failing again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fail(message):
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)
    sys.exit(f"{script_name()}: error: {message}")
