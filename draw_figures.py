"""Draws what a run has learned: its curves, its confusion matrix, the digits that it gets wrong.

    uv run mnist_softmax.py --log_dir logs/softmax
    uv run draw_figures.py logs/softmax

writes PNG files into the folder figures and prints their names. Takes the folder of a run of any of
the four scripts.
"""

import argparse
import logging
import os

from robust import command_line, log_folder, script

import matplotlib.figure
import numpy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import input_data
from trained.network import Network

PICTURES_PER_ROW = 10
ROWS = 6


def draw_pictures(images, titles):
    """Returns a figure of digits, [count, 784], black on white with a title each."""
    rows = -(-len(images) // PICTURES_PER_ROW)
    figure = matplotlib.figure.Figure(figsize=(PICTURES_PER_ROW * 0.8, max(rows, 1) * 0.95))
    for place, (image, title) in enumerate(zip(images, titles)):
        axes = figure.add_subplot(rows, PICTURES_PER_ROW, place + 1)
        axes.imshow(image.reshape(28, 28), cmap="Greys")
        axes.set_title(title, fontsize=10, pad=2)
        axes.axis("off")
    figure.tight_layout(pad=0.3)
    return figure


def draw_weights(W):
    """Returns a figure of softmax regression's weights, [784, 10]: red is against, blue for."""
    figure = matplotlib.figure.Figure(figsize=(8, 3.5))
    largest = abs(W).max()
    for digit in range(10):
        axes = figure.add_subplot(2, 5, digit + 1)
        axes.imshow(W[:, digit].reshape(28, 28), cmap="RdBu", vmin=-largest, vmax=largest)
        axes.set_title(str(digit), fontsize=11, pad=3)
        axes.axis("off")
    figure.tight_layout(pad=0.4)
    return figure


def draw_curves(log_dir):
    """Returns a figure of the scalars in a folder's event files, or None if there are none."""
    events = EventAccumulator(log_dir, size_guidance={"scalars": 0})
    events.Reload()
    # An Estimator adds its speed, and how full its queue is, under names with slashes.
    tags = [tag for tag in events.Tags()["scalars"] if "/" not in tag]
    if not tags:
        return None
    figure = matplotlib.figure.Figure(figsize=(4.5 * len(tags), 3))
    for place, tag in enumerate(tags):
        points = events.Scalars(tag)
        axes = figure.add_subplot(1, len(tags), place + 1)
        axes.plot(
            [point.step for point in points], [point.value for point in points], linewidth=0.8
        )
        axes.set_title(tag, fontsize=11)
        axes.set_xlabel("step")
        axes.locator_params(axis="x", nbins=5)
        axes.grid(alpha=0.3)
    figure.tight_layout()
    return figure


def draw_confusion(labels, predictions):
    """Returns a figure of how often each digit, by row, was taken for each digit, by column."""
    counts = confusion_matrix(labels, predictions)
    figure = matplotlib.figure.Figure(figsize=(5, 4.8))
    axes = figure.add_subplot(1, 1, 1)
    mistakes = counts * (1 - numpy.eye(10))
    axes.imshow(mistakes, cmap="Reds", vmin=0, vmax=max(1, mistakes.max() * 1.5))
    for digit, row in enumerate(counts):
        for taken_for, count in enumerate(row):
            axes.text(taken_for, digit, count or "", ha="center", va="center", fontsize=8)
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.set_xlabel("taken for")
    axes.set_ylabel("digit")
    right = (labels == predictions).sum()
    axes.set_title(f"{right} of {len(labels)} right", fontsize=11)
    figure.tight_layout()
    return figure


def confusion_matrix(labels, predictions):
    """Returns an array of shape [10, 10]: how often a digit, by row, was taken for which."""
    return numpy.bincount(10 * labels.astype(int) + predictions, minlength=100).reshape(10, 10)


def figures(run_dir, data_sets):
    """Yields file names and figures of a run."""
    network = Network(run_dir)
    images, labels = data_sets.train.examples(0, PICTURES_PER_ROW * 2)
    yield "digits.png", draw_pictures(images, labels)
    if network.name == "softmax":
        yield "softmax_weights.png", draw_weights(network.variable("W"))
    curves = draw_curves(run_dir)
    if curves:
        yield f"{network.name}_curves.png", curves
    images, labels = data_sets.test.examples(0, data_sets.test.num_examples)
    predictions = network.probabilities(images).argmax(axis=1)
    yield f"{network.name}_confusion.png", draw_confusion(labels, predictions)
    wrong = numpy.flatnonzero(labels != predictions)[: PICTURES_PER_ROW * ROWS]
    titles = [f"{labels[place]} as {predictions[place]}" for place in wrong]
    yield f"{network.name}_errors.png", draw_pictures(images[wrong], titles)


def parse_flags(argv):
    parser = argparse.ArgumentParser(
        description="Draws what a run has learned.", allow_abbrev=False
    )
    parser.add_argument(
        "run_dir", type=command_line.path, help="folder of a run, with its checkpoint and events"
    )
    parser.add_argument(
        "--figures_dir",
        type=command_line.path,
        default="figures",
        help="folder to write to (default: %(default)s)",
    )
    command_line.add_data_flags(parser)
    command_line.add_seed(parser, "that of the run, if its digits were drawn with --fake_data")
    return parser.parse_args(argv)


@script.takes_flags(parse_flags)
def main(flags):
    # TensorBoard's reader warns of every resumed run that it has more than one graph.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    data_sets = input_data.read_data_sets(
        flags.data_dir, fake_data=flags.fake_data, seed=flags.seed
    )
    log_folder.writable_folder(flags.figures_dir)
    for file_name, figure in figures(flags.run_dir, data_sets):
        path = os.path.join(flags.figures_dir, file_name)
        try:
            figure.savefig(path, dpi=80, pil_kwargs={"optimize": True})
        except OSError as error:
            raise OSError(
                f"{path}: cannot be written ({error.strerror}); make room, or name another folder"
            ) from error
        print(path)


if __name__ == "__main__":
    script.run(main)
