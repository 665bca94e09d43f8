"""Classifies pictures of handwritten digits with a network that one of the scripts has trained.

    uv run mnist_deep.py --log_dir logs/deep
    uv run classify_digits.py logs/deep three.png seven.jpg

prints, for each picture, the digit and the probability of each digit.
"""

import argparse

from robust import command_line, script

import numpy

from trained.handwriting import read_picture
from trained.network import Network


def parse_flags(argv):
    parser = argparse.ArgumentParser(
        description="Classifies pictures of handwritten digits.", allow_abbrev=False
    )
    parser.add_argument(
        "run_dir", type=command_line.path, help="folder of a run of one of the four scripts"
    )
    parser.add_argument(
        "pictures",
        nargs="+",
        type=command_line.path,
        metavar="picture",
        help="PNG or JPEG picture of one digit",
    )
    return parser.parse_args(argv)


@script.takes_flags(parse_flags)
def main(flags):
    pictures = numpy.stack([read_picture(path) for path in flags.pictures])
    probabilities = Network(flags.run_dir).probabilities(pictures)
    for path, of_each in zip(flags.pictures, probabilities):
        shown = "  ".join(f"{digit}: {p:.4f}" for digit, p in enumerate(of_each))
        print(f"{path}: {of_each.argmax()}\n    {shown}")
    return probabilities


if __name__ == "__main__":
    script.run(main)
