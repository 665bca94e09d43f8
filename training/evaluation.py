"""Evaluates a model on a whole data set in small parts, to save memory."""

from input_data import InvalidDataError

CHUNK = 250


def batches_of(data_set):
    """Yields all examples of a data set, as arrays of up to 250 images and as many labels.

    The order is that of the current epoch. The next batch stays the same.

    Raises:
      InvalidDataError: the set is empty.
    """
    if not data_set.num_examples:
        raise InvalidDataError("cannot evaluate on a data set without examples")
    for start in range(0, data_set.num_examples, CHUNK):
        yield data_set.examples(start, start + CHUNK)


def eval_in_chunks(mean, feed_dict):
    """Returns what mean.eval(feed_dict) returns, fed up to 250 examples at a time.

    With 10,000 images at once, the first convolution of the deep network alone would need 1 GB.

    Args:
      mean: tensor of shape []: a mean over the examples that are fed, such as an accuracy.
      feed_dict: dict from placeholder to a single number, or to an array with the examples along
        its first axis.

    Raises:
      InvalidDataError: there are no examples.
    """
    examples = max(len(value) for value in feed_dict.values() if hasattr(value, "__len__"))
    if not examples:
        raise InvalidDataError("cannot evaluate on a data set without examples")
    total = 0
    for start in range(0, examples, CHUNK):
        chunk = {
            placeholder: value[start : start + CHUNK] if hasattr(value, "__len__") else value
            for placeholder, value in feed_dict.items()
        }
        total += float(mean.eval(chunk)) * min(CHUNK, examples - start)
    return mean.dtype.as_numpy_dtype(total / examples)
