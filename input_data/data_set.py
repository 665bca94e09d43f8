"""Serves minibatches in the same order as TensorFlow 1.15's own reader.

Source: tensorflow.contrib.learn.python.learn.datasets.mnist in TensorFlow 1.15. Existing code
relies on its arguments, its private attributes and its use of random numbers. There are two main
differences. Each reader has its own random state. The images stay bytes, as in the file, until the
whole array is requested.
"""

import operator
import sys

import numpy

from input_data import fake_digits
from input_data.idx import InvalidDataError

FAKE_EXAMPLES = 10000
# TensorFlow takes seeds modulo this number.
SEED_MODULUS = 2**31 - 1


class DataSet:
    """Images with their labels, served in minibatches.

    Args:
      images: array of shape [examples, rows, columns, 1], or any shape [examples, ...] with
        reshape=False. Grey values are on the scale from 0 to 255.
      labels: array of shape [examples] or [examples, classes].
      fake_data: ignore images and labels, and draw 10,000 digits instead.
      one_hot: with fake_data, labels of shape [examples, 10] instead of [examples].
      dtype: float32 to serve images on the scale from 0 to 1, uint8 to serve them as they are;
        TensorFlow's, numpy's, or the name.
      reshape: serve images of shape [rows * columns] instead of [rows, columns, 1].
      seed: integer that makes the order repeatable, or a numpy.random.RandomState that several sets
        share. The default is the seed of TensorFlow's default graph, if TensorFlow is imported and
        tf.set_random_seed was called. Otherwise the order differs each time. With fake_data, the
        default is 0.
      copy: False if nobody else writes to the arrays, so that they need not be copied.

    Raises:
      TypeError: dtype is neither float32 nor uint8.
      ValueError: images and labels differ in number, or the images cannot be reshaped.
    """

    def __init__(
        self,
        images,
        labels,
        fake_data=False,
        one_hot=False,
        dtype=numpy.float32,
        reshape=True,
        seed=None,
        *,
        copy=True,
    ):
        dtype = image_dtype(dtype)
        self._random_state = random_state(seed, fake_data)
        if fake_data:
            self.one_hot = one_hot
            images, labels = fake_digits.draw(FAKE_EXAMPLES, self._random_state, one_hot)
            copy = False
        if images.shape[0] != labels.shape[0]:
            raise ValueError(f"{images.shape[0]} images, but {labels.shape[0]} labels")
        if reshape:
            if images.ndim != 4 or images.shape[3] != 1:
                raise ValueError(
                    f"images of shape {images.shape}; with reshape=True they must have shape "
                    "[examples, rows, columns, 1]"
                )
            images = images.reshape(images.shape[0], images.shape[1] * images.shape[2])
        self._fake_data = fake_data
        self._image_rows = _image_rows(images, dtype, copy)
        self._label_rows = _Rows(labels, shared=copy)
        self._num_examples = images.shape[0]
        self._epochs_completed = 0
        self._index_in_epoch = 0

    @property
    def images(self):
        """All images in the order of this epoch. Changing them in place changes the batches.

        As float32 they take four times the memory of the bytes that the set keeps otherwise.
        """
        return self._images

    @property
    def labels(self):
        """All labels in the order of this epoch. Changing them in place changes the batches."""
        return self._labels

    @property
    def num_examples(self):
        """Number of examples."""
        return self._num_examples

    @property
    def epochs_completed(self):
        """Number of times that all examples were served."""
        return self._epochs_completed

    # Existing code reads and assigns these two.
    @property
    def _images(self):
        return self._image_rows.share()

    @_images.setter
    def _images(self, images):
        self._image_rows = _Rows(images, shared=True)

    @property
    def _labels(self):
        return self._label_rows.share()

    @_labels.setter
    def _labels(self, labels):
        self._label_rows = _Rows(labels, shared=True)

    def next_batch(self, batch_size, fake_data=False, shuffle=True):
        """Returns the next examples. At the end of an epoch, the next one begins.

        Args:
          batch_size: number of examples, which may exceed the size of the set. A negative number
            goes back by as many examples and returns no rows, as in TensorFlow's reader.
          fake_data: True if the caller expects a set of fake data.
          shuffle: whether each new epoch has a new order.

        Returns:
          images and labels, two new arrays of batch_size rows each.

        Raises:
          InvalidDataError: a ValueError; the set is empty.
          ValueError: batch_size goes back beyond the start of the epoch, or fake_data is True and
            the set is not fake.
          TypeError: batch_size is not an integer.
        """
        missing = operator.index(batch_size)
        if missing < 0 and self._index_in_epoch + missing < 0:
            raise ValueError(
                f"batch_size is {batch_size}, expected {-self._index_in_epoch} or more: a negative "
                "one goes back in the epoch, not beyond its start"
            )
        if missing > 0 and not self._num_examples:
            raise InvalidDataError("cannot take a batch from a data set without examples")
        if fake_data and not self._fake_data:
            raise ValueError(
                "next_batch(fake_data=True) on a data set that is not fake; "
                "make it with read_data_sets(..., fake_data=True)"
            )
        if self._epochs_completed == 0 and self._index_in_epoch == 0 and shuffle:
            self._shuffle()
        spans = []
        while self._index_in_epoch + missing > self._num_examples:
            missing -= self._num_examples - self._index_in_epoch
            spans.append(self._take(self._num_examples))
            self._epochs_completed += 1
            self._index_in_epoch = 0
            if shuffle:
                self._shuffle()
        spans.append(self._take(self._index_in_epoch + missing))
        if len(spans) == 1:
            return spans[0]
        images, labels = zip(*spans)
        return numpy.concatenate(images), numpy.concatenate(labels)

    def examples(self, start, stop):
        """Returns some examples in the order of this epoch. The next batch stays the same.

        Returns:
          images and labels, two new arrays of stop - start rows each, fewer at the set's end.
        """
        return self._image_rows.copy(start, stop), self._label_rows.copy(start, stop)

    def _take(self, stop):
        start, self._index_in_epoch = self._index_in_epoch, stop
        return self.examples(start, stop)

    def _shuffle(self):
        permutation = numpy.arange(self._num_examples)
        self._random_state.shuffle(permutation)
        self._image_rows.reorder(permutation)
        self._label_rows.reorder(permutation)


def _image_rows(images, dtype, copy):
    """Returns the rows to serve, with the values that TensorFlow's class would hold."""
    if dtype != numpy.float32:
        return _Rows(images, shared=copy)
    if images.dtype != numpy.uint8:
        return _Rows(_scaled(images.astype(numpy.float32)), shared=False)
    return _Rows(images.copy() if copy else images, shared=False, to_float=True)


class _Rows:
    """The rows of an array, in an order that changes with each epoch.

    As long as the array is not shared, a new order is only a permutation of row numbers. If the
    caller has the array, the next order makes a new array, as in TensorFlow's class. The new array
    contains what was written into the old one before, and not what is written into it later.
    """

    def __init__(self, array, shared, to_float=False):
        self._array = array
        self._to_float = to_float  # uint8 rows, scaled to float32 as they leave
        self._order = None  # row numbers; None where the array is in order
        self._shared = shared

    def copy(self, start, stop):
        chosen = slice(start, stop) if self._order is None else self._order[start:stop]
        rows = self._array[chosen]
        return _scaled(rows) if self._to_float else numpy.array(rows)

    def reorder(self, permutation):
        if self._shared:
            self._array = self._array[permutation]
            self._shared = False
        elif self._order is None:
            self._order = permutation
        else:
            self._order = self._order[permutation]

    def share(self):
        """Returns the whole array in its current order; the caller may write to it."""
        if self._to_float:
            whole = numpy.empty(self._array.shape, numpy.float32)
            for start in range(0, len(whole), 1000):
                whole[start : start + 1000] = self.copy(start, start + 1000)
            self._array = whole
        elif self._order is not None:
            self._array = self._array[self._order]
        self._to_float, self._order, self._shared = False, None, True
        return self._array


def image_dtype(dtype):
    """Returns numpy's dtype for TensorFlow's, numpy's, or the name of one.

    Raises:
      TypeError: it is neither uint8 nor float32.
    """
    # TensorFlow treats Python's float as float32.
    found = numpy.float32 if dtype is float else getattr(dtype, "as_numpy_dtype", dtype)
    if numpy.dtype(found) not in (numpy.uint8, numpy.float32):
        raise TypeError(f"image dtype {dtype!r}, expected uint8 or float32")
    return numpy.dtype(found)


def random_state(seed, fake_data):
    """Returns the random state of a data set. DataSet documents the arguments."""
    if isinstance(seed, numpy.random.RandomState):
        return seed
    if seed is None:
        seed = 0 if fake_data else _graph_seed()
    return numpy.random.RandomState(None if seed is None else operator.index(seed) % SEED_MODULUS)


def _graph_seed():
    # Not imported: if tf.set_random_seed was called, TensorFlow is loaded already.
    tensorflow = sys.modules.get("tensorflow")
    get_default_graph = getattr(
        getattr(getattr(tensorflow, "compat", None), "v1", None), "get_default_graph", None
    )
    return get_default_graph().seed if get_default_graph else None


def _scaled(images):
    """Converts grey values from the scale 0 to 255 to the scale 0 to 1, as float32."""
    return numpy.multiply(images, numpy.float32(1.0 / 255.0), dtype=numpy.float32)
