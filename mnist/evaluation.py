"""Evaluates a model on a whole data set without holding all of its activations at once."""

import numpy

CHUNK = 500


def accuracy(sess, correct_prediction, x, y_, data_set):
    """Returns the share of a data set that a model gets right.

    The same number as from one feed of the whole set, for which the first convolution of the deep
    net alone would take 1 GB.

    Args:
      sess: session with the model's variables.
      correct_prediction: bool tensor of shape [batch].
      x: placeholder of the images.
      y_: placeholder of the labels.
      data_set: DataSet with images and labels to feed.

    Returns:
      float from 0 to 1.
    """
    images, labels = data_set.images, data_set.labels
    correct = [
        sess.run(
            correct_prediction,
            {x: images[start : start + CHUNK], y_: labels[start : start + CHUNK]},
        )
        for start in range(0, len(images), CHUNK)
    ]
    return numpy.concatenate(correct).mean()
