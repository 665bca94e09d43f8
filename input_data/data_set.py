"""Serves minibatches in the same order as TensorFlow 1.15's own reader.

Source: tensorflow.contrib.learn.python.learn.datasets.mnist in TensorFlow 1.15. Existing code
relies on its arguments, its private attributes and its use of random numbers. There are two main
differences. Each reader has its own random state. The images stay bytes, as in the file, until the
whole array is requested.
"""

import operator
import os
import sys
import weakref

import numpy

from input_data import fake_digits

FAKE_EXAMPLES = 10000
# TensorFlow takes seeds modulo this number.
SEED_MODULUS = 2**31 - 1
# TensorFlow's names of dtypes that numpy does not have, or has for another dtype.
DTYPES = {
    **dict.fromkeys([float, "float", "float_ref", "float32_ref", 1, 101], numpy.float32),
    **dict.fromkeys(["uint8_ref", 4, 104], numpy.uint8),
}


class DataSet:
    """Images with their labels, served in minibatches.

    Args:
      images: array of shape [examples, rows, columns, 1], or any shape [examples, ...] with
        reshape=False. Grey values are on the scale from 0 to 255.
      labels: array of shape [examples] or [examples, classes].
      fake_data: draw 10,000 digits if images is empty. Other images are served as they are, neither
        scaled nor reshaped, as if they were 10,000.
      one_hot: with fake_data, labels of shape [examples, 10] instead of [examples].
      dtype: float32 to serve images on the scale from 0 to 1, uint8 to serve them as they are;
        TensorFlow's, numpy's, or the name.
      reshape: serve images of shape [rows * columns] instead of [rows, columns, 1].
      seed: integer that makes the order repeatable, or a numpy.random.RandomState that several sets
        share. The default is TensorFlow's global seed, if TensorFlow is imported and
        tf.set_random_seed was called. Otherwise the order differs each time. With fake_data, the
        default is 0.
      copy: False if nobody else writes to the arrays, so that they need not be copied.

    Raises:
      TypeError: dtype is neither float32 nor uint8.
      ValueError: images and labels differ in number, or the images cannot be reshaped.
    """

    # A subclass need not call __init__. None stands for numpy's global random state.
    _random_state, _fake_data = None, False

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
        images, labels = numpy.asarray(images), numpy.asarray(labels)
        self._random_state = random_state(seed, fake_data)
        if fake_data:
            self.one_hot = one_hot
            self._fake_data = images.shape[:1] in ((), (0,))
        if self._fake_data:
            images, labels = fake_digits.draw(FAKE_EXAMPLES, self._random_state, one_hot)
            copy = False
        elif fake_data:
            dtype, reshape = numpy.uint8, False
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images, but {len(labels)} labels")
        if reshape:
            if set(images.shape[3:]) != {1}:
                raise ValueError(
                    f"images of shape {images.shape}; with reshape=True they must have shape "
                    "[examples, rows, columns, 1]"
                )
            images = images.reshape(images.shape[0], images.shape[1] * images.shape[2])
        self._image_rows = _image_rows(images, dtype, copy)
        self._label_rows = _Rows(labels, shared=copy)
        self._num_examples = FAKE_EXAMPLES if fake_data else images.shape[0]
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
        self._image_rows = _Rows(images)

    @property
    def _labels(self):
        return self._label_rows.share()

    @_labels.setter
    def _labels(self, labels):
        self._label_rows = _Rows(labels)

    def next_batch(self, batch_size, fake_data=False, shuffle=True):
        """Returns the next examples. At the end of an epoch, the next one begins.

        Args:
          batch_size: number of examples, which may exceed the size of the set. A negative number
            goes back by as many examples and returns no rows, as in TensorFlow's reader. An empty
            set has no rows.
          fake_data: True if the caller expects a set of fake data.
          shuffle: whether each new epoch has a new order.

        Returns:
          images and labels, two new arrays of batch_size rows each.

        Raises:
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
        if fake_data and not self._fake_data:
            raise ValueError(
                "next_batch(fake_data=True) on a data set that is not fake; "
                "make it with read_data_sets(..., fake_data=True)"
            )
        if self._epochs_completed == 0 and self._index_in_epoch == 0 and shuffle:
            self._shuffle()
        spans = []
        while self._index_in_epoch + missing > self._num_examples:
            missing -= max(0, self._num_examples - self._index_in_epoch)
            spans.append(self._take(self._num_examples))
            self._epochs_completed += 1
            self._index_in_epoch = 0
            if shuffle:
                self._shuffle()
            if not self._num_examples:
                break
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
        (self._random_state or numpy.random).shuffle(permutation)
        # A subclass may compute its images or labels.
        images = self._image_rows if type(self).images is DataSet.images else _Rows(self.images)
        labels = self._label_rows if type(self).labels is DataSet.labels else _Rows(self.labels)
        self._image_rows = images.reordered(permutation)
        self._label_rows = labels.reordered(permutation)


def _image_rows(images, dtype, copy):
    """Returns the rows to serve, with the values that TensorFlow's class would hold."""
    if dtype != numpy.float32:
        return _Rows(images, shared=copy)
    if images.dtype != numpy.uint8:
        return _Rows(_scaled(images.astype(numpy.float32)), shared=False)
    return _Rows(images.copy() if copy else images, shared=False, to_float=True)


class _Rows:
    """The rows of an array in the order of one epoch. Copies of a set share them.

    As long as nobody else has the array, another order is only a permutation of row numbers. If the
    caller has the array, another order makes a new array, as in TensorFlow's class. The new array
    contains what was written into the old one before, and not what is written into it later.
    """

    def __init__(self, array, shared=True, order=None, to_float=False):
        self._array = array
        self._shared = shared
        self._order = order  # row numbers; None where the array is in order
        self._to_float = to_float  # uint8 rows, scaled to float32 as they leave

    def copy(self, start, stop):
        chosen = slice(start, stop) if self._order is None else self._order[start:stop]
        rows = self._array[chosen]
        return _scaled(rows) if self._to_float else numpy.array(rows)

    def reordered(self, permutation):
        if self._shared:
            return _Rows(self._array[permutation], shared=False)
        order = permutation if self._order is None else self._order[permutation]
        return _Rows(self._array, False, order, self._to_float)

    def share(self):
        """Returns the whole array in this order; the caller may write to it."""
        if not self._shared:
            self._array = self.copy(None, None)
            self._shared, self._order, self._to_float = True, None, False
        return self._array


def image_dtype(dtype):
    """Returns numpy's dtype for TensorFlow's, numpy's, or the name of one.

    Raises:
      TypeError: it is neither uint8 nor float32.
    """
    found = numpy.dtype(DTYPES.get(dtype) or getattr(dtype, "as_numpy_dtype", dtype)).type
    if found not in (numpy.uint8, numpy.float32):
        raise TypeError(f"image dtype {dtype!r}, expected uint8 or float32")
    return found


class _RandomState(numpy.random.RandomState):
    """A random state that copies of a set share, as copies of TensorFlow's sets share numpy's.

    It is copied and pickled as its name. In another process there is none of that name.
    """

    of_this_process = weakref.WeakValueDictionary()

    def __init__(self, seed):
        super().__init__(seed)
        self._name = os.urandom(16)
        self.of_this_process[self._name] = self

    def __reduce__(self):
        return _random_state_named, (self._name,)


def _random_state_named(name):
    return _RandomState.of_this_process.get(name)


def random_state(seed, fake_data):
    """Returns the random state of a data set. DataSet documents the arguments."""
    if isinstance(seed, numpy.random.RandomState):
        return seed
    if seed is None and fake_data:
        seed = 0
    try:
        # Not imported: if tf.set_random_seed was called, TensorFlow is loaded already.
        of_graph, of_set = sys.modules["tensorflow"].compat.v1.get_seed(seed)
    except (KeyError, AttributeError):
        of_graph, of_set = None, None if seed is None else seed % SEED_MODULUS
    return _RandomState(of_graph if seed is None else of_set)


def _scaled(images):
    """Converts grey values from the scale 0 to 255 to the scale 0 to 1, as float32."""
    return numpy.multiply(images, numpy.float32(1.0 / 255.0), dtype=numpy.float32)
