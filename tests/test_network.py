from robust.errors import CheckpointError

import numpy
import pytest
import tensorflow.compat.v1 as tf

import mnist_softmax
from input_data import read_data_sets
from trained.network import Network


def test_a_run_is_as_right_as_it_printed(run_of_a_script):
    _, accuracy = run_of_a_script
    test_set = read_data_sets("", fake_data=True, seed=0).test
    predictions = Network("run").probabilities(test_set.images).argmax(axis=1)
    assert (predictions == test_set.labels).mean() == pytest.approx(accuracy, abs=5e-5)


def test_the_probabilities_of_softmax_regression_are_those_of_numpy(run_shortly):
    run_shortly(mnist_softmax, "--max_steps=20", "--log_dir=run", "--seed=0")
    network = Network("run")
    images = numpy.random.RandomState(0).rand(700, 784).astype(numpy.float32)
    exponentials = numpy.exp(images @ network.variable("W") + network.variable("b"))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    numpy.testing.assert_allclose(network.probabilities(images), expected, rtol=1e-4)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        Network(str(tmp_path))


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Variable(0, name="other")
        sess.run(tf.global_variables_initializer())
        tf.train.Saver().save(sess, str(tmp_path / "model.ckpt"), global_step=3)
    with pytest.raises(CheckpointError, match="not a checkpoint of one of the four scripts"):
        Network(str(tmp_path))


def test_a_damaged_checkpoint_is_left_out(run_shortly, capsys):
    for steps in (3, 5):
        run_shortly(mnist_softmax, f"--max_steps={steps}", "--log_dir=run")
    with open("run/model.ckpt-5.data-00000-of-00001", "wb") as data:
        data.write(b"short")
    network = Network("run")
    assert (network.name, network.prefix) == ("softmax", "run/model.ckpt-3")
    assert "model.ckpt-5 cannot be read" in capsys.readouterr().out
