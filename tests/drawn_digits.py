"""Draws pictures of digits as people hand them in: by brush, font or hand, scanned or as a photo.

    uv run python tests/drawn_digits.py

writes the pictures of handwriting_samples again.
"""

import math
import os

import matplotlib
import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageFont

# The path of a mouse for each digit, x to the right and y down, in a field of 10 x 10.
STROKES = (
    [[(7, 1), (4, 0), (2, 3), (2, 7), (4, 10), (7, 9), (8, 5), (7, 1)]],
    [[(3, 2), (5.5, 0), (5, 5), (5, 10)]],
    [[(2, 2), (4, 0), (7, 0.5), (8, 3), (5, 6), (2, 10), (5, 9.5), (9, 10)]],
    [[(2, 1), (5, 0), (8, 2), (7, 4), (4, 5), (8, 6), (8, 9), (5, 10), (2, 9)]],
    [[(3, 0), (2, 5), (5, 5.5), (9, 5)], [(7, 0), (7, 5), (6.5, 10)]],
    [[(3, 0), (2.5, 4), (6, 4), (8, 6.5), (6, 9.5), (2, 9.5)], [(3, 0), (8, 0.3)]],
    [[(7, 0), (3, 4), (2, 8), (5, 10), (8, 8), (6, 5.5), (2.5, 7)]],
    [[(1.5, 1), (5, 0.5), (8.5, 0.5), (6, 5), (4.5, 10)]],
    [[(8, 1), (4, 0), (3, 3), (6, 5), (8, 8), (5, 10), (2, 8), (4, 5), (7, 3), (8, 1)]],
    [[(8, 2), (5, 0), (2, 2), (4, 5), (8, 4), (8, 1), (7.5, 5), (6, 10)]],
)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def brushed(digit, size, ink, paper, thickness, margin=0.2):
    """Draws a digit with a round brush.

    Args:
      digit: 0 to 9.
      size: width and height of the picture.
      ink: grey value of the brush, 0 to 255.
      paper: grey value of the background.
      thickness: of the brush, as a share of the digit's height.
      margin: free space around the digit, as a share of the shorter side.

    Returns:
      a picture of Pillow's, mode "L".
    """
    picture = Image.new("L", size, paper)
    draw = ImageDraw.Draw(picture)
    scale = min(size) * (1 - 2 * margin) / 10
    left, top = size[0] / 2 - 5 * scale, size[1] / 2 - 5 * scale
    radius = thickness * 10 * scale / 2
    for stroke in STROKES[digit]:
        places = [(left + scale * x, top + scale * y) for x, y in stroke]
        _brush(draw, places, radius, ink)
    return picture


def _brush(draw, places, radius, fill):
    """Draws with a round brush from each place (x, y) to the next, in pixels."""
    for (x0, y0), (x1, y1) in zip(places, places[1:]):
        steps = max(2, math.ceil(math.hypot(x1 - x0, y1 - y0)))
        for i in range(steps + 1):
            x = x0 + (x1 - x0) * i / steps
            y = y0 + (y1 - y0) * i / steps
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def printed(digit, size, ink, paper, font="DejaVuSans"):
    """Draws a digit in a font that comes with matplotlib."""
    path = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    picture = Image.new("L", size, paper)
    face = ImageFont.truetype(path, int(min(size) * 0.7))
    middle = (size[0] / 2, size[1] / 2)
    ImageDraw.Draw(picture).text(middle, str(digit), fill=ink, font=face, anchor="mm")
    return picture


def twenty_pictures():
    """Yields name, digit and picture of each digit brushed and printed, no two in the same way."""
    for digit in range(10):
        size = (97 + 61 * digit, 131 + 43 * ((7 * digit) % 10))
        dark = digit % 2 == 0
        ink, paper = (15 + 4 * digit, 250 - 3 * digit) if dark else (245 - digit, 10 + 5 * digit)
        thickness = 0.08 + 0.008 * ((3 * digit) % 10)
        yield f"brushed_{digit}", digit, brushed(digit, size, ink, paper, thickness)
        yield f"printed_{digit}", digit, printed(digit, size[::-1], paper, ink)


def written(digit, size, seed, height=0.5, thickness=0.1, centre=(0.5, 0.5), turned=0):
    """Writes a digit as a hand does: the strokes waver, slant and vary with the seed.

    Args:
      digit: 0 to 9.
      size: width and height of the sheet, in pixels.
      seed: whole number.
      height: of the digit, as a share of the shorter side.
      thickness: of the pen, as a share of the digit's height.
      centre: of the digit, as shares of width and height.
      turned: angle in degrees, clockwise.

    Returns:
      float64 array of shape [rows, columns], from 0, bare paper, to 1, full of ink.
    """
    random = numpy.random.RandomState([seed, digit])
    scale = height * min(size) / 10
    angle = math.radians(turned + random.uniform(-3, 3))
    # Turned after it was slanted and made narrower.
    shape = numpy.array([[random.uniform(0.8, 1), random.uniform(-0.15, 0.05)], [0, 1]])
    turn = numpy.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    picture = Image.new("L", size)
    for stroke in STROKES[digit]:
        points = numpy.array(stroke) - 5 + random.normal(scale=0.25, size=(len(stroke), 2))
        places = _rounded(points) @ (turn @ shape).T * scale + numpy.multiply(centre, size)
        _brush(ImageDraw.Draw(picture), places, radius=thickness * 10 * scale / 2, fill=255)
    return numpy.asarray(picture.filter(ImageFilter.GaussianBlur(0.7))) / 255


def _rounded(points):
    """Returns an array of shape [points, 2] with the corners of a line cut off, but not its ends.

    Source: George Chaikin, An algorithm for high speed curve generation, 1974.
    """
    for _ in range(2):
        before, after = points[:-1], points[1:]
        cut = numpy.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1)
        points = numpy.concatenate([points[:1], cut.reshape(-1, 2)[1:-1], points[-1:]])
    return points


class Style:
    """A way to write a digit and to take its picture.

    Args:
      develop: function of the ink, an array from 0 to 1 of shape [rows, columns], and a
        RandomState that returns a picture of Pillow's.
      hand: function of a RandomState that returns arguments of `written`.
    """

    def __init__(self, develop, hand=lambda random: {}):
        self._develop, self._hand = develop, hand

    def draw(self, digit, seed):
        """Returns the picture of a digit, of Pillow's, and its ink, an array from 0 to 1."""
        random = numpy.random.RandomState([seed, digit, 1])
        size = SHEETS[random.randint(len(SHEETS))]
        hand = {
            "size": size,
            "height": random.uniform(0.35, 0.6),
            "thickness": random.uniform(0.07, 0.12),
            "centre": random.uniform(0.42, 0.58, size=2),
        }
        hand.update(self._hand(random))
        ink = written(digit, seed=seed, **hand)
        return self._develop(ink, random), ink


SHEETS = [(480, 640), (640, 480), (600, 600), (900, 700), (400, 300)]


def _grey(values):
    return Image.fromarray(numpy.clip(numpy.round(values), 0, 255).astype(numpy.uint8))


def _scan(ink, random):
    return _grey(255 - 235 * ink)


def _pencil(ink, random):
    # Graphite stays on the grain of the paper, which shows through.
    return _grey(245 - 90 * ink * random.uniform(0.6, 1, size=ink.shape))


def _small(ink, random):
    return _scan(ink, random).resize((28, 28), Image.BOX)


def _inverted(ink, random):
    return _grey(15 + 235 * ink)


def _transparent(ink, random):
    picture = Image.new("RGBA", ink.shape[::-1], "black")
    picture.putalpha(_grey(255 * ink))
    return picture


def _blue_on_faint_lines(ink, random):
    paper = numpy.full((*ink.shape, 3), 250.0)
    paper[random.randint(10, 30) :: 36] = (205, 215, 235)
    return _grey(paper + ink[..., None] * (numpy.array([40, 60, 160]) - paper))


def photo(reflected, random, light=1.0, noise=3.0):
    """Takes a photo of a sheet: slightly blurred, and with noise.

    Args:
      reflected: array of shape [rows, columns], grey values of the sheet in full light.
      random: a RandomState.
      light: how much light falls on it, 0 to 1, or an array of that.
      noise: its standard deviation, in grey levels.
    """
    seen = _grey(reflected * light).filter(ImageFilter.GaussianBlur(1))
    return _grey(numpy.asarray(seen) + random.normal(scale=noise, size=reflected.shape))


def _sheet(ink, random):
    paper = random.uniform(225, 245)
    return paper + ink * (random.uniform(30, 60) - paper)


def _slope(shape, random):
    """Returns an array that rises from 0 to 1 from one side or corner of a picture to another."""
    rows, columns = numpy.indices(shape) / numpy.reshape(shape, (2, 1, 1))
    angle = random.uniform(0, 2 * math.pi)
    slope = math.cos(angle) * columns + math.sin(angle) * rows
    return (slope - slope.min()) / numpy.ptp(slope)


def _falling(levels, noise=3.0):
    def develop(ink, random):
        return photo(
            _sheet(ink, random), random, 1 - levels / 235 * _slope(ink.shape, random), noise
        )

    return develop


def _hard_shadow(ink, random):
    lit = _slope(ink.shape, random) < random.uniform(0.35, 0.65)
    return photo(_sheet(ink, random), random, numpy.where(lit, 1, random.uniform(0.5, 0.65)))


def _on_a_dark_table(ink, random):
    rows, columns = ink.shape
    sheet = Image.new("L", (columns, rows))
    left, right, top, bottom = random.uniform(0.03, 0.2, size=4)
    corners = [(left, top), (1 - right, top), (1 - right, 1 - bottom), (left, 1 - bottom)]
    corners = numpy.array(corners) + random.uniform(-0.02, 0.02, size=(4, 2))
    corners = corners * (columns, rows)
    ImageDraw.Draw(sheet).polygon([tuple(corner) for corner in corners], fill=1)
    table = random.uniform(30, 80) + 8 * random.standard_normal((rows, 1))  # its grain
    return photo(numpy.where(numpy.asarray(sheet), _sheet(ink, random), table), random)


def _on_dark_lines(ink, random):
    rows, columns = ink.shape
    lines = Image.new("L", (columns, rows))
    draw = ImageDraw.Draw(lines)
    width = max(1, round(min(ink.shape) * random.uniform(0.005, 0.012)))
    apart = rows * random.uniform(0.08, 0.13)
    drift = rows * random.uniform(-0.03, 0.03)  # the camera is held at a slant
    for line in range(-1, 14):
        y = line * apart + random.uniform(0.2, 0.3) * apart
        draw.line((0, y, columns, y + drift), fill=255, width=width)
    x = columns * random.uniform(0.1, 0.18)
    draw.line((x, 0, x - drift, rows), fill=255, width=width)
    printed_lines = numpy.asarray(lines.filter(ImageFilter.GaussianBlur(0.7))) / 255
    reflected = _sheet(ink, random)
    dark = random.uniform(60, 120)
    return photo(numpy.minimum(reflected, 240 - (240 - dark) * printed_lines), random)


def _hand(**arguments):
    return lambda random: arguments


def _in_a_corner(random):
    return {"height": 0.25, "centre": random.choice([0.2, 0.8], size=2)}


def _at_an_edge(random):
    # The strokes reach from 0 to 10 of 10, and the pen is as thick as a tenth of that.
    return {"height": 0.5, "centre": (random.uniform(0.4, 0.6), random.choice([0.25, 0.75]))}


CLEAN_STYLES = {
    "thin": Style(_scan, _hand(thickness=0.03)),
    "thick": Style(_scan, _hand(thickness=0.18)),
    "pencil": Style(_pencil, _hand(thickness=0.05)),
    "turned": Style(_scan, _hand(turned=15)),
    "corner": Style(_scan, _in_a_corner),
    "edge": Style(_scan, _at_an_edge),
    "inverted": Style(_inverted),
    "transparent": Style(_transparent),
    "28x28": Style(_small, _hand(size=(280, 280), height=0.7, thickness=0.12)),
    "blue on faint lines": Style(_blue_on_faint_lines),
}
PHOTO_STYLES = {
    "falling by 60": Style(_falling(60)),
    "falling by 80": Style(_falling(80)),
    "falling by 100": Style(_falling(100)),
    "gradient and noise": Style(_falling(140, noise=15)),
    "hard shadow": Style(_hard_shadow),
    "dark table": Style(_on_a_dark_table, _hand(height=0.4)),
    "dark lines": Style(_on_dark_lines),
}
STYLES = {**CLEAN_STYLES, **PHOTO_STYLES}


def samples():
    """Returns the pictures of handwriting_samples, of Pillow's, by their file names."""
    drawn = {}
    for name, style, digit, size in [
        ("three.png", _falling(70, noise=2), 3, (150, 170)),
        ("seven.jpg", _on_dark_lines, 7, (360, 300)),
        ("eight.jpg", _hard_shadow, 8, (300, 360)),
    ]:
        random = numpy.random.RandomState(digit)
        drawn[name] = style(written(digit, size, seed=5, thickness=0.08), random)
    return drawn


if __name__ == "__main__":
    for sample_name, sample in samples().items():
        sample.save(os.path.join(ROOT, "handwriting_samples", sample_name))
