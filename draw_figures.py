"""Draws what a run has learned: its curves, its confusion matrix, the digits that it gets wrong.

    uv run mnist_softmax.py --log_dir logs/softmax
    uv run draw_figures.py logs/softmax

writes PNG files into the folder figures/softmax and prints their names. The run may be one of any
of the four scripts, also of a changed one. For several runs, it draws only their curves, all in one
figure, into the folder figures:

    uv run draw_figures.py logs/a logs/b
"""

import glob
import io
import logging
import os

import training.explained_import  # noqa: F401, says which package is missing

import matplotlib
import matplotlib.figure
import matplotlib.ticker
import numpy
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import input_data
from digits.network import Network
from training import script
from training.checkpoints import CheckpointError, writable_folder
from training.flags import Parser, add_data_flags, add_seed, path

# Every figure is 780 pixels wide, and its letters can still be read at half that, on a phone.
DPI = 100
WIDTH = 7.8  # inches
STYLE = {
    "font.size": 16,
    "axes.titlesize": 17,
    "axes.labelsize": 16,
    "xtick.labelsize": 15,
    "ytick.labelsize": 15,
    "legend.fontsize": 15,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}

DIGITS = 20
DIGITS_PER_ROW = 10
ERRORS = 40
ERRORS_PER_ROW = 8
FILTERS_PER_ROW = 8
# The weights of the first layer, by the network's name.
FIRST_MAPS = "conv1/Relu"  # of mnist_deep.py
FIRST_LAYERS = {"softmax": "W", "deep": "conv1/W_conv1", "estimator": "conv2d/kernel"}

# Maps each scalar of the scripts to the axes to draw it in and the examples it is computed on.
LOSS = "loss (cross-entropy)"
ACCURACY = "accuracy"
BATCH = "training batch"
VALIDATION = "validation set"
SCALARS = {
    "cross_entropy": (LOSS, BATCH),
    "loss": (LOSS, BATCH),
    "accuracy": (ACCURACY, BATCH),
    "training_accuracy": (ACCURACY, BATCH),
    "validation_accuracy": (ACCURACY, VALIDATION),
}
STEEP_PART = 0.05  # of the steps: the start, of which an axis of accuracies shows the end only
SMOOTHED_PART = 0.02  # share of a curve's points averaged on each side of a point


def new_figure(height):
    """Returns an empty figure of the given height in inches."""
    return matplotlib.figure.Figure(figsize=(WIDTH, height))


@matplotlib.rc_context(STYLE)
def draw_pictures(images, titles, per_row):
    """Returns a figure of digits, [count, 784], black on white with a title each."""
    rows = max(1, -(-len(images) // per_row))
    lines = max([title.count("\n") + 1 for title in titles], default=1)
    figure = new_figure(rows * (WIDTH / per_row + 0.23 * lines) + 0.1)
    for place, (image, title) in enumerate(zip(images, titles)):
        axes = figure.add_subplot(rows, per_row, place + 1)
        axes.imshow(image.reshape(28, 28), cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=15, pad=3, linespacing=1)
        axes.axis("off")
    figure.tight_layout(pad=0.6, h_pad=0.4, w_pad=0.2)
    return figure


def draw_weights(W):
    """Returns a figure of softmax regression's weights, of shape [784, 10].

    Positive weights, which are evidence for a digit, are blue. Negative weights are red.
    """
    return _draw_signed(W.T.reshape(10, 28, 28), per_row=5, titles=range(10))


def draw_filters(kernel):
    """Returns a figure of the filters of a first convolution, [rows, columns, 1, filters]."""
    filters = numpy.moveaxis(kernel[:, :, 0, :], -1, 0)
    return _draw_signed(filters, FILTERS_PER_ROW, [None] * len(filters))


@matplotlib.rc_context(STYLE)
def _draw_signed(pictures, per_row, titles):
    """Returns a figure of pictures, [count, rows, columns], with one scale for all beside them."""
    rows = -(-len(pictures) // per_row)
    side = (WIDTH - 1.1) / per_row
    title = 0.0 if titles[0] is None else 0.3
    figure = new_figure(rows * (side + title) + 0.1)
    largest = abs(pictures).max()
    all_axes = figure.subplots(rows, per_row, squeeze=False).ravel()
    for axes in all_axes[len(pictures) :]:
        axes.axis("off")
    for axes, picture, title in zip(all_axes, pictures, titles):
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_color("silver")
        drawn = axes.imshow(
            picture, cmap="RdBu", vmin=-largest, vmax=largest, interpolation="nearest"
        )
        if title is not None:
            axes.set_title(str(title), pad=4)
    right = 1 - 1.0 / WIDTH
    figure.tight_layout(pad=0.5, rect=(0, 0, right, 1))
    scale = figure.colorbar(drawn, cax=figure.add_axes([right + 0.01, 0.06, 0.025, 0.88]))
    scale.locator = matplotlib.ticker.MaxNLocator(5, symmetric=True)
    scale.update_ticks()
    return figure


def smoothed(values):
    """Returns the means of each value and of its neighbours.

    Args:
      values: array of shape [points].

    Returns:
      float64 array of shape [points]. Near the start, where a curve is steep, a mean has as few
      neighbours after it as before it.
    """
    sums = numpy.concatenate([[0], numpy.cumsum(values, dtype=float)])
    places = numpy.arange(len(values))
    before = numpy.minimum(places, int(len(values) * SMOOTHED_PART))
    after = numpy.minimum(before, places[::-1])
    return (sums[places + after + 1] - sums[places - before]) / (before + 1 + after)


def read_curves(run_dir):
    """Returns a dict of what a folder's event files hold: arrays of steps and of values.

    A key is one of SCALARS' values: the axes and the examples. A scalar that is not in there has
    axes of its own name.
    """
    # TensorBoard's reader fails in Python 3.7 where there is no event file.
    if not glob.glob(os.path.join(glob.escape(run_dir), "*tfevents*")):
        return {}
    events = EventAccumulator(run_dir, size_guidance={"scalars": 0})
    events.Reload()
    # An Estimator adds its speed, and how full its queue is, under names with slashes.
    tags = [tag for tag in events.Tags()["scalars"] if "/" not in tag]
    return {
        SCALARS.get(tag, (tag, BATCH)): (
            numpy.array([point.step for point in events.Scalars(tag)]),
            numpy.array([point.value for point in events.Scalars(tag)]),
        )
        for tag in tags
    }


@matplotlib.rc_context(STYLE)
def draw_curves(curves_of_runs, title=None):
    """Returns a figure of the curves of one or more runs, each raw, and smoothed on top.

    Args:
      curves_of_runs: dict of what read_curves returned, by the runs' names.
      title: text above the figure.
    """
    kinds = sorted({kind for curves in curves_of_runs.values() for kind, _ in curves}, reverse=True)
    several = len(curves_of_runs) > 1
    figure = new_figure(3.6 * len(kinds) + 0.4 * (len(curves_of_runs) if several else 1))
    for place, kind in enumerate(kinds):
        shared = figure.axes[0] if figure.axes else None
        axes = figure.add_subplot(len(kinds), 1, place + 1, sharex=shared)
        means, later = [], []
        for number, (run, curves) in enumerate(curves_of_runs.items()):
            color = f"C{number % 10}"
            if (kind, BATCH) in curves:
                steps, values = curves[kind, BATCH]
                means.append(smoothed(values))
                later.append(_after_the_start(steps, means[-1]))
                label = run if several else BATCH
                axes.plot(steps, values, color=color, alpha=0.4, linewidth=1)
                axes.plot(steps, means[-1], color=color, linewidth=2.5, label=label)
            if (kind, VALIDATION) in curves:
                steps, values = curves[kind, VALIDATION]
                label = f"{run}, {VALIDATION}" if several else VALIDATION
                color = color if several else "black"
                axes.plot(steps, values, "--o", color=color, markersize=4, label=label)
                later.append(_after_the_start(steps, values))
        if kind == LOSS:
            _make_logarithmic(axes, numpy.concatenate(means))
        if kind == ACCURACY:
            _cut_off_the_start(axes, numpy.concatenate(later))
        axes.set_ylabel(kind)
        axes.set_xlabel("training step")
        axes.xaxis.set_major_locator(
            matplotlib.ticker.MaxNLocator(5, steps=[1, 2, 5, 10], integer=True)
        )
        axes.xaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:,.0f}"))
        axes.grid(alpha=0.4)
        if several or len(axes.lines) > 2:  # one curve of one run needs no legend
            axes.legend(loc="best")
    if title:
        figure.suptitle(title, fontsize=17)
    figure.tight_layout()
    return figure


def _after_the_start(steps, values):
    """Returns the values after the steep start of a curve."""
    return values[steps > STEEP_PART * steps[-1]]


def _cut_off_the_start(axes, later):
    """Makes the axis of an accuracy begin below the later values, so that they are no flat line.

    Args:
      axes: axes with the curves in them.
      later: array of the values after the steep start.
    """
    _, top = axes.get_ylim()
    spread = numpy.ptp(later) if later.size else 0
    if spread:
        axes.set_ylim(max(0, later.min() - spread / 2), min(top, 1 + spread / 10))


def _make_logarithmic(axes, means):
    """Makes the axis of a loss logarithmic, with numbers as 0.1 on it.

    Args:
      axes: with the curves already in it.
      means: array of the smoothed values. A raw value far below them all may be cut off.
    """
    means = means[numpy.isfinite(means) & (means > 0)]
    if not means.size:
        return
    axes.set_yscale("log")
    bottom, top = axes.get_ylim()
    bottom = max(bottom, means.min() / 5)
    axes.set_ylim(bottom, top)
    parts = [1] if top > 1000 * bottom else [1, 2, 5]
    axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=parts, numticks=20))
    axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())


@matplotlib.rc_context(STYLE)
def draw_confusion(labels, predictions):
    """Returns a figure of how often each digit, by row, was taken for each digit, by column."""
    counts = confusion_matrix(labels, predictions)
    figure = new_figure(7.6)
    axes = figure.add_subplot(1, 1, 1)
    mistakes = counts * (1 - numpy.eye(10))
    axes.imshow(mistakes, cmap="Reds", vmin=0, vmax=max(1, mistakes.max() * 1.5))
    for digit, row in enumerate(counts):
        for taken_for, count in enumerate(row):
            axes.text(taken_for, digit, count or "", ha="center", va="center", fontsize=15)
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.set_xlabel("taken for")
    axes.set_ylabel("digit")
    right = (labels == predictions).sum()
    axes.set_title(f"{right:,} of {len(labels):,} right", pad=10)
    figure.tight_layout(pad=0.6)
    return figure


def confusion_matrix(labels, predictions):
    """Returns the confusion matrix, shape [10, 10]: labels are rows, predictions are columns."""
    return numpy.bincount(10 * labels.astype(int) + predictions, minlength=100).reshape(10, 10)


def surest_errors(labels, probabilities):
    """Finds the misclassified examples, and sorts them by the network's confidence.

    Args:
      labels: integer array of shape [batch].
      probabilities: float array of shape [batch, 10].

    Returns:
      integer array of shape [errors], indices into the batch, highest confidence first.
    """
    wrong = numpy.flatnonzero(labels != probabilities.argmax(axis=1))
    return wrong[numpy.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def percent(probability):
    """Returns a probability as text. It is never 100%, because a softmax never reaches 1."""
    return ">99.9%" if probability > 0.999 else f"{probability:.1%}"


def figures(run_dir, data_sets):
    """Yields file names and figures of a run, and prints which of them cannot be drawn.

    Raises:
      CheckpointError: the folder has no readable checkpoint, or its network cannot be loaded. The
        figures that do not need it come first.
    """
    network = Network(run_dir)
    images, labels = data_sets.train.examples(0, DIGITS)
    yield "digits.png", draw_pictures(images, [str(label) for label in labels], DIGITS_PER_ROW)
    if network.name in FIRST_LAYERS:
        weights = network.variable(FIRST_LAYERS[network.name])
        if weights.shape == (784, 10):
            yield f"{network.name}_weights.png", draw_weights(weights)
        elif weights.ndim == 4 and weights.shape[2] == 1:
            yield f"{network.name}_filters.png", draw_filters(weights)
        else:
            print(f"no weights are drawn: {FIRST_LAYERS[network.name]} has shape {weights.shape}")
    elif network.name == "network":
        print("no weights are drawn: no variable has the name of a first layer's in the scripts")
    curves = read_curves(run_dir)
    if curves:
        steps = int(network.prefix.rsplit("-", 1)[1])
        title = f"{network.name.replace('_', ' ')}: {steps:,} steps"
        yield f"{network.name}_curves.png", draw_curves({run_dir: curves}, title)
    else:
        print("no curves are drawn: the folder has none")
    images, labels = data_sets.test.examples(0, data_sets.test.num_examples)
    probabilities = network.probabilities(images)
    classes = probabilities.shape[1]
    if classes != 10:
        print(f"no confusion matrix and no errors are drawn: the network has {classes} classes")
        return
    predictions = probabilities.argmax(axis=1)
    yield f"{network.name}_confusion.png", draw_confusion(labels, predictions)
    wrong = surest_errors(labels, probabilities)[:ERRORS]
    titles = [
        f"{labels[place]} as {predictions[place]}\n{percent(probabilities[place].max())}"
        for place in wrong
    ]
    if titles:
        yield f"{network.name}_errors.png", draw_pictures(images[wrong], titles, ERRORS_PER_ROW)
    else:
        print("no errors are drawn: there are none")
    if network.name == "deep":
        (maps,) = network.output(FIRST_MAPS, images[:1])
        yield "deep_feature_maps.png", draw_filters(maps[:, :, numpy.newaxis])


def figures_of_several(run_dirs):
    """Yields the file name and the figure of the curves of several runs."""
    curves_of_runs = {}
    for run_dir, name in zip(run_dirs, short_names(run_dirs)):
        curves_of_runs[name] = read_curves(run_dir)
        if not curves_of_runs[name]:
            raise CheckpointError(
                f"{run_dir}: holds no curves; name a folder that was given to a run with --log_dir "
                "or --model_dir"
            )
    yield "curves.png", draw_curves(curves_of_runs)


def short_names(run_dirs):
    """Returns the names of folders, or their whole paths if two have the same name."""
    names = [os.path.basename(os.path.abspath(run_dir)) for run_dir in run_dirs]
    return names if len(set(names)) == len(names) else run_dirs


def write_all(figures, figures_dir):
    """Writes figures as PNG files into a folder, which is made if needed, and prints their paths.

    Args:
      figures: iterable of file names and figures.
      figures_dir: path of the folder.

    Raises:
      OSError: the folder cannot be made, or a file cannot be written.
    """
    writable_folder(figures_dir)
    for file_name, figure in figures:
        write(figure, figures_dir, file_name)


def write(figure, figures_dir, file_name):
    """Writes a figure as a PNG file, and prints its path.

    Raises:
      OSError: it cannot be written.
    """
    path = os.path.join(figures_dir, file_name)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    # 256 colors are enough, and make half as large a file.
    with Image.open(drawn) as picture:
        picture = picture.convert("RGB").quantize(256, dither=Image.NONE)
    try:
        picture.save(path, optimize=True)
    except OSError as error:
        raise OSError(
            f"{path}: cannot be written ({error.strerror}); make room, or name another folder"
        ) from error
    print(path)


def add_flags(parser, figures_dir="figures"):
    """Adds the flags of every script that draws figures of a run."""
    add_figures_dir(parser, figures_dir)
    add_data_flags(parser)
    add_seed(parser, "seed of the run, if it was trained with --fake_data")


def add_figures_dir(parser, default="figures"):
    """Adds the flag --figures_dir."""
    parser.add_argument(
        "--figures_dir",
        type=path,
        default=default,
        help="folder to write to (default: %(default)s)",
    )


def parse_flags(argv):
    parser = Parser(description="Draws what a run has learned.")
    parser.add_argument(
        "run_dir",
        nargs="+",
        type=path,
        help="folder of a run, with its checkpoint and event files; for several runs, only their "
        "curves are drawn, into the file curves.png",
    )
    add_flags(parser, figures_dir="figures/{run}")
    return parser.parse_args(argv)


@script.takes_flags(parse_flags)
def main(flags):
    # TensorBoard's reader warns of every resumed run that it has more than one graph.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    if len(flags.run_dir) > 1:
        drawn = figures_of_several(flags.run_dir)
    else:
        data_sets = input_data.read_data_sets(
            flags.data_dir, fake_data=flags.fake_data, seed=flags.seed, like_mnist=True
        )
        drawn = figures(flags.run_dir[0], data_sets)
    name = "" if len(flags.run_dir) > 1 else short_names(flags.run_dir)[0]
    write_all(drawn, flags.figures_dir.replace("{run}", name))


if __name__ == "__main__":
    script.run(main)
