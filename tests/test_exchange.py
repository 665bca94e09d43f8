"""Resumes and loads what other TensorFlows have made; tests/runs/make.py is their maker."""

import glob
import importlib
import os
import shutil

import numpy
import pytest
import tensorflow.compat.v1 as tf

from digits import network
from short_runs import ROOT

RUNS = os.path.join(ROOT, "tests", "runs")
FLAGS = {"mnist_softmax": [], "fully_connected_feed": ["--hidden1=20", "--hidden2=15"]}


def weights(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


@pytest.mark.parametrize("version", ["1.15", "2.15", "2.21"])
@pytest.mark.parametrize("script", FLAGS)
def test_a_training_begun_on_any_tensorflow_goes_on(script, version, run_shortly, tmp_path):
    shutil.copytree(os.path.join(RUNS, f"{script}-{version}"), str(tmp_path / "run"))
    flags = ["--seed=0", "--max_steps=9", f"--log_dir={tmp_path}/run", *FLAGS[script]]
    out = run_shortly(importlib.import_module(script), *flags)
    assert f"resuming at step 7 from {tmp_path}/run/model.ckpt-7\n" in out
    before, after = (weights(f"{tmp_path}/run/model.ckpt-{step}") for step in (7, 9))
    assert before.keys() == after.keys()
    assert after["global_step"] == 9
    for name in before.keys() - {"global_step"}:
        # Two small steps on.
        assert 0 < numpy.abs(after[name] - before[name]).max() < 0.2, name


@pytest.mark.parametrize("script", FLAGS)
def test_both_tensorflows_name_and_shape_the_variables_alike(script):
    first, second = (
        {name: value.shape for name, value in weights(path).items()}
        for path in (os.path.join(RUNS, f"{script}-{v}", "model.ckpt-7") for v in ("1.15", "2.21"))
    )
    assert first == second


@pytest.mark.parametrize("version", ["1.15", "2.21"])
def test_an_export_of_either_tensorflow_is_loaded(version):
    (folder,) = glob.glob(os.path.join(RUNS, f"export-{version}", "*"))
    images = numpy.random.RandomState(0).rand(3, 784)
    with tf.Graph().as_default(), tf.Session() as sess:
        signature = tf.saved_model.load(sess, ["serve"], folder).signature_def["serving_default"]
        sums = sess.run(signature.outputs["sum"].name, {signature.inputs["x"].name: images})
    numpy.testing.assert_allclose(sums, images.sum(axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("version", ["1.15", "2.15", "2.21"])
def test_the_graph_that_either_tensorflow_saved_classifies(version, monkeypatch):
    monkeypatch.setattr(network, "NETWORKS", {})  # so no script builds it
    run = network.Network(os.path.join(RUNS, f"fully_connected_feed-{version}"))
    images = numpy.random.RandomState(0).rand(300, 784)
    outputs = images
    for layer in ("hidden1", "hidden2", "softmax_linear"):
        outputs = outputs @ run.variable(f"{layer}/weights") + run.variable(f"{layer}/biases")
        logits, outputs = outputs, numpy.maximum(outputs, 0)
    expected = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    found = run.probabilities(images.astype(numpy.float32))
    numpy.testing.assert_allclose(found, expected, rtol=1e-4)
