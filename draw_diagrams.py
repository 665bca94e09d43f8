"""Draws what the pages describe in words: networks, their layers, and an Estimator's modes.

    uv run mnist_deep.py --log_dir logs/deep
    uv run draw_diagrams.py logs/deep

writes PNG files into the folder figures and prints their names. Shapes and numbers of parameters
are those of the scripts' graphs, and the feature maps are those of a run of mnist_deep.py.
"""

from robust import command_line, script
from robust.errors import CheckpointError

import matplotlib
import matplotlib.patches
import numpy
import tensorflow.compat.v1 as tf

import draw_figures
import input_data
import mnist_deep
import mnist_layers_estimator
from trained.network import Network

MAPS_PER_ROW = 8
# Colors of the boxes for data, operations and results.
DATA, OPERATION, RESULT = "#dbe9f6", "#fdebd0", "#d9f0d3"
LINE = "#555555"
# The fields of an EstimatorSpec that the model function sets.
SPEC_FIELDS = ["loss", "train_op", "eval_metric_ops", "predictions"]
UNIT = 100.0  # pixels per inch; figures are laid out in pixels from the top left corner


def new_canvas(height):
    """Returns a figure of the given height in pixels, and axes in pixels that cover it."""
    figure = draw_figures.new_figure(height / UNIT)
    axes = figure.add_axes([0, 0, 1, 1])
    axes.set(xlim=(0, draw_figures.WIDTH * UNIT), ylim=(height, 0))
    axes.axis("off")
    return figure, axes


def add_box(axes, left, top, width, height, color, text="", **style):
    """Adds a box with text in its middle."""
    box = matplotlib.patches.FancyBboxPatch(
        (left, top), width, height, boxstyle="round,pad=0,rounding_size=8", fc=color, ec=LINE
    )
    axes.add_patch(box)
    style = {"ha": "center", "va": "center", "linespacing": 1.3, **style}
    axes.text(left + width / 2, top + height / 2, text, **style)


def add_arrow(axes, start, end, width=1.5):
    """Adds an arrow from a point to another."""
    style = {"arrowstyle": "-|>", "color": LINE, "lw": width, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops={**style, "mutation_scale": 18})


@matplotlib.rc_context(draw_figures.STYLE)
def draw_softmax_network():
    """Returns a figure of softmax regression as a network: each pixel speaks for each digit."""
    figure, axes = new_canvas(500)
    places = [120, 218, 390]  # of the first, the second and the last of many
    radius = 42

    def add_nodes(middle, texts, color, fontsize=19):
        for place, text in zip(places, texts):
            axes.add_patch(matplotlib.patches.Circle((middle, place), radius, fc=color, ec=LINE))
            axes.text(middle, place, text, ha="center", va="center", fontsize=fontsize)
        axes.text(middle, 304, "⋮", ha="center", va="center", fontsize=28)

    for start in places:
        for end in places:
            axes.plot([64 + radius, 330 - radius], [start, end], color="#4a7fb5", lw=1.5)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 3}
    axes.text(195, 304, "$W$", ha="center", va="center", fontsize=24, bbox=box)
    for place in places:
        add_arrow(axes, (330 + radius, place), (480, place))
        add_arrow(axes, (570, place), (706 - radius, place))
    add_nodes(64, ["$x_1$", "$x_2$", "$x_{784}$"], DATA)
    add_nodes(330, [rf"$\Sigma + b_{digit}$" for digit in (0, 1, 9)], OPERATION, 18)
    add_box(axes, 480, 75, 90, 360, OPERATION, "softmax", fontsize=21, rotation=90)
    add_nodes(706, ["$y_0$", "$y_1$", "$y_9$"], RESULT)
    for middle, title in [(64, "pixels"), (195, "weights"), (330, "sums"), (680, "probabilities")]:
        axes.text(middle, 35, title, ha="center", va="center", fontsize=18, weight="bold")
    counts = [(64, "784"), (195, "784 × 10"), (330, "10"), (706, "10")]
    for middle, count in counts:
        axes.text(middle, 466, count, ha="center", va="center", fontsize=18)
    return figure


def deep_layers():
    """Builds the deep network and describes its layers.

    Returns:
      a list with one tuple per layer: its name; a description of what it computes; the shape of
      its output for one image, such as (28, 28, 32); the number of its parameters, which may be 0.
    """
    with tf.Graph().as_default() as graph:
        y_conv, _ = mnist_deep.deepnn(tf.placeholder(tf.float32, [None, 784]))
        parameters, kernels = {}, {}
        for variable in tf.trainable_variables():
            scope, shape = variable.op.name.split("/")[0], variable.shape.as_list()
            parameters[scope] = parameters.get(scope, 0) + int(numpy.prod(shape))
            if len(shape) == 4:
                kernels[scope] = f"convolution {shape[0]} × {shape[1]}, ReLU"

        def tensor(name):
            return graph.get_tensor_by_name(f"{name}:0")

        layers = [
            ("x_image", "pixels", tensor("conv1/Conv2D").op.inputs[0], None),
            ("h_conv1", kernels["conv1"], tensor("conv1/Relu"), "conv1"),
            ("h_pool1", "max pooling 2 × 2", tensor("conv1/MaxPool"), None),
            ("h_conv2", kernels["conv2"], tensor("conv2/Relu"), "conv2"),
            ("h_pool2", "max pooling 2 × 2", tensor("conv2/MaxPool"), None),
            ("h_fc1", "dense, ReLU", tensor("fc1/Relu"), "fc1"),
            ("h_fc1_drop", "dropout", tensor("fc2/MatMul").op.inputs[0], None),
            ("y_conv", "dense", y_conv, "fc2"),
        ]
        return [
            (name, what, tuple(output.shape.as_list()[1:]), parameters.get(scope, 0))
            for name, what, output, scope in layers
        ]


@matplotlib.rc_context(draw_figures.STYLE)
def draw_deep_layers(layers):
    """Returns a figure of the layers that deep_layers() lists, with the input at the top."""
    step = 112
    figure, axes = new_canvas(60 + step * len(layers) + 55)
    for right, title in [(545, "output"), (755, "parameters")]:
        axes.text(right, 32, title, ha="right", va="center", weight="bold", fontsize=17)
    total = 0
    for place, (name, what, shape, parameters) in enumerate(layers):
        top = 60 + step * place
        color = DATA if place == 0 else RESULT if place == len(layers) - 1 else OPERATION
        axes.add_patch(
            matplotlib.patches.FancyBboxPatch(
                (12, top), 756, 80, boxstyle="round,pad=0,rounding_size=8", fc=color, ec=LINE
            )
        )
        if place:
            add_arrow(axes, (145, top - step + 80), (145, top), width=2)
        axes.text(28, top + 26, name, va="center", weight="bold", fontsize=19)
        axes.text(28, top + 58, what, va="center", fontsize=16)
        size = " × ".join(str(count) for count in shape)
        axes.text(545, top + 27, size, ha="right", va="center", fontsize=19)
        if parameters:
            axes.text(755, top + 27, f"{parameters:,}", ha="right", va="center", fontsize=19)
            total += parameters
    bottom = 60 + step * len(layers) + 8
    axes.text(755, bottom, f"in all {total:,}", ha="right", va="center", fontsize=19, weight="bold")
    return figure


def feature_maps(network, image):
    """Computes what the first layer of a trained deep network makes of an image.

    Args:
      network: Network of a run of mnist_deep.py.
      image: float32 array of shape [784].

    Returns:
      float32 arrays h_conv1, of shape [maps, 28, 28], and h_pool1, of shape [maps, 14, 14].
    """
    operations = ["conv1/Relu", "conv1/MaxPool"]
    fetched = [network.output(operation, image[numpy.newaxis]) for operation in operations]
    return [numpy.moveaxis(maps[0], -1, 0) for maps in fetched]


@matplotlib.rc_context(draw_figures.STYLE)
def draw_feature_maps(image, h_conv1, h_pool1):
    """Returns a figure of an image, [784], and of what a convolution and a pooling make of it.

    Args:
      image: array of shape [784].
      h_conv1: array of shape [maps, 28, 28].
      h_pool1: array of shape [maps, 14, 14].
    """
    side, gap, large = 88, 6, 200
    rows = -(-len(h_conv1) // MAPS_PER_ROW)
    grid_height = rows * (side + gap)
    height = 60 + large + 2 * (75 + grid_height) + 20
    figure, axes = new_canvas(height)
    largest = max(h_conv1.max(), numpy.finfo(numpy.float32).tiny)

    def add_picture(picture, left, top, size, largest, cmap):
        place = [left / UNIT / draw_figures.WIDTH, 1 - (top + size) / height]
        place += [size / UNIT / draw_figures.WIDTH, size / height]
        inset = figure.add_axes(place)
        inset.imshow(picture, cmap=cmap, vmin=0, vmax=largest, interpolation="nearest")
        inset.set(xticks=[], yticks=[])
        for spine in inset.spines.values():
            spine.set_color("silver")

    def shape_text(picture):
        return " × ".join(str(count) for count in picture.shape)

    digit = image.reshape(28, 28)
    chosen = h_conv1.std(axis=(1, 2)).argmax()
    steps = [
        ("digit", digit, 1, "Greys"),
        ("convolution + ReLU", h_conv1[chosen], largest, "viridis"),
        ("pooling", h_pool1[chosen], largest, "viridis"),
    ]
    for place, (title, picture, most, cmap) in enumerate(steps):
        left = 12 + place * 278
        axes.text(left + large / 2, 28, title, ha="center", va="center", weight="bold", fontsize=17)
        add_picture(picture, left, 52, large, most, cmap)
        if place:
            add_arrow(axes, (left - 70, 52 + large / 2), (left - 8, 52 + large / 2), width=3)
    top = 52 + large
    for name, maps in [("h_conv1", h_conv1), ("h_pool1", h_pool1)]:
        title = f"{name}: {len(maps)} maps of {shape_text(maps[0])}"
        axes.text(18, top + 48, title, va="center", weight="bold", fontsize=19)
        for place, picture in enumerate(maps):
            row, column = divmod(place, MAPS_PER_ROW)
            left = 18 + column * (side + gap)
            add_picture(picture, left, top + 75 + row * (side + gap), side, largest, "viridis")
        top += 75 + grid_height
    return figure


def estimator_modes():
    """Calls the Estimator's model function in each of its modes.

    Returns:
      a list with one tuple per mode: the mode's name, such as "TRAIN"; a list of the names of the
      other arguments; and a dict that describes the returned EstimatorSpec. The dict maps the name
      of each field that is set to a list of the keys in it, which is empty for a single tensor.
    """
    modes = []
    for name in ("TRAIN", "EVAL", "PREDICT"):
        mode = getattr(tf.estimator.ModeKeys, name)
        predicts = mode == tf.estimator.ModeKeys.PREDICT
        with tf.Graph().as_default():
            tf.train.create_global_step()
            features = {"x": tf.placeholder(tf.float32, [None, 784])}
            labels = None if predicts else tf.placeholder(tf.int32, [None])
            spec = mnist_layers_estimator.cnn_model_fn(features, labels, mode)
        fields = {field: getattr(spec, field) for field in SPEC_FIELDS}
        returns = {
            field: sorted(value) if isinstance(value, dict) else []
            for field, value in fields.items()
            if (value if isinstance(value, dict) else value is not None)
        }
        modes.append((name, ["features", *["labels"] * (not predicts)], returns))
    return modes


@matplotlib.rc_context(draw_figures.STYLE)
def draw_estimator_modes(modes):
    """Returns a figure of the modes that estimator_modes() lists, with one column per mode."""
    figure, axes = new_canvas(610)
    width, gap = 244, 12
    calls = {"TRAIN": "train()", "EVAL": "evaluate()", "PREDICT": "predict()"}
    add_box(axes, 12, 285, 756, 80, OPERATION, "cnn_model_fn", fontsize=22, weight="bold")
    for place, (name, gets, returns) in enumerate(modes):
        left = 12 + place * (width + gap)
        middle = left + width / 2
        axes.text(middle, 32, name, ha="center", va="center", weight="bold", fontsize=21)
        axes.text(middle, 68, f"by {calls[name]}", ha="center", va="center", fontsize=17)
        add_box(axes, left, 105, width, 125, DATA, "\n".join(gets), fontsize=19)
        add_arrow(axes, (middle, 230), (middle, 285), width=2.5)
        add_arrow(axes, (middle, 365), (middle, 420), width=2.5)
        lines = []
        for field, keys in returns.items():
            lines += [f"{field}:", *keys] if keys else [field]
        add_box(axes, left, 420, width, 130, RESULT, "\n".join(lines), fontsize=18)
    axes.text(390, 582, "returned in an EstimatorSpec", ha="center", va="center", fontsize=18)
    return figure


def diagrams(run_dir, data_sets):
    """Yields file names and figures. The run is one of mnist_deep.py."""
    network = Network(run_dir)
    if network.name != "deep":
        raise CheckpointError(f"{run_dir}: is not a run of mnist_deep.py, whose layers are drawn")
    yield "softmax_network.png", draw_softmax_network()
    yield "deep_layers.png", draw_deep_layers(deep_layers())
    (image,), _ = data_sets.test.examples(0, 1)
    yield "deep_feature_maps.png", draw_feature_maps(image, *feature_maps(network, image))
    yield "estimator_modes.png", draw_estimator_modes(estimator_modes())


def parse_flags(argv):
    parser = command_line.Parser(
        description="Draws the networks of the pages, and feature maps of a run of mnist_deep.py."
    )
    parser.add_argument("run_dir", type=command_line.path, help="folder of a run of mnist_deep.py")
    draw_figures.add_flags(parser)
    return parser.parse_args(argv)


@script.takes_flags(parse_flags)
def main(flags):
    data_sets = input_data.read_data_sets(
        flags.data_dir, fake_data=flags.fake_data, seed=flags.seed, like_mnist=True
    )
    draw_figures.write_all(diagrams(flags.run_dir, data_sets), flags.figures_dir)


if __name__ == "__main__":
    script.run(main)
