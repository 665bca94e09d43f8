from robust.errors import CheckpointError

import numpy
import pytest
from PIL import Image

import draw_diagrams
import mnist_deep
import mnist_softmax
from trained.network import Network

DIAGRAMS = ["softmax_network", "deep_layers", "deep_feature_maps", "estimator_modes"]


@pytest.fixture
def deep_run(run_shortly):
    """The Network of a short run into the folder named run."""
    run_shortly(mnist_deep, "--max_steps=1", "--batch_size=5", "--seed=0", "--log_dir=run")
    return Network("run")


def test_the_diagrams_are_written_and_named(deep_run, capsys):
    draw_diagrams.main(["run", "--fake_data", "--figures_dir=pictures"])
    written = capsys.readouterr().out.splitlines()[1:]
    assert written == [f"pictures/{diagram}.png" for diagram in DIAGRAMS]
    for path in written:
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors()) > 10
            assert picture.width == 780


def test_a_run_of_another_script_is_refused(run_shortly):
    run_shortly(mnist_softmax, "--max_steps=1", "--log_dir=run")
    with pytest.raises(CheckpointError, match="is not a run of mnist_deep.py"):
        draw_diagrams.main(["run", "--fake_data"])


def test_the_deep_network_s_layers_have_the_tutorial_s_shapes_and_parameters():
    layers = {name: (shape, count) for name, _, shape, count in draw_diagrams.deep_layers()}
    assert layers == {
        "x_image": ((28, 28, 1), 0),
        "h_conv1": ((28, 28, 32), 832),
        "h_pool1": ((14, 14, 32), 0),
        "h_conv2": ((14, 14, 64), 51264),
        "h_pool2": ((7, 7, 64), 0),
        "h_fc1": ((1024,), 3212288),
        "h_fc1_drop": ((1024,), 0),
        "y_conv": ((10,), 10250),
    }


def test_shapes_and_parameters_are_those_of_the_graph(monkeypatch):
    def narrow(make_variable):
        return lambda shape: make_variable([100 if size == 1024 else size for size in shape])

    monkeypatch.setattr(mnist_deep, "weight_variable", narrow(mnist_deep.weight_variable))
    monkeypatch.setattr(mnist_deep, "bias_variable", narrow(mnist_deep.bias_variable))
    layers = {name: (shape, count) for name, _, shape, count in draw_diagrams.deep_layers()}
    assert layers["h_fc1"] == ((100,), 3136 * 100 + 100)
    assert layers["h_fc1_drop"] == ((100,), 0)
    assert layers["y_conv"] == ((10,), 100 * 10 + 10)


def test_the_sum_of_the_parameters_is_drawn():
    figure = draw_diagrams.draw_deep_layers(draw_diagrams.deep_layers())
    assert "in all 3,274,634" in [text.get_text() for text in figure.axes[0].texts]


def test_feature_maps_are_those_of_the_run(deep_run):
    image = numpy.zeros(784, numpy.float32)
    image[14 * 28 + 13] = 1
    h_conv1, h_pool1 = draw_diagrams.feature_maps(deep_run, image)
    # A convolution of a single point is the filter, turned by half a turn.
    kernel = deep_run.variable("conv1/W_conv1")[::-1, ::-1, 0]
    bias = deep_run.variable("conv1/b_conv1")
    expected = numpy.maximum(numpy.moveaxis(kernel + bias, -1, 0), 0)
    assert h_conv1.shape == (32, 28, 28)
    assert numpy.allclose(h_conv1[:, 12:17, 11:16], expected, atol=1e-6)
    blocks = h_conv1.reshape(32, 14, 2, 14, 2)
    assert (h_pool1 == blocks.max(axis=(2, 4))).all()


def test_feature_maps_of_a_changed_script_are_those_of_the_run(deep_run, monkeypatch):
    image = numpy.linspace(0, 1, 784, dtype=numpy.float32)
    expected = draw_diagrams.feature_maps(deep_run, image)
    monkeypatch.setattr(mnist_deep, "deepnn", None)
    for found, maps in zip(draw_diagrams.feature_maps(Network("run"), image), expected):
        assert (found == maps).all()
    with pytest.raises(CheckpointError, match="model.ckpt-1: cannot .*conv1/MaxPool"):
        Network("run").output("conv1/MaxPool_2", image[numpy.newaxis])


def test_the_modes_are_what_the_model_function_takes_and_returns():
    assert draw_diagrams.estimator_modes() == [
        ("TRAIN", ["features", "labels"], {"loss": [], "train_op": []}),
        ("EVAL", ["features", "labels"], {"loss": [], "eval_metric_ops": ["accuracy"]}),
        ("PREDICT", ["features"], {"predictions": ["classes", "probabilities"]}),
    ]
