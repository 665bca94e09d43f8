"""Brings a picture of a handwritten digit to the form that MNIST's pictures have.

MNIST's digits are white on black, fitted into 20x20 pixels without changing their proportions,
and centred by mass in 28x28 pixels. Source: Yann LeCun's page on MNIST.
"""

import struct

from robust.errors import UserError

import numpy
from PIL import Image, ImageOps

SIZE = 28
BOX = 20
LARGEST_PICTURE = 50_000_000  # pixels: more than cameras take, and 200 MB in memory
WORKING_SIZE = 1000  # longest side of the picture in which the digit is looked for
LEAST_CONTRAST = 40  # grey values of 255 between paper and ink
PAPER = 0.3  # what is this much of the strongest ink, or less, is taken for paper


class PictureError(UserError):
    """A file that is not a picture of a digit."""


def read_picture(path):
    """Reads a picture of one digit, dark on light or light on dark.

    Args:
      path: path of a PNG or JPEG file.

    Returns:
      float32 array of shape [784] on the scale from 0, paper, to 1, ink.

    Raises:
      PictureError: the file cannot be read, is enormous, or shows nothing.
    """
    try:
        with open(path, "rb") as file, Image.open(file, formats=("PNG", "JPEG")) as picture:
            width, height = picture.size
            if width * height > LARGEST_PICTURE:
                raise PictureError(
                    f"{path}: is {width} x {height} pixels large, expected at most "
                    f"{LARGEST_PICTURE}; make it smaller"
                )
            grey = _grey_values(ImageOps.exif_transpose(picture))
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError(f"{path}: there is no such file; name a PNG or JPEG picture") from error
    # All but the first are Pillow's, for one or the other kind of damage.
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise PictureError(
            f"{path}: cannot be read as a PNG or JPEG picture ({error}); name another"
        ) from error
    try:
        return digit_of(grey).reshape(-1)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error


def digit_of(grey):
    """Finds the digit in a picture and brings it to MNIST's form.

    Args:
      grey: array of shape [rows, columns], on the scale from 0, black, to 255, white.

    Returns:
      float32 array of shape [28, 28] on the scale from 0, paper, to 1, ink.

    Raises:
      PictureError: the picture is blank.
    """
    ink = _ink(_scaled(numpy.asarray(grey, numpy.float32), WORKING_SIZE, grow=False))
    rows, columns = (numpy.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    digit = _scaled(digit, BOX, grow=True)
    return _centred(numpy.clip(digit / digit.max(), 0, 1))


def _grey_values(picture):
    """Returns grey values from 0 to 255, with what is transparent on white or, if lost, black."""
    if picture.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        return numpy.asarray(picture, numpy.float32) / 257
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return numpy.asarray(picture.convert("L"), numpy.float32)
    picture = picture.convert("RGBA")
    for background in ("white", "black"):
        paper = Image.new("RGBA", picture.size, background)
        grey = numpy.asarray(Image.alpha_composite(paper, picture).convert("L"), numpy.float32)
        if numpy.ptp(grey) >= LEAST_CONTRAST:
            break
    return grey


def _scaled(array, size, grow):
    """Returns an array whose longest side has a size, or at most that, in proportion."""
    factor = size / max(array.shape)
    if factor >= 1 and not grow:
        return array
    rows, columns = (max(1, round(length * factor)) for length in array.shape)
    return numpy.asarray(Image.fromarray(array).resize((columns, rows), Image.BOX))


def _ink(grey):
    """Returns how much ink there is, from 0 to 255, on paper of whatever brightness."""
    frame = numpy.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = numpy.median(frame)
    darker, lighter = paper - grey.min(), grey.max() - paper
    ink = paper - grey if darker > lighter else grey - paper
    if max(darker, lighter) < LEAST_CONTRAST:
        raise PictureError(
            f"shows nothing: its grey values differ by {numpy.ptp(grey):.0f} of 255 only; write "
            "darker, or on lighter paper"
        )
    return numpy.where(ink > PAPER * ink.max(), ink, 0)


def _centred(digit):
    """Puts a digit of up to 20x20 pixels where its centre of mass is in the middle of 28x28."""
    picture = numpy.zeros((SIZE, SIZE), numpy.float32)
    corner = []
    for axis in (0, 1):
        mass = digit.sum(axis=1 - axis)
        centre = (mass * numpy.arange(len(mass))).sum() / mass.sum()
        corner.append(int(numpy.clip(round(SIZE / 2 - centre), 0, SIZE - len(mass))))
    rows, columns = digit.shape
    picture[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns] = digit
    return picture
