"""Evaluates a model on a whole data set without holding all of its activations at once."""

import numpy

from input_data import InvalidDataError

CHUNK = 500


def batches_of(data_set):
    """Yields all of a data set once, as arrays of up to 500 images and as many labels.

    In the order of this epoch; next_batch serves the same afterwards as it would have before.

    Raises:
      InvalidDataError: the set is empty.
    """
    if not data_set.num_examples:
        raise InvalidDataError("cannot evaluate on a data set without examples")
    for start in range(0, data_set.num_examples, CHUNK):
        yield data_set.examples(start, start + CHUNK)


def accuracy(sess, correct_prediction, x, y_, data_set):
    """Returns the share of a data set that a model gets right.

    The same number as from one feed of the whole set, for which the first convolution of the deep
    net alone would take 1 GB.

    Args:
      sess: session with the model's variables.
      correct_prediction: bool tensor of shape [batch].
      x: placeholder of the images.
      y_: placeholder of the labels.
      data_set: DataSet to feed.

    Returns:
      float from 0 to 1.
    """
    correct = [
        sess.run(correct_prediction, {x: images, y_: labels})
        for images, labels in batches_of(data_set)
    ]
    return numpy.concatenate(correct).mean()
