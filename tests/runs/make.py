"""Makes the two short runs of this folder that tests/test_exchange.py resumes and loads.

    uv run tests/runs/make.py
    uv run --python 3.11 tests/runs/make.py

Each run is named by its script and by the TensorFlow that trained it.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))

import tensorflow.compat.v1 as tf  # noqa: E402

import fully_connected_feed  # noqa: E402
import input_data.data_set  # noqa: E402
import mnist_softmax  # noqa: E402

SCRIPTS = {mnist_softmax: [], fully_connected_feed: ["--hidden1=20", "--hidden2=15"]}


def main():
    input_data.data_set.FAKE_EXAMPLES = 500
    for script, flags in SCRIPTS.items():
        version = ".".join(tf.version.VERSION.split(".")[:2])
        folder = os.path.join(HERE, f"{script.__name__}-{version}")
        if os.path.exists(folder):
            sys.exit(f"{folder}: is there; remove it first")
        script.main(["--fake_data", "--max_steps=7", "--seed=0", f"--log_dir={folder}", *flags])
        for name in os.listdir(folder):
            if name.startswith("events"):  # not needed to resume or to classify
                os.remove(os.path.join(folder, name))


if __name__ == "__main__":
    main()
