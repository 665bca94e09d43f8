"""Draws digits that look handwritten, for use without MNIST.

Each digit is a set of pen strokes. For each picture, the control points of the strokes are moved a
little, and the digit is slanted, turned and stretched. It is then brought to MNIST's form: scaled
into 20x20 pixels, and centred by mass in 28x28 pixels. The pen has a random width.
"""

import numpy

from input_data.idx import dense_to_one_hot

SIZE = 28
BOX = 20
# Two pen widths less than the box, so that the ink stays inside the box.
LINE_BOX = BOX - 2.5
POINTS_PER_DIGIT = 72
DRAWN_AT_ONCE = 250  # what fits into a processor's cache

# The ways to write each digit: strokes through (x, y) points, y pointing down.
STROKES = (
    (
        [[(5, 0), (2, 2), (1, 5), (2, 8), (5, 10), (8, 8), (9, 5), (8, 2), (5, 0)]],
        [[(6, 0), (3, 2), (2, 5), (3, 9), (5, 10), (7, 8), (8, 5), (7, 1), (5, 0)]],
    ),
    ([[(5, 0), (5, 3), (5, 7), (5, 10)]], [[(3, 2), (5, 0), (5, 5), (5, 10)]]),
    (
        [[(2, 2), (4, 0), (7, 1), (8, 3), (6, 6), (3, 9), (2, 10), (5, 10), (9, 10)]],
        [[(2, 2), (5, 0), (8, 2), (7, 5), (4, 9), (2, 9), (3, 7), (6, 9), (9, 10)]],
    ),
    (
        [[(2, 1), (5, 0), (8, 2), (7, 4), (5, 5), (8, 6), (8, 9), (5, 10), (2, 9)]],
        [[(2, 0), (5, 0), (8, 0), (6, 3), (5, 4), (8, 6), (8, 9), (4, 10), (2, 9)]],
    ),
    (
        [[(3, 0), (2, 3), (2, 6), (5, 6), (9, 6)], [(7, 1), (7, 4), (7, 7), (7, 10)]],
        [[(6, 0), (4, 3), (1, 7), (5, 7), (9, 7)], [(6, 0), (6, 4), (6, 7), (6, 10)]],
    ),
    (
        [[(8, 0), (5, 0), (3, 0), (3, 4), (6, 4), (8, 6), (7, 9), (4, 10), (2, 9)]],
        [[(3, 0), (2, 4), (6, 4), (8, 7), (6, 10), (2, 9)], [(3, 0), (5, 0), (7, 0), (9, 0)]],
    ),
    (
        [[(7, 0), (4, 3), (2, 6), (3, 9), (6, 10), (8, 8), (7, 6), (4, 6), (2, 8)]],
        [[(5, 0), (3, 4), (2, 7), (4, 10), (7, 9), (7, 7), (5, 6), (3, 7), (2, 8)]],
    ),
    (
        [[(2, 0), (5, 0), (8, 0), (7, 3), (5, 6), (4, 10)]],
        [[(2, 1), (5, 0), (8, 0), (6, 4), (5, 7), (4, 10)], [(4, 5), (5, 5), (7, 5), (8, 5)]],
    ),
    (
        [[(7, 2), (5, 0), (3, 2), (5, 5), (8, 8), (5, 10), (2, 8), (5, 5), (8, 2), (6, 0)]],
        [
            [(5, 5), (3, 3), (5, 0), (7, 3), (5, 5)],
            [(5, 5), (2, 8), (5, 10), (8, 8), (5, 5)],
        ],
    ),
    (
        [[(8, 2), (5, 0), (2, 2), (4, 5), (7, 4), (8, 2), (8, 5), (7, 8), (7, 10)]],
        [[(7, 1), (4, 0), (2, 3), (5, 5), (7, 3), (7, 1), (7, 4), (6, 7), (4, 10)]],
    ),
)


def draw(count, random_state, one_hot=False):
    """Draws random digits. All classes are equally likely.

    Args:
      count: number of digits.
      random_state: numpy.random.RandomState, the source of all random numbers.
      one_hot: whether labels are one-hot rows.

    Returns:
      images, a uint8 array of shape [count, 28, 28, 1] with 0 for paper and 255 for ink, and
      labels, a uint8 array of shape [count] or a float64 array of shape [count, 10].
    """
    labels = random_state.randint(len(STROKES), size=count).astype(numpy.uint8)
    images = numpy.empty((count, SIZE, SIZE, 1), numpy.uint8)
    for digit, ways in enumerate(STROKES):
        way = random_state.randint(len(ways), size=count)
        for chosen, strokes in enumerate(ways):
            smoothing = _smoothing(strokes)
            places = numpy.flatnonzero((labels == digit) & (way == chosen))
            for start in range(0, len(places), DRAWN_AT_ONCE):
                some = places[start : start + DRAWN_AT_ONCE]
                points = _write(strokes, smoothing, len(some), random_state)
                images[some, :, :, 0] = _ink(_centre(points), random_state)
    return images, dense_to_one_hot(labels, len(STROKES)) if one_hot else labels


def _write(strokes, smoothing, count, random_state):
    """Returns points along `count` handwritten versions, an array of shape [count, points, 2].

    There are up to POINTS_PER_DIGIT points.
    """
    control_points = numpy.concatenate([numpy.array(stroke) for stroke in strokes]) / 10.0 - 0.5
    noise = random_state.normal(scale=0.05, size=(count,) + control_points.shape)
    points = numpy.matmul(smoothing, control_points + noise)
    turn = random_state.normal(scale=0.12, size=count)
    slant = random_state.normal(scale=0.2, size=count) + 0.1
    width = random_state.uniform(0.65, 1.1, size=count)
    cosine, sine = numpy.cos(turn), numpy.sin(turn)
    # [x, y] -> [width * x - slant * y, y], turned
    to_x = numpy.stack([width * cosine, -slant * cosine - sine], axis=1)
    to_y = numpy.stack([width * sine, cosine - slant * sine], axis=1)
    return numpy.matmul(points, numpy.stack([to_x, to_y], axis=2))


def _smoothing(strokes):
    """Returns the matrix that maps control points to many points on smooth curves.

    The curves are Catmull-Rom splines, which pass through their control points.
    """
    segments = sum(len(stroke) - 1 for stroke in strokes)
    rows, first = [], 0
    for stroke in strokes:
        last = first + len(stroke) - 1
        positions = numpy.linspace(
            first, last, POINTS_PER_DIGIT * (len(stroke) - 1) // segments, endpoint=False
        )
        for position in positions:
            knot, t = int(position), position - int(position)
            weights = (
                (-t + 2 * t**2 - t**3) / 2,
                (2 - 5 * t**2 + 3 * t**3) / 2,
                (t + 4 * t**2 - 3 * t**3) / 2,
                (-(t**2) + t**3) / 2,
            )
            row = numpy.zeros(sum(len(stroke) for stroke in strokes))
            for offset, weight in zip(range(-1, 3), weights):
                row[min(max(knot + offset, first), last)] += weight
            rows.append(row)
        first = last + 1
    return numpy.array(rows)


def _centre(points):
    """Fits points into MNIST's 20x20 box and puts their centre of mass in the middle."""
    extent = points.max(axis=1) - points.min(axis=1)
    points = points * (LINE_BOX / extent.max(axis=1))[:, numpy.newaxis, numpy.newaxis]
    # The weight of a point is its distance to the next one, unless the pen was lifted.
    pieces = numpy.minimum(numpy.linalg.norm(numpy.diff(points, axis=1), axis=2), 2)
    middle = (points[:, :-1] * pieces[:, :, numpy.newaxis]).sum(axis=1) / pieces.sum(
        axis=1, keepdims=True
    )
    middle = middle[:, numpy.newaxis]
    return numpy.clip(points - middle + SIZE / 2, 3, SIZE - 3)


def _ink(points, random_state):
    """Returns pictures of the points, drawn with pens of different widths."""
    count = len(points)
    corner = points.astype(numpy.int64)  # the pixel up and left of each point
    x, y = numpy.moveaxis(points - corner, 2, 0)
    picture = numpy.arange(count)[:, numpy.newaxis]
    pixel = (picture * SIZE + corner[:, :, 1]) * SIZE + corner[:, :, 0]
    pixels = numpy.stack([pixel, pixel + 1, pixel + SIZE, pixel + SIZE + 1])
    shares = numpy.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y])
    ink = numpy.bincount(pixels.ravel(), shares.ravel(), count * SIZE * SIZE)
    ink = ink.reshape(count, SIZE, SIZE)
    pen = random_state.uniform(0.2, 0.6, size=(count, 1, 1))
    tall = ink.copy()
    tall[:, 1:] += pen * ink[:, :-1]
    tall[:, :-1] += pen * ink[:, 1:]
    wide = tall.copy()
    wide[:, :, 1:] += pen * tall[:, :, :-1]
    wide[:, :, :-1] += pen * tall[:, :, 1:]
    return (255 * numpy.minimum(wide, 1)).astype(numpy.uint8)
