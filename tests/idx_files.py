"""Makes IDX files byte by byte, apart from the reader that the tests check with them."""

import gzip
import io
import struct

import numpy

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"
NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def idx_bytes(array, element_type=8):
    """The IDX file of an array of unsigned bytes."""
    header = struct.pack(">HBB", 0, element_type, array.ndim)
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return header + sizes + array.astype(numpy.uint8).tobytes()


def gzipped(content):
    """The same gzip file each time, whatever the clock says."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as f:
        f.write(content)
    return buffer.getvalue()


def random_images(count, seed=0, rows=28, columns=28):
    return numpy.random.RandomState(seed).randint(256, size=(count, rows, columns))


def random_labels(count, seed=0):
    return numpy.random.RandomState(seed).randint(10, size=count)


def small_mnist(train=250, test=40, seed=0):
    """The four files of a small set, as a dict from name to gzipped bytes."""
    arrays = {
        TRAIN_IMAGES: random_images(train, seed),
        TRAIN_LABELS: random_labels(train, seed),
        TEST_IMAGES: random_images(test, seed + 1),
        TEST_LABELS: random_labels(test, seed + 1),
    }
    return {name: gzipped(idx_bytes(array)) for name, array in arrays.items()}


def write_files(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
