"""Classifies pictures of handwritten digits with a network that one of the scripts has trained.

    uv run mnist_deep.py --log_dir logs/deep
    uv run classify_digits.py logs/deep handwriting_samples/three.png handwriting_samples/seven.jpg

prints the digit for each picture, and the probabilities of all ten digits. If an answer is in
doubt, it says why. --seen FOLDER writes the 28x28 pictures that the network saw into a folder. The
pictures that cannot be read are named at the end.
"""

import io
import os
import sys
import warnings

import training.explained_import  # noqa: F401, says which package is missing

import numpy
from PIL import Image

from digits.handwriting import SIZE, PictureError, read_digit
from digits.network import Network
from training import script
from training.checkpoints import writable_folder
from training.flags import Parser, path
from training.process import shown

# Measured on MNIST's test images with the deep network after 2,500 steps, when 98% of its answers
# are right: 71% of the wrong answers have a lower probability, and 3% of the right ones.
LEAST_PROBABILITY = 0.8


def parse_flags(argv):
    parser = Parser(
        description="Classifies pictures of handwritten digits. Warns if the best probability is "
        f"below {LEAST_PROBABILITY}, if the ink touches the frame, if there seem to be several "
        "digits, or if it hardly looks like a digit."
    )
    parser.add_argument("run_dir", type=path, help="folder of a run of one of the four scripts")
    parser.add_argument(
        "pictures",
        nargs="+",
        type=path,
        metavar="picture",
        help="PNG, JPEG, BMP or WebP picture of one digit",
    )
    parser.add_argument(
        "--seen",
        type=path,
        metavar="FOLDER",
        help=f"write each picture as the network saw it, {SIZE}x{SIZE} pixels, white on black, "
        "into this folder; no file in it is overwritten",
    )
    return parser.parse_args(argv)


def answer(probabilities, doubts):
    """Returns the digit and any doubts as text, such as "3, but the ink touches the frame".

    Args:
      probabilities: array of shape [10].
      doubts: list of texts, the doubts about the picture.
    """
    if probabilities.max() < LEAST_PROBABILITY:
        doubts = [*doubts, f"its probability is only {probabilities.max():.2f}"]
    return f"{probabilities.argmax()}{', but ' if doubts else ''}{' and '.join(doubts)}"


def write_seen(folder, path, pixels):
    """Writes the picture that the network saw, without overwriting a file.

    Args:
      folder: path of the folder to write to.
      path: path of the original picture. three.jpg becomes three-seen.png; if that exists,
        three-seen-2.png, and so on.
      pixels: array of shape [28, 28] on the scale from 0, black, to 1, white.

    Returns:
      path of the file. A file that already has this content is not written again.

    Raises:
      OSError: the file cannot be written.
    """
    content = io.BytesIO()
    Image.fromarray(numpy.round(255 * pixels).astype(numpy.uint8)).save(content, "PNG")
    name, _ = os.path.splitext(os.path.basename(path))
    seen, number = os.path.join(folder, f"{name}-seen.png"), 1
    while os.path.lexists(seen):
        if _holds(seen, content.getvalue()):
            return seen
        number += 1
        seen = os.path.join(folder, f"{name}-seen-{number}.png")
    with open(seen, "xb") as file:
        file.write(content.getvalue())
    return seen


def _holds(path, content):
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read() == content


@script.takes_flags(parse_flags)
def main(flags):
    warnings.filterwarnings("ignore", module="PIL")  # of pictures that are refused, or still read
    network = Network(flags.run_dir)
    if flags.seen is not None:
        writable_folder(flags.seen)
    answered, problems = [], []
    for picture in flags.pictures:
        try:
            digit = read_digit(picture)
        except PictureError as error:
            problems.append(error)
            continue
        (probabilities,) = network.probabilities(digit.pixels.reshape(1, -1))
        of_each = "  ".join(f"{number}: {p:.4f}" for number, p in enumerate(probabilities))
        print(f"{picture}: {answer(probabilities, digit.doubts)}\n    {of_each}")
        if flags.seen is not None:
            print(f"    seen: {write_seen(flags.seen, picture, digit.pixels)}")
        answered.append(probabilities)
    for problem in problems[:-1]:
        print(shown(str(problem)), file=sys.stderr)
    if problems:
        raise problems[-1]
    return numpy.stack(answered)


if __name__ == "__main__":
    script.run(main)
