"""Draws pictures of digits as people hand them in: of any size and colours, by brush or font."""

import math
import os

import matplotlib
from PIL import Image, ImageDraw, ImageFont

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
        for (x0, y0), (x1, y1) in zip(stroke, stroke[1:]):
            steps = max(2, math.ceil(math.hypot(x1 - x0, y1 - y0) * scale))
            for i in range(steps + 1):
                x = left + scale * (x0 + (x1 - x0) * i / steps)
                y = top + scale * (y0 + (y1 - y0) * i / steps)
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
    return picture


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
