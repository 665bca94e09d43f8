"""Converts a picture of a handwritten digit to the form of MNIST's pictures.

MNIST's digits are white on black, scaled into 20x20 pixels without changing their proportions,
and centred by mass in 28x28 pixels. Source: Yann LeCun's page on MNIST.

In a photo the light is uneven, and the digit is not alone. The brightness of the paper is estimated
at each pixel. Ruled lines are removed, and so is what touches the frame. Of the remaining strokes,
those that look most like a digit are used, together with the strokes close to them.
"""

import struct
from typing import List, NamedTuple

import numpy
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from training.process import UserError

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
SIZE = 28
BOX = 20
LARGEST_PICTURE = 50_000_000  # pixels: more than a camera's, and 200 MB in memory
SEARCH_SIZE = 400  # longest side of the picture in which the digit is searched
READING_SIZE = 1200  # longest side of the picture from which its ink is then read
LEAST_CONTRAST = 40  # grey values of 255 between paper and ink
DARKEST_PAPER = 30  # grey value; in deeper shadows there is more noise than light
PAPER = 0.3  # of the strongest ink: up to this share, a pixel counts as paper
SURE_INK = 0.4  # of the strongest ink: above this share, a pixel can belong to a digit

# Shares of the picture's longest side.
THICKEST_STROKE = 0.25
SMALLEST_DIGIT = 0.04
THICKEST_LINE = 0.03  # of ruled lines

# Ruled lines of a tilted sheet.
STEEPEST_LINE = 0.08  # rows per column: 4.6 degrees
LINE_COVER = 0.5  # least share of the picture's width that a line covers

# Strokes beside the main stroke of a digit.
NEAR = 0.12  # of the main stroke's length: a stroke this close belongs to the same digit
OTHER_DIGIT = 0.5  # of its length: a stroke further away, and longer than this, is another digit
WIDEST_DIGIT = 1.25  # of its height: 2% of MNIST's are wider; most such shapes are two digits

# Likeness to a digit, from 0 to 1. Drawn digits have 0.2 or more, noise up to 0.11.
LEAST_LIKENESS = 0.05
CLEAR_LIKENESS = 0.15
SLIM = 8  # length divided by thickness; beyond this, a shape is not more like a digit
EDGE = 4  # pixels from paper to ink at a sharp edge, in a picture of SEARCH_SIZE

MOST_PARTS = 10  # parts of the picture that are compared with a digit
MOST_LOOKS = 3

# Doubts.
TOUCHES_THE_FRAME = "the ink touches the frame"
SEVERAL_DIGITS = "there seem to be several digits"
HARDLY_A_DIGIT = "it hardly looks like a digit"


class PictureError(UserError):
    """A file that is not a picture of a digit."""


class Digit(NamedTuple):
    """A digit that was found in a picture.

    Attributes:
      pixels: float32 array of shape [28, 28] on the scale from 0, paper, to 1, ink.
      doubts: reasons to doubt that this is one whole digit: a list of TOUCHES_THE_FRAME,
        SEVERAL_DIGITS and HARDLY_A_DIGIT, in that order.
    """

    pixels: numpy.ndarray
    doubts: List[str]


def read_digit(path):
    """Reads a picture of one digit, dark on light or light on dark.

    Args:
      path: path of a PNG, JPEG, BMP or WebP file.

    Returns:
      a Digit.

    Raises:
      PictureError: the file cannot be read, is enormous, or shows nothing.
    """
    try:
        with open(path, "rb") as file, Image.open(file, formats=FORMATS) as picture:
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
        raise PictureError(
            f"{path}: there is no such file; check the spelling, and the folder that you are in"
        ) from error
    # Pillow raises all but the first, depending on the damage.
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or error
        found = "" if isinstance(error, UnidentifiedImageError) else f" ({reason})"
        raise PictureError(
            f"{path}: cannot be read as a PNG, JPEG, BMP or WebP picture{found}; convert it to PNG "
            "or JPEG, or name another"
        ) from error
    try:
        return find_digit(grey)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error


def find_digit(grey):
    """Finds the digit in a picture and brings it to MNIST's form.

    Args:
      grey: array of shape [rows, columns], on the scale from 0, black, to 255, white.

    Returns:
      a Digit.

    Raises:
      PictureError: the picture is blank.
    """
    grey = numpy.asarray(grey, numpy.float32)
    small = _scaled(grey, SEARCH_SIZE, grow=False)
    if max(small.shape) == SEARCH_SIZE:  # a smaller picture would lose detail
        small = _smoothed(small)
    dark, light = _figure(small), _figure(255 - small)
    if max(dark.likeness, light.likeness) < LEAST_LIKENESS:
        raise PictureError(
            f"shows nothing like a digit, expected strokes at least {LEAST_CONTRAST} of 255 grey "
            "values darker, or lighter, than the paper around them; write larger and darker"
        )
    if dark.likeness >= light.likeness:
        return Digit(_read_off(grey, dark), dark.doubts)
    return Digit(_read_off(255 - grey, light), light.doubts)


class _Figure(NamedTuple):
    """The ink that may be the digit, in the picture in which it is looked for.

    Attributes:
      area: bool array of shape [rows, columns], True where its ink is.
      paper: float32 array of that shape, the grey value of the bare paper there.
      likeness: how much it looks like a digit, from 0 to 1.
      doubts: see Digit.
    """

    area: numpy.ndarray
    paper: numpy.ndarray
    likeness: float
    doubts: List[str]


class _Part(NamedTuple):
    """A connected area of ink.

    Attributes:
      label: its number, from 1.
      mass: sum of its ink.
      length: its width or height in pixels, whichever is larger.
      touches: whether it touches the picture's frame.
    """

    label: int
    mass: float
    length: int
    touches: bool


def _figure(grey):
    """Finds the ink that may be the digit, dark on light, in a float32 array of grey values."""
    paper = _paper(grey)
    ink = _ink(grey, paper)
    best = _Figure(numpy.zeros(grey.shape, bool), paper, 0, [])
    for _ in range(MOST_LOOKS):
        if ((paper - grey) * (ink > 0)).max() < LEAST_CONTRAST:
            break
        labels = _labels(_without_lines(ink))
        parts = _parts(labels, ink)
        if parts:
            figure = _assembled(parts, labels, grey, paper)
            best = max(best, figure, key=lambda figure: figure.likeness)
        touching = [part.label for part in parts if part.touches]
        if not touching:
            break
        # A table around the sheet may be darker than the ink. Without it, the ink is found.
        ink = numpy.where(_largest_around(numpy.isin(labels, touching), 2), 0, ink)
    return best


def _assembled(parts, labels, grey, paper):
    """Returns the figure made of the part most like a digit, and of the parts that belong to it."""
    largest = sorted(parts, key=lambda part: part.mass)[-MOST_PARTS:]
    likeness = {part: _likeness(labels == part.label, grey, paper) for part in largest}
    # A part that touches the frame rarely belongs to the digit.
    main = max(largest, key=lambda part: part.mass * likeness[part] * (0.1 if part.touches else 1))
    near = _largest_around(labels == main.label, round(NEAR * main.length))
    near = set(numpy.unique(labels[near]))
    strokes, others = [main.label], 0
    for part in parts:
        if part is main or (part.touches and not main.touches):
            continue
        if part.label in near:
            strokes.append(part.label)
        elif part.length > OTHER_DIGIT * main.length:
            others += likeness.get(part, 0) > 0.3 * likeness[main]
    area = numpy.isin(labels, strokes)
    of_all = _likeness(area, grey, paper) * (0.5 if main.touches else 1)
    rows, columns = _extent(area)
    wide = columns.stop - columns.start > WIDEST_DIGIT * (rows.stop - rows.start)
    doubts = {
        TOUCHES_THE_FRAME: main.touches,
        SEVERAL_DIGITS: others or wide,
        HARDLY_A_DIGIT: of_all < CLEAR_LIKENESS,
    }
    return _Figure(area, paper, of_all, [doubt for doubt, holds in doubts.items() if holds])


def _likeness(area, grey, paper):
    """Returns how much an area of ink looks like a digit, from 0 to 1.

    A digit is large, and long compared with its thickness. Its edges are sharp, and paper surrounds
    it. Other shapes fail one of these: the hole of a 0 and a sheet on a dark table are too thick,
    the bay of a 3 has paper on one side only, and a shadow has no sharp edges.
    """
    rows, columns = _extent(area)
    length = max(rows.stop - rows.start, columns.stop - columns.start)
    size = length / max(area.shape)
    margin = 1 + round(0.15 * length)
    top, left = max(0, rows.start - margin), max(0, columns.start - margin)
    window = slice(top, rows.stop + margin), slice(left, columns.stop + margin)
    area, grey, paper = area[window], grey[window], paper[window]
    frame = numpy.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    surrounded = (frame > (numpy.median(paper[area]) + numpy.median(grey[area])) / 2).mean()
    rim = area & _largest_around(~area, 1)
    sharp = (_largest_around(grey, EDGE) - grey > (paper - grey) / 2)[rim].mean()
    slim = min(length / _thickness(area) / SLIM, 1)
    return float((slim * sharp * surrounded) ** 2 * size**0.5)


def _thickness(area):
    """Returns the thickness of strokes, in pixels.

    Half of a stroke's area is within a quarter of its thickness from the rim.
    """
    inner, quarters = numpy.pad(area, 1, mode="constant"), 0
    while 2 * inner.sum() > area.sum():
        inner = ~_largest_around(~inner, 1)
        quarters += 1
    return 4 * quarters - 2


def _extent(area):
    """Returns the slices of rows and columns that contain an area."""
    rows, columns = (numpy.flatnonzero(area.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _paper(grey):
    """Returns the grey value of the paper at each pixel, without what is written on it.

    This is a morphological closing with an octagon as wide as the thickest stroke. It fills dark
    shapes that are narrower than the octagon. The edge of a shadow stays sharp, at its place.
    """
    reach = THICKEST_STROKE * max(grey.shape) / 2
    # Lines of these lengths, one swept along the other, span an octagon with equal sides.
    straight, diagonal = max(1, round(0.414 * reach)), round(0.293 * reach)
    lines = [(straight, (1, 0)), (straight, (0, 1)), (diagonal, (1, 1)), (diagonal, (1, -1))]
    for line in lines:
        grey = _largest_along(grey, *line)
    for line in lines:
        grey = -_largest_along(-grey, *line)
    return grey


def _ink(grey, paper):
    """Returns the strength of the ink, from 0 to 1: the share of the paper's light that it absorbs.

    Ink is therefore as strong in a shadow as outside.
    """
    return (paper - grey) / numpy.maximum(paper, DARKEST_PAPER)


def _without_lines(ink):
    """Returns a mask of sure ink, without the lines that cross the whole picture."""
    # With the limit for sure ink, a weak line would be found in pieces only.
    mask = ink > PAPER * ink.max()
    lines = _level_lines(mask) | _level_lines(mask.T).T
    return (ink > SURE_INK * ink.max()) & ~lines


def _level_lines(mask):
    """Returns a mask of thin lines from left to right, without the strokes that cross them.

    A Hough transform finds the lines, as points (slope, row) shared by many pixels. Where the ink
    is much higher than a line is thick, a stroke crosses the line.

    Args:
      mask: bool array of shape [rows, columns], where there is ink.

    Returns:
      bool array of that shape.
    """
    height, width = mask.shape
    rows, columns = numpy.nonzero(mask)
    most_drift = int(STEEPEST_LINE * width / 2) + 1  # rows from the middle to the end of a line
    count = height + 2 * most_drift
    ends = columns < 0.1 * width, columns >= 0.9 * width
    in_line = numpy.zeros(len(rows), bool)
    for drift in range(-most_drift, most_drift + 1):
        # The row where a line of this slope through a pixel crosses the middle of the picture.
        middle = rows - numpy.round(drift * (2 * columns / width - 1)).astype(int) + most_drift
        is_line = numpy.bincount(middle, minlength=count) >= LINE_COVER * width
        for end in ends:
            is_line &= numpy.bincount(middle[end], minlength=count) > 0
        in_line |= is_line[middle]
    nothing = numpy.zeros_like(mask)
    if not in_line.any():
        return nothing
    run = _runs(mask)
    thickness = numpy.median(run[rows[in_line], columns[in_line]])
    if thickness > THICKEST_LINE * max(mask.shape):
        return nothing
    lines = nothing.copy()
    lines[rows[in_line], columns[in_line]] = True
    # The upper and lower rim of a line may not share a point.
    lines = _largest_around(lines, 1) & mask & (run <= 1.6 * thickness + 1)
    number = numpy.median((lines[1:] & ~lines[:-1]).sum(axis=0))
    rest = mask & ~lines
    if number < 2 and (not rest.any() or thickness > 0.7 * _thickness(rest)):
        return nothing  # this is the bar of a closely cropped 7
    return lines


def _runs(mask):
    """Returns, for each pixel of a mask, the length of the vertical run that it is part of."""
    above = numpy.zeros_like(mask)
    above[1:] = mask[:-1]
    run = numpy.cumsum(mask & ~above, axis=0) * mask.shape[1] + numpy.arange(mask.shape[1])
    return numpy.where(mask, numpy.bincount(run[mask], minlength=run.max() + 1)[run], 0)


def _labels(mask):
    """Numbers the connected areas of a mask. Pixels that share a corner are connected.

    Args:
      mask: bool array of shape [rows, columns].

    Returns:
      int array of that shape: numbers from 1, and 0 where the mask is False.
    """
    # First, the runs of pixels along the rows are numbered. Then each run takes the largest number
    # of the runs that it touches, until all runs of an area have the same number.
    before = numpy.zeros_like(mask)
    before[:, 1:] = mask[:, :-1]
    runs = numpy.where(mask, numpy.cumsum(mask & ~before, dtype=numpy.int64).reshape(mask.shape), 0)
    count = runs.max() + 1
    above, below = runs[:-1], runs[1:]
    pairs = [(above, below), (above[:, 1:], below[:, :-1]), (above[:, :-1], below[:, 1:])]
    touching = numpy.concatenate([(a * count + b)[(a > 0) & (b > 0)] for a, b in pairs])
    upper, lower = numpy.divmod(numpy.unique(touching), count)
    numbers = numpy.arange(count)
    while True:
        known = numbers.copy()
        numpy.maximum.at(numbers, upper, known[lower])
        numpy.maximum.at(numbers, lower, known[upper])
        numbers = numbers[numbers]  # the run of that number may have a larger number by now
        if (numbers == known).all():
            break
    _, numbers = numpy.unique(numbers, return_inverse=True)
    return numbers[runs]


def _parts(labels, ink):
    """Returns the parts that are large enough to belong to a digit, as a list of _Part."""
    count = labels.max() + 1
    rows, columns = numpy.nonzero(labels)
    of_pixel = labels[rows, columns]
    mass = numpy.bincount(of_pixel, ink[rows, columns], count)
    length = numpy.zeros(count, int)
    for places in (rows, columns):
        first, last = numpy.full(count, max(labels.shape)), numpy.zeros(count, int)
        numpy.minimum.at(first, of_pixel, places)
        numpy.maximum.at(last, of_pixel, places)
        length = numpy.maximum(length, last - first + 1)
    frame = set(numpy.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return [
        _Part(label, mass[label], int(length[label]), label in frame)
        for label in numpy.flatnonzero(length >= SMALLEST_DIGIT * max(labels.shape))
    ]


def _read_off(grey, figure):
    """Returns the ink of a figure as float32 array of shape [28, 28], from 0 to 1."""
    grey = _scaled(grey, READING_SIZE, grow=False)
    paper = _resized(figure.paper, grey.shape, Image.BILINEAR)
    # The rim of a stroke is weaker than sure ink.
    area = _resized(_largest_around(figure.area, 2), grey.shape, Image.NEAREST)
    ink = numpy.where(area, _ink(grey, paper), 0)
    ink = numpy.where(ink > PAPER * ink.max(), ink, 0)
    digit = _scaled(ink[_extent(ink > 0)], BOX, grow=True)
    return _centred(numpy.clip(digit / digit.max(), 0, 1))


def _centred(digit):
    """Returns 28x28 pixels with a digit of up to 20x20, its centre of mass in the middle."""
    picture = numpy.zeros((SIZE, SIZE), numpy.float32)
    corner = []
    for axis in (0, 1):
        mass = digit.sum(axis=1 - axis)
        centre = (mass * numpy.arange(len(mass))).sum() / mass.sum()
        corner.append(int(numpy.clip(round(SIZE / 2 - centre), 0, SIZE - len(mass))))
    rows, columns = digit.shape
    picture[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns] = digit
    return picture


def _grey_values(picture):
    """Returns grey values from 0 to 255. The background is white, or black if ink is white."""
    if picture.mode.startswith("I"):  # 16 bits, which Pillow would clip at 255
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
    """Scales an array in proportion, so that its longest side has a size, or at most that."""
    factor = size / max(array.shape)
    if factor >= 1 and not grow:
        return array
    rows, columns = (max(1, round(length * factor)) for length in array.shape)
    return _resized(array, (rows, columns), Image.BOX)


def _resized(array, shape, how):
    return numpy.asarray(Image.fromarray(array).resize(shape[::-1], how))


def _smoothed(grey):
    """Returns grey values with less noise."""
    picture = Image.fromarray(numpy.round(grey).astype(numpy.uint8))
    return numpy.asarray(picture.filter(ImageFilter.GaussianBlur(0.7)), numpy.float32)


def _largest_around(array, reach):
    """Returns the largest value in the square around each pixel; of bools, whether any is True.

    Args:
      array: of shape [rows, columns].
      reach: distance from the middle of the square to its sides, in pixels.

    Returns:
      array of the same shape.
    """
    return _largest_along(_largest_along(array, reach, (1, 0)), reach, (0, 1))


def _largest_along(array, reach, step):
    """Returns the largest value in the line around each pixel. Edge pixels are repeated outside.

    Args:
      array: of shape [rows, columns].
      reach: number of steps from the middle of the line to its ends.
      step: its rows and columns: (1, 0), (0, 1), (1, 1) or (1, -1).

    Returns:
      array of the same shape.
    """
    down, right = step
    if right < 0:
        return _largest_along(array[:, ::-1], reach, (down, -right))[:, ::-1]
    array = numpy.pad(array, [(reach * down,) * 2, (reach * right,) * 2], mode="edge")
    known = 1  # pixels of each line whose largest value is known
    while known < 2 * reach + 1:
        further = min(known, 2 * reach + 1 - known)
        rows, columns = further * down, further * right
        first = array[: array.shape[0] - rows, : array.shape[1] - columns]
        array = numpy.maximum(first, array[rows:, columns:])
        known += further
    return array
