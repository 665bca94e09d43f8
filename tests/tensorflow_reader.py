"""TensorFlow 1.15's own reader, and what it served to the tests, for where TensorFlow 2 runs them.

TensorFlow 2 no longer has the reader. So tensorflow_reader.json holds, for each test that compares
with it, a digest of all arrays that it served there. On TensorFlow 1.15 the tests compare with the
reader itself, and with the digest; on TensorFlow 2, with the digest alone. To make the file again,
under Python 3.7:

    uv run tests/tensorflow_reader.py
"""

import hashlib
import json
import os
import sys
from unittest import mock

import numpy
import tensorflow.compat.v1 as tf

PATH = os.path.splitext(os.path.abspath(__file__))[0] + ".json"
RECORDING = "RECORD_TENSORFLOW_READER"


def load():
    """Returns the module of the reader or, on TensorFlow 2, what takes any call and any edit."""
    if not tf.version.VERSION.startswith("1."):
        return mock.MagicMock()
    tf.logging.set_verbosity(tf.logging.ERROR)
    from tensorflow.contrib.learn.python.learn.datasets import mnist

    return mnist


def recorded():
    """Returns the digests, by the names of the tests."""
    with open(PATH) as file:
        return json.load(file)


class Comparison:
    """Compares arrays of one test with those of the reader."""

    def __init__(self):
        self._digest = hashlib.sha256()

    def __call__(self, found, expected):
        found = numpy.asarray(found)
        if not isinstance(expected, mock.MagicMock):
            expected = numpy.asarray(expected)
            assert found.dtype == expected.dtype
            numpy.testing.assert_array_equal(found, expected)
        self._digest.update(f"{found.dtype} {found.shape} ".encode() + found.tobytes())

    def of_all(self, found, use, reader, *arguments):
        """Compares arrays with those that a function of the reader yields."""
        there = not isinstance(reader, mock.MagicMock)
        expected = list(use(reader, *arguments)) if there else [reader] * len(found)
        assert len(found) == len(expected)
        for arrays in zip(found, expected):
            self(*arrays)

    def finish(self, test):
        """Compares the digest of all arrays with the recorded one, or records it."""
        digest = self._digest.hexdigest()
        if RECORDING in os.environ:
            digests = {**recorded(), test: digest} if os.path.exists(PATH) else {test: digest}
            with open(PATH, "w") as file:
                json.dump(digests, file, indent=1, sort_keys=True)
                file.write("\n")
        assert digest == recorded()[test]


if __name__ == "__main__":
    import pytest

    if os.path.exists(PATH):
        os.remove(PATH)
    os.environ[RECORDING] = "1"
    tests = os.path.join(os.path.dirname(PATH), "test_data_set.py")
    sys.exit(pytest.main([tests, "-n", "0", "-k", "tensorflow or wild or rewound"]))
