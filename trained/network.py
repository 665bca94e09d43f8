"""Loads the network that a run has trained, and classifies images with it."""

from robust import checkpoints
from robust.errors import CheckpointError
from robust.evaluation import CHUNK

import numpy
import tensorflow.compat.v1 as tf

import mnist_deep
import mnist_layers_estimator
from mnist import mnist


def _softmax(x, shapes):
    W, b = (tf.Variable(tf.zeros(shapes[name]), name=name) for name in ("W", "b"))
    return tf.nn.softmax(tf.matmul(x, W) + b)


def _deep(x, shapes):
    y_conv, _ = mnist_deep.deepnn(x)
    return tf.nn.softmax(y_conv)


def _fully_connected(x, shapes):
    hidden1, hidden2 = (shapes[f"hidden{layer}/biases"][0] for layer in (1, 2))
    return tf.nn.softmax(mnist.inference(x, hidden1, hidden2))


def _estimator(x, shapes):
    spec = mnist_layers_estimator.cnn_model_fn({"x": x}, None, tf.estimator.ModeKeys.PREDICT)
    return spec.predictions["probabilities"]


# A variable that only one of the four scripts has, its network's name, and the function that builds
# its probabilities.
NETWORKS = {
    "W": ("softmax", _softmax),
    "conv1/W_conv1": ("deep", _deep),
    "hidden1/weights": ("fully_connected", _fully_connected),
    "conv2d/kernel": ("estimator", _estimator),
}


class Network:
    """The network in the last usable checkpoint of a run of one of the four scripts.

    Args:
      run_dir: path of the run's folder.

    Attributes:
      name: "softmax", "deep", "fully_connected" or "estimator".
      prefix: path prefix of the checkpoint.

    Raises:
      CheckpointError: the folder has no readable checkpoint, or one of another model.
    """

    def __init__(self, run_dir):
        with tf.Graph().as_default():
            self.prefix = checkpoints.latest_usable(run_dir)
        if self.prefix is None:
            raise CheckpointError(
                f"{run_dir}: holds no checkpoint; name the folder that a run printed, or that was "
                "given to it with --log_dir or --model_dir"
            )
        self._shapes = tf.train.load_checkpoint(self.prefix).get_variable_to_shape_map()
        for variable, (name, build) in NETWORKS.items():
            if variable in self._shapes:
                self.name, self._build = name, build
                return
        raise CheckpointError(f"{self.prefix}: is not a checkpoint of one of the four scripts")

    def variable(self, name):
        """Returns the value of a variable as an array."""
        return tf.train.load_variable(self.prefix, name)

    def probabilities(self, images):
        """Classifies images.

        Args:
          images: float32 array of shape [batch, 784], from 0, paper, to 1, ink.

        Returns:
          float32 array of shape [batch, 10].
        """
        with tf.Graph().as_default(), tf.Session() as sess:
            x = tf.placeholder(tf.float32, [None, 784])
            y = self._build(x, self._shapes)
            tf.train.Saver(tf.trainable_variables()).restore(sess, self.prefix)
            return numpy.concatenate(
                [
                    sess.run(y, {x: images[start : start + CHUNK]})
                    for start in range(0, len(images), CHUNK)
                ]
            )
