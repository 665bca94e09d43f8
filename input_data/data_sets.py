"""Reads MNIST from a folder into three data sets, and downloads missing files first."""

import collections
import functools
import hashlib
import os
import re
import struct

import numpy

from input_data.data_set import DataSet, image_dtype, random_state
from input_data.download import (
    CHECKSUMS,
    DEFAULT_SOURCE_URL,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    DownloadError,
    download_files,
    is_mnist_source,
)
from input_data.idx import (
    InvalidDataError,
    check_labels,
    dense_to_one_hot,
    extract_images,
    extract_labels,
)

IMAGE_SHAPE = (28, 28, 1)
CLASSES = 10
MNIST_NUMBERS = [60000, 10000]  # of training and test examples

Datasets = collections.namedtuple("Datasets", ["train", "validation", "test"])


def read_data_sets(
    train_dir,
    fake_data=False,
    one_hot=False,
    dtype=numpy.float32,
    reshape=True,
    validation_size=5000,
    seed=None,
    source_url=DEFAULT_SOURCE_URL,
    *,
    like_mnist=False,
):
    """Returns MNIST as training, validation and test set. Missing files are downloaded.

    Arguments, shapes and, for the same seed, batches are those of TensorFlow 1.15's
    tensorflow.examples.tutorials.mnist.input_data.read_data_sets.

    Args:
      train_dir: path or file:// URL of the folder of the four files, gzipped or not. Missing and
        damaged files are downloaded. A damaged file is replaced after the checksum of the new one
        was verified.
      fake_data: draw 10,000 digits for each set instead, without files and without a network.
      one_hot: labels, from 0 to 9, as float64 rows of shape [10] instead of uint8 numbers.
      dtype: float32 for images on the scale from 0 to 1, uint8 for 0 to 255; TensorFlow's,
        numpy's, or the name.
      reshape: images of shape [784] instead of [28, 28, 1]; of other sizes, if the files have them.
      validation_size: how many of the 60,000 training examples go into the validation set.
      seed: integer that makes the batches repeatable. Fake data are repeatable without one.
      source_url: http(s):// or file:// URL of a folder with four files of the same names, such as
        Fashion-MNIST's, to take instead of those of MNIST's mirrors. If the URL has a query, the
        names are appended to it.
      like_mnist: refuse images that are not 28x28, labels above 9, and an empty set.

    Returns:
      Datasets(train, validation, test), of DataSet each.

    Raises:
      InvalidDataError: a ValueError; a file is damaged or does not belong to the others, and no
        good one could be downloaded; or validation_size is out of range; or the data are not
        what like_mnist or one_hot asks for.
      DownloadError: an InvalidDataError and OSError; files are missing and could not be
        downloaded.
      OSError: a file may not be read.
      TypeError: dtype is neither float32 nor uint8.
    """
    # All three sets share one random state, as TensorFlow's sets share numpy's global one.
    state = random_state(seed, fake_data)
    options = {"dtype": image_dtype(dtype), "reshape": reshape, "seed": state}
    if fake_data:
        options.update(fake_data=True, one_hot=one_hot)
        return Datasets(*(DataSet([], [], **options) for _ in Datasets._fields))
    read = functools.partial(_read_file, digits=one_hot or like_mnist, like_mnist=like_mnist)
    arrays = _read_folder(_path_of(train_dir), source_url, read)
    images, labels, test_images, test_labels = (arrays[name] for name in CHECKSUMS)
    if not 0 <= validation_size <= len(images):
        raise InvalidDataError(
            f"{train_dir}: validation_size is {validation_size}, expected 0 to {len(images)}, the "
            "number of training examples; name a folder with more of them, or another size"
        )
    if like_mnist and (len(images) == validation_size or not len(test_images)):
        raise InvalidDataError(
            f"{train_dir}: {len(images)} training and {len(test_images)} test examples, expected "
            f"more than {validation_size} and at least 1; name a folder with more of them"
        )
    if one_hot:
        labels, test_labels = (dense_to_one_hot(each, CLASSES) for each in (labels, test_labels))
    options["copy"] = False
    return Datasets(
        train=DataSet(images[validation_size:], labels[validation_size:], **options),
        validation=DataSet(images[:validation_size], labels[:validation_size], **options),
        test=DataSet(test_images, test_labels, **options),
    )


def load_mnist(train_dir="MNIST-data"):
    """Returns read_data_sets(train_dir); TensorFlow 1.15 has both names."""
    return read_data_sets(train_dir)


def _path_of(train_dir):
    """Returns the absolute path of a folder, given as TensorFlow's reader takes it."""
    url = re.match(r"([A-Za-z][A-Za-z0-9.]+)://[^/]*(.*)", os.fspath(train_dir))
    if url is None:
        return os.path.abspath(os.path.expanduser(train_dir))
    if url.group(1) != "file":
        raise InvalidDataError(f"{train_dir}: is not on this machine; name a folder that is")
    return os.path.abspath(url.group(2))


def _read_folder(folder, source_url, read):
    """Returns a dict from file name to array, of all four files."""
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise InvalidDataError(f"{folder}: is a file, expected a folder; name another folder")
    arrays, problems = {}, {}
    for name in CHECKSUMS:
        try:
            arrays[name] = _read_first_valid(folder, name, read)
        except FileNotFoundError:
            problems[name] = None
        except InvalidDataError as error:
            problems[name] = error
    if problems:
        arrays.update(_replace(folder, problems, arrays, source_url, read))
    for images, labels in ((TRAIN_IMAGES, TRAIN_LABELS), (TEST_IMAGES, TEST_LABELS)):
        if len(arrays[images]) != len(arrays[labels]):
            raise InvalidDataError(
                f"{folder}: {images} holds {len(arrays[images])} images, but {labels} holds "
                f"{len(arrays[labels])} labels; expected as many of each: replace the one that is "
                "not of this set, or name another folder"
            )
    if [len(arrays[name]) for name in (TRAIN_LABELS, TEST_LABELS)] == MNIST_NUMBERS:
        for name in (TRAIN_LABELS, TEST_LABELS):
            # Damage to a gzipped file has been found by its checksum.
            check_labels(arrays[name], CLASSES, os.path.join(folder, name[: -len(".gz")]))
    return arrays


def _read_first_valid(folder, name, read):
    """Reads a file under any of the names that are in use for it."""
    plain = name[: -len(".gz")]
    dotted = plain.replace("-idx", ".idx")
    problem = None
    for candidate in (name, plain, dotted, dotted + ".gz"):
        path = os.path.join(folder, candidate)
        if os.path.exists(path):
            try:
                return read(path)
            except InvalidDataError as error:
                problem = problem or error
    raise problem or FileNotFoundError(os.path.join(folder, name))


def _read_file(path, digits, like_mnist):
    if "labels" in os.path.basename(path):
        labels = extract_labels(path)
        if digits:
            check_labels(labels, CLASSES, path)
        return labels
    images = extract_images(path)
    if like_mnist and images.shape[1:] != IMAGE_SHAPE:
        raise InvalidDataError(
            f"{path}: images of {images.shape[1]} x {images.shape[2]} pixels, expected 28 x 28; "
            "replace the file with a good copy"
        )
    return images


def _replace(folder, problems, arrays, source_url, read):
    """Downloads the files that are missing or damaged and returns their arrays."""
    for name in problems:
        if os.path.isdir(os.path.join(folder, name)):
            raise problems[name]
    damaged = next((error for error in problems.values() if error is not None), None)
    other_file = _not_of_mnist(arrays) if is_mnist_source(source_url) else None
    if other_file is not None:
        raise InvalidDataError(
            f"{damaged or folder + ': ' + ', '.join(problems) + ' missing'}. MNIST's own will not "
            f"be put beside {other_file}, which is not MNIST's (Fashion-MNIST and others use the "
            "same names): name another folder, or the source_url that this one came from"
        )
    try:
        return download_files(list(problems), folder, source_url, read)
    except DownloadError as error:
        if damaged is not None:
            raise InvalidDataError(
                f"{damaged}. No good copy could be downloaded: {error}. The file was left as it is"
            ) from error
        raise DownloadError(
            f"{error}. Put these files into the folder {folder} by hand, or do without them: "
            "fake_data=True, in a shell --fake_data, draws digits instead"
        ) from error


def _not_of_mnist(arrays):
    """Returns the name of a file that holds something else than MNIST, or None."""
    for name, array in arrays.items():
        if _uncompressed_sha256(array) != CHECKSUMS[name][1]:
            return name
    return None


def _uncompressed_sha256(array):
    """Hashes the IDX file that an array of images or labels was read from."""
    shape = array.shape[: min(array.ndim, 3)]
    digest = hashlib.sha256(struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape))
    digest.update(numpy.ascontiguousarray(array).data)
    return digest.hexdigest()
