import importlib
import os
import re
import types
from unittest import mock

import numpy
import pytest
import tensorflow.compat.v1 as tf

import draw_figures
import fully_connected_feed
import mnist_layers_estimator
import mnist_softmax
from digits.network import Network
from input_data import read_data_sets
from training.checkpoints import CheckpointError

IMAGES = numpy.random.RandomState(0).rand(700, 784).astype(numpy.float32)


def softmax_of(logits):
    exponentials = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def accuracy_of(run_dir):
    test_set = read_data_sets("", fake_data=True, seed=0).test
    predictions = Network(run_dir).probabilities(test_set.images).argmax(axis=1)
    return (predictions == test_set.labels).mean()


def test_a_run_is_as_right_as_it_printed(run_of_a_script):
    _, accuracy = run_of_a_script
    assert accuracy_of("run") == pytest.approx(accuracy, abs=5e-5)
    os.remove("run/model.ckpt-11.meta")  # now the script builds the graph
    assert accuracy_of("run") == pytest.approx(accuracy, abs=5e-5)


# What learners change: a module, and parts of its source, each followed by what replaces it.
CHANGES = {
    "a hidden layer": (
        "mnist_softmax",
        'W = tf.Variable(tf.zeros([784, 10]), name="W")',
        "W1 = tf.Variable(tf.truncated_normal([784, 100], stddev=0.1))\n"
        "    hidden = tf.nn.relu(tf.matmul(x, W1))\n"
        '    W = tf.Variable(tf.zeros([100, 10]), name="W")',
        "tf.matmul(x, W)",
        "tf.matmul(hidden, W)",
    ),
    "other names, the page's loss and one more variable": (
        "mnist_softmax",
        'name="W"',
        'name="weights"',
        "tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=logits)",
        "-tf.reduce_sum(y_ * tf.log(y), 1) * tf.Variable(1.0, trainable=False)",
    ),
    "another size of filters": (
        "mnist_deep",
        "[5, 5, 1, 32]",
        "[3, 3, 1, 16]",
        "bias_variable([32])",
        "bias_variable([16])",
        "[5, 5, 32, 64]",
        "[3, 3, 16, 64]",
    ),
    "one more layer": (
        "mnist.mnist",
        'with tf.name_scope("softmax_linear"):',
        "hidden2 = tf.nn.relu(tf.matmul(hidden2, tf.Variable(-tf.eye(hidden2_units)) + 1))\n"
        '    with tf.name_scope("softmax_linear"):',
    ),
    "another size of the Estimator's filters": (
        "mnist_layers_estimator",
        "kernel_size=[5, 5]",
        "kernel_size=[3, 3]",
    ),
}


def changed(name, *replaced):
    """Returns a module like the one of that name, made from its source with parts replaced."""
    path = importlib.import_module(name).__file__
    with open(path) as file:
        source = file.read()
    for part, replacement in zip(replaced[::2], replaced[1::2]):
        assert part in source
        source = source.replace(part, replacement)
    module = types.ModuleType(name)
    exec(compile(source, path, "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_of_a_changed_script_is_as_right_as_it_printed_and_is_drawn(
    change, run_shortly, monkeypatch
):
    name, *replaced = CHANGES[change]
    script = changed(name, *replaced)
    if name == "mnist.mnist":
        monkeypatch.setattr(fully_connected_feed, "mnist", script)
        script = fully_connected_feed
    flag = "--model_dir" if script.__name__ == "mnist_layers_estimator" else "--log_dir"
    flags = [f"{flag}=run", "--max_steps=11", "--batch_size=5", "--seed=0"]
    printed = run_shortly(script, *flags)
    accuracy = re.search(r"([0-9.]+)(, global_step.*)?\s*$", printed).group(1)
    assert accuracy_of("run") == pytest.approx(float(accuracy), abs=5e-5)
    drawn = dict(draw_figures.figures("run", read_data_sets("", fake_data=True, seed=0)))
    assert {name.rsplit("_", 1)[-1] for name in drawn} >= {"curves.png", "confusion.png"}


def save(run_dir, build, name="W"):
    """Saves a checkpoint as a script does.

    Args:
      run_dir: path of an existing folder.
      build: function that builds a graph with a variable of shape [784, 10].
      name: the variable's name.

    Returns:
      the value of the variable.
    """
    config = tf.ConfigProto(allow_soft_placement=True)
    with tf.Graph().as_default(), tf.Session(config=config) as sess:
        W = tf.Variable(tf.random_normal([784, 10], stddev=0.1, seed=0), name=name)
        build(W)
        sess.run(tf.global_variables_initializer())
        tf.train.Saver().save(sess, f"{run_dir}/model.ckpt", global_step=3)
        return sess.run(W)


def add_loss(logits):
    labels = tf.placeholder(tf.float32, [None, 10])
    return tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)


def pictures_with_rows_and_columns(W):
    x = tf.placeholder(tf.float32, [None, 28, 28, 1])
    add_loss(tf.matmul(tf.reshape(x, [-1, 784]), W))


def a_fixed_number_of_images(W):
    add_loss(tf.matmul(tf.placeholder(tf.float32, [100, 784]), W))


def images_of_unknown_shape(W):
    add_loss(tf.matmul(tf.placeholder(tf.float32), W))


def labels_as_numbers(W):
    logits = tf.matmul(tf.placeholder(tf.float32, [None, 784]), W)
    labels = tf.placeholder(tf.int64, [None])
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def two_losses_of_the_same_logits_and_a_softmax_inside(W):
    logits = tf.matmul(tf.placeholder(tf.float32, [None, 784]), W)
    logits *= tf.reduce_sum(tf.nn.softmax(logits), axis=1, keepdims=True)  # which is 1
    add_loss(logits)
    add_loss(logits)


def a_logarithm_instead_of_a_loss(W):
    tf.nn.log_softmax(tf.matmul(tf.placeholder(tf.float32, [None, 784]), W))


def a_gradient_and_a_device_that_are_not_here(W):
    x = tf.placeholder(tf.float32, [None, 784])
    overridden = tf.get_default_graph().gradient_override_map({"MatMul": "NotRegisteredHere"})
    with overridden, tf.device("/device:GPU:7"):
        logits = tf.matmul(x, tf.identity(W))
    add_loss(logits)


def a_dropout_with_a_default(W):
    keep_prob = tf.placeholder_with_default(1.0, [])
    x = tf.placeholder(tf.float32, [None, 784])
    add_loss(tf.matmul(tf.nn.dropout(x, rate=1 - keep_prob), W))


@pytest.mark.parametrize(
    "build",
    [
        pictures_with_rows_and_columns,
        a_fixed_number_of_images,
        images_of_unknown_shape,
        labels_as_numbers,
        two_losses_of_the_same_logits_and_a_softmax_inside,
        a_logarithm_instead_of_a_loss,
        a_gradient_and_a_device_that_are_not_here,
        a_dropout_with_a_default,
    ],
)
def test_images_and_logits_are_found_in_a_saved_graph(build, tmp_path):
    W = save(tmp_path, build)
    probabilities = Network(str(tmp_path)).probabilities(IMAGES)
    numpy.testing.assert_allclose(probabilities, softmax_of(IMAGES @ W), rtol=1e-4, atol=1e-6)


def no_softmax(W):
    tf.nn.sigmoid(tf.matmul(tf.placeholder(tf.float32, [None, 784]), W))


def two_outputs(W):
    logits = tf.matmul(tf.placeholder(tf.float32, [None, 784]), W)
    add_loss(logits)
    add_loss(2 * logits)


def no_images(W):
    add_loss(tf.matmul(tf.zeros([5, 784]), W))


def a_dropout_without_a_default(W):
    keep_prob = tf.placeholder(tf.float32)
    x = tf.placeholder(tf.float32, [None, 784])
    add_loss(tf.matmul(tf.nn.dropout(x, rate=1 - keep_prob), W))


def bytes_as_images(W):
    add_loss(tf.matmul(tf.cast(tf.placeholder(tf.uint8, [None, 784]), tf.float32) / 255, W))


def another_number_of_images(W):
    add_loss(tf.matmul(tf.reshape(tf.placeholder(tf.float32, [None, 784]), [5, 784]), W))


@pytest.mark.parametrize(
    "build, said",
    [
        (no_softmax, "it has 0 outputs with a softmax, expected one"),
        (two_outputs, "it has 2 outputs with a softmax, expected one"),
        (no_images, "it has no saved graph that is fed images, and is of none of the four"),
        (a_dropout_without_a_default, "it is fed Placeholder:0 and Placeholder_1:0, expected ima"),
        (bytes_as_images, "it is fed uint8, expected float32 from 0 to 1"),
        (another_number_of_images, "Input to reshape is a tensor with 196000 values"),
    ],
)
def test_a_network_that_cannot_classify_images_is_refused_in_one_line(build, said, tmp_path):
    save(tmp_path, build, name="other")
    network = Network(str(tmp_path))
    with pytest.raises(CheckpointError, match=f"^{network.prefix}: cannot .*{said}[^\n]*$"):
        network.probabilities(IMAGES)


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_saved_graph_that_is_cut_short_is_refused_in_one_line(share, tmp_path):
    save(tmp_path, labels_as_numbers)
    path = tmp_path / "model.ckpt-3.meta"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match="model.ckpt-3: cannot classify images [^\n]*$"):
        Network(str(tmp_path)).probabilities(IMAGES)


def test_a_script_without_a_layer_of_the_run_does_not_build_its_network(run_shortly):
    script = changed(
        "mnist_layers_estimator",
        "pool2_flat = ",
        "pool2 = tf.layers.conv2d(pool2, 64, [5, 5], padding='same')\n        pool2_flat = ",
    )
    run_shortly(script, "--max_steps=1", "--batch_size=5", "--model_dir=run")
    with pytest.raises(CheckpointError, match="its script, as it is now, has no conv2d_2/"):
        Network("run").probabilities(IMAGES)
    with mock.patch.object(mnist_layers_estimator, "cnn_model_fn", script.cnn_model_fn):
        Network("run").probabilities(IMAGES)


def test_a_graph_is_loaded_once(tmp_path):
    save(tmp_path, labels_as_numbers)
    network = Network(str(tmp_path))
    with mock.patch.object(tf, "import_graph_def", wraps=tf.import_graph_def) as imported:
        for _ in range(3):
            network.probabilities(IMAGES[:1])
    assert imported.call_count == 1


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        Network(str(tmp_path))


def test_a_damaged_checkpoint_is_left_out(run_shortly, capsys):
    for steps in (3, 5):
        run_shortly(mnist_softmax, f"--max_steps={steps}", "--log_dir=run")
    with open("run/model.ckpt-5.data-00000-of-00001", "wb") as data:
        data.write(b"short")
    network = Network("run")
    assert (network.name, network.prefix) == ("softmax", "run/model.ckpt-3")
    assert "model.ckpt-5 cannot be read" in capsys.readouterr().out
