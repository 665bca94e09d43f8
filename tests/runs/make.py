"""Makes what tests/test_exchange.py resumes and loads: two short runs, and an export.

    uv run tests/runs/make.py
    uv run --python 3.13 tests/runs/make.py

Each folder is named by its script, or "export", and by the TensorFlow that made it.
"""

import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))

from training.explained_import import tf  # noqa: E402

import numpy  # noqa: E402

import fully_connected_feed  # noqa: E402
import input_data.data_set  # noqa: E402
import mnist_softmax  # noqa: E402
from training import estimator  # noqa: E402

SCRIPTS = {mnist_softmax: [], fully_connected_feed: ["--hidden1=20", "--hidden2=15"]}


def new_folder(name):
    version = ".".join(tf.version.VERSION.split(".")[:2])
    folder = os.path.join(HERE, f"{name}-{version}")
    if os.path.exists(folder):
        sys.exit(f"{folder}: is there; remove it first")
    return folder


def adder(features, labels, mode):
    """The model function of a network that adds up the pixels of an image."""
    one = tf.ones_initializer()
    output = tf.layers.dense(features["x"], 1, use_bias=False, kernel_initializer=one)
    step = tf.assign_add(tf.train.get_global_step(), 1)
    return tf.estimator.EstimatorSpec(mode, {"sum": output}, tf.reduce_sum(output), step)


def export(folder):
    images = {"x": numpy.zeros([1, 784], numpy.float32)}
    classifier = tf.estimator.Estimator(adder, tempfile.mkdtemp())
    classifier.train(tf.estimator.inputs.numpy_input_fn(images, shuffle=False))
    estimator.export(classifier, folder)


def main():
    export(new_folder("export"))
    input_data.data_set.FAKE_EXAMPLES = 500
    for script, flags in SCRIPTS.items():
        folder = new_folder(script.__name__)
        script.main(["--fake_data", "--max_steps=7", "--seed=0", f"--log_dir={folder}", *flags])
        for name in os.listdir(folder):
            if name.startswith("events"):  # not needed to resume or to classify
                os.remove(os.path.join(folder, name))


if __name__ == "__main__":
    main()
