"""Evaluates a model on a whole data set without holding all of its activations at once."""

from input_data import InvalidDataError

CHUNK = 250


def batches_of(data_set):
    """Yields all of a data set once, as arrays of up to 250 images and as many labels.

    In the order of this epoch; next_batch serves the same afterwards as it would have before.

    Raises:
      InvalidDataError: the set is empty.
    """
    if not data_set.num_examples:
        raise InvalidDataError("cannot evaluate on a data set without examples")
    for start in range(0, data_set.num_examples, CHUNK):
        yield data_set.examples(start, start + CHUNK)


def eval_in_chunks(mean, feed_dict):
    """Returns what mean.eval(feed_dict) returns, fed up to 250 examples at a time.

    Fed 10,000 images at once, the first convolution of the deep network alone would take 1 GB.

    Args:
      mean: tensor of shape [], a mean over the examples that are fed, as an accuracy.
      feed_dict: dict from placeholder to an array whose first axis is that of the examples, or to a
        single number.

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
