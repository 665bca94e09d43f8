"""Tests what the pages say of several scripts: hyperparameters, shapes, optimizers, accuracies."""

import importlib

from training.explained_import import tf

import numpy
import pytest

import mnist_deep
import mnist_layers_estimator
import mnist_softmax
import script_graph
from mnist import mnist


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield sess


@pytest.mark.parametrize(
    "script, numbers",
    [
        ("mnist_softmax", {"max_steps": 1000, "batch_size": 100, "learning_rate": 0.5}),
        ("mnist_deep", {"max_steps": 20000, "batch_size": 50, "learning_rate": 1e-4}),
        (
            "mnist_layers_estimator",
            {"max_steps": 20000, "batch_size": 100, "learning_rate": 0.001},
        ),
        (
            "fully_connected_feed",
            {
                "max_steps": 2000, "batch_size": 100, "learning_rate": 0.01, "hidden1": 128,
                "hidden2": 32,
            },
        ),
    ],
)  # fmt: skip
def test_without_flags_a_script_takes_the_numbers_of_its_page(script, numbers):
    flags = vars(importlib.import_module(script).main.parse_flags([]))
    assert {name: flags[name] for name in numbers} == numbers


@pytest.mark.parametrize("script", [mnist_softmax, mnist_deep])
def test_placeholders_take_any_number_of_images_and_one_hot_labels(session, script):
    model = script_graph.build(script)
    for placeholder, size in ((model.x, 784), (model.y_, 10)):
        assert placeholder.op.type == "Placeholder"
        assert placeholder.dtype == tf.float32
        assert placeholder.shape.as_list() == [None, size]


DEEP_LAYERS = {
    "Reshape": [28, 28, 1],
    "conv1/Relu": [28, 28, 32],
    "conv1/MaxPool": [14, 14, 32],
    "conv2/Relu": [14, 14, 64],
    "conv2/MaxPool": [7, 7, 64],
    "fc1/Reshape": [3136],
    "fc1/Relu": [1024],
    "fc2/add": [10],
}
ESTIMATOR_LAYERS = [
    "Reshape", "conv2d/Relu", "max_pooling2d/MaxPool", "conv2d_1/Relu", "max_pooling2d_1/MaxPool",
    "Reshape_1", "dense/Relu", "dense_1/BiasAdd",
]  # fmt: skip


@pytest.mark.parametrize("batch", [5, 100])
def test_each_layer_of_the_deep_network_has_the_shape_of_the_pages(session, batch):
    mnist_deep.deepnn(tf.zeros([batch, 784]))
    for name, shape in DEEP_LAYERS.items():
        assert session.graph.get_tensor_by_name(f"{name}:0").shape.as_list() == [batch, *shape]


@pytest.mark.parametrize("batch", [5, 100])
@pytest.mark.parametrize("mode", ["train", "infer"])
def test_each_layer_of_the_estimators_network_has_the_shape_of_its_page(session, mode, batch):
    tf.train.create_global_step()
    images, labels = tf.zeros([batch, 784]), tf.zeros([batch], tf.int32)
    mnist_layers_estimator.cnn_model_fn({"x": images}, labels, mode)
    for name, shape in zip(ESTIMATOR_LAYERS, DEEP_LAYERS.values()):
        assert session.graph.get_tensor_by_name(f"{name}:0").shape.as_list() == [batch, *shape]


def build_script(script):
    return lambda rate: script_graph.build(script, f"--learning_rate={rate}")


def build_estimator(rate):
    tf.train.create_global_step()
    features = {"x": tf.zeros([5, 784])}
    params = {"learning_rate": rate}
    mnist_layers_estimator.cnn_model_fn(features, tf.zeros([5], tf.int32), "train", params)


def build_fully_connected(rate):
    logits = mnist.inference(tf.zeros([5, 784]), 128, 32)
    mnist.training(mnist.loss(logits, tf.zeros([5], tf.int32)), rate)


@pytest.mark.parametrize(
    "build, update, variables",
    [
        (build_script(mnist_softmax), "ApplyGradientDescent", 2),
        (build_script(mnist_deep), "ApplyAdam", 8),
        (build_estimator, "ApplyGradientDescent", 8),
        (build_fully_connected, "ApplyGradientDescent", 6),
    ],
)
def test_the_optimizer_of_a_page_updates_all_weights_and_no_counter(
    session, build, update, variables
):
    build(0.25)
    updates = [node for node in session.graph.get_operations() if "Apply" in node.type]
    # TensorFlow 2 keeps variables as resources.
    assert {node.type.replace("Resource", "") for node in updates} == {update}
    updated = {node.inputs[0].op.name for node in updates}
    assert updated == {variable.op.name for variable in tf.trainable_variables()}
    assert len(updated) == variables
    assert "global_step" not in updated
    place = {"ApplyGradientDescent": 1, "ApplyAdam": 5}[update]
    assert {session.run(node.inputs[place]) for node in updates} == {0.25}


def test_three_right_of_four_are_an_accuracy_of_three_quarters(session):
    # Fed in place of what the network computes: any tensor can be fed, not placeholders alone.
    model = script_graph.build(mnist_softmax)
    y, y_ = numpy.eye(10)[[3, 1, 4, 1]], numpy.eye(10)[[3, 2, 4, 1]]
    assert session.run(model.accuracy, {model.y: y, model.y_: y_}) == 0.75


def test_the_cross_entropy_of_a_page_ends_where_the_probability_rounds_to_zero(session):
    logits, y_ = tf.constant([[1000.0] + [0.0] * 9]), tf.constant([[0.0, 1.0] + [0.0] * 8])
    y = tf.nn.softmax(logits)
    of_the_page = tf.reduce_mean(-tf.reduce_sum(y_ * tf.log(y), axis=1))
    ours = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=logits))
    probabilities, lost, found = session.run([y, of_the_page, ours])
    assert probabilities[0, 1] == 0
    assert numpy.isnan(lost)
    assert found == 1000
