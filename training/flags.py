"""Parses the command line of a script, and refuses values that make no sense."""

import argparse
import difflib
import math
import os
import re

# What other programs call a flag. Spelling alone would not find it.
SYNONYMS = {"lr": "learning_rate", "steps": "max_steps", "epochs": "max_steps"}
LARGEST_COUNT = 10**9
LARGEST_BATCH = 60000  # all of MNIST's training images
LARGEST_SEED = 2**31 - 2


class Parser(argparse.ArgumentParser):
    """A parser that refuses unknown flags, and says which known flag may be meant."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args=None, namespace=None):
        flags, unknown = super().parse_known_args(args, namespace)
        if unknown:
            near = dict.fromkeys(filter(None, map(self._near, unknown)))
            hint = f"; did you mean {' and '.join(near)}?" if near else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return flags, unknown

    def _near(self, word):
        """Returns the flag that a word may stand for, or None."""
        name = word.strip("-").partition("=")[0].lower()
        known = [flag[2:] for flag in self._option_string_actions if flag.startswith("--")]
        near = [SYNONYMS.get(name), *difflib.get_close_matches(name, known, 1)]
        return next((f"--{flag}" for flag in near if flag in known), None)


def training_parser(description, max_steps, batch_size, learning_rate, log_dir):
    """Returns a parser with the flags that all trainings share.

    Args:
      description: what the script does.
      max_steps: the tutorial's number of training steps.
      batch_size: the tutorial's number of examples per step.
      learning_rate: the tutorial's learning rate.
      log_dir: default of --log_dir (see add_log_dir).
    """
    parser = Parser(description=description)

    def add(name, kind, default, meaning):
        parser.add_argument(
            name, type=kind, default=default, help=f"{meaning} (default: {default})"
        )

    add_data_flags(parser)
    add("--max_steps", whole_number(1, LARGEST_COUNT), max_steps, "training steps")
    add("--batch_size", whole_number(1, LARGEST_BATCH), batch_size, "examples per step")
    add("--learning_rate", _rate, learning_rate, "learning rate of the optimizer")
    add_seed(
        parser,
        "makes a run repeatable, but for the order of an Estimator's batches (default: each run "
        "differs)",
    )
    add_log_dir(parser, log_dir)
    return parser


def add_data_flags(parser):
    """Adds the flags --data_dir and --fake_data."""
    parser.add_argument(
        "--data_dir",
        type=path,
        default="MNIST_data",
        help="folder of the MNIST files; missing ones are downloaded (default: %(default)s)",
    )
    parser.add_argument(
        "--fake_data", action="store_true", help="use drawn digits, without MNIST or a network"
    )


def add_seed(parser, meaning):
    """Adds the flag --seed."""
    parser.add_argument("--seed", type=whole_number(0, LARGEST_SEED), help=meaning)


def add_log_dir(parser, default):
    """Adds the flag --log_dir, or --model_dir, for the folder in which a training is saved.

    Args:
      parser: the script's parser.
      default: path or None. {time} in it is replaced by the time (see checkpoints.prepare).
    """
    parser.add_argument(
        "--log_dir",
        "--model_dir",
        metavar="FOLDER",
        type=path,
        default=default,
        help="folder for event files and checkpoints; the training in it is resumed "
        f"(default: {default or 'none are written'})",
    )


def whole_number(least, most):
    """Returns a function that parses a flag's value as a whole number in a range."""

    def read(text):
        if not re.fullmatch(r"-?[0-9]{1,19}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from {least} to {most}"
            )
        return int(text)

    return read


def path(text):
    """Parses a flag's value as a path. Expands `~`, which the shell does not do after `=`."""
    if not text:
        raise argparse.ArgumentTypeError("is empty, expected a path")
    return os.path.expanduser(text)


def _rate(text):
    # float() also accepts 1_000, and digits of other alphabets.
    plain = re.fullmatch(r"[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?", text)
    value = float(text) if plain else math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number above 0")
    return value
