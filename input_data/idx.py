"""Reads IDX files, the format of MNIST, and checks everything in them.

An IDX file is a magic number (two zero bytes, the element type, the number of dimensions), one
big-endian 32-bit size per dimension, and the elements, with the last dimension varying fastest.
MNIST has unsigned bytes only: images in three dimensions, labels in one.

Source of the format: http://yann.lecun.com/exdb/mnist/ ("FILE FORMATS FOR THE MNIST DATABASE").
"""

import contextlib
import os
import struct

import numpy

try:
    from isal import isal_zlib as zlib  # takes two thirds of the time
except ImportError:  # this folder was copied without the project's packages
    import zlib

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 16
# The largest known set, EMNIST, takes 0.64 GB. A small gzip file can expand to far more.
LARGEST_BYTES = 1 << 30


class InvalidDataError(ValueError):
    """A data file, or a set of files, is damaged or is not what its name says."""


def extract_images(f):
    """Reads the images of an IDX file, gzipped or not.

    Args:
      f: a path, or a file object open for reading bytes.

    Returns:
      uint8 array of shape [images, rows, columns, 1], grey values 0 (paper) to 255 (ink).

    Raises:
      InvalidDataError: the bytes are not a whole IDX file of images, or more than that.
    """
    images = read_idx(f, dimensions=3)
    return images.reshape(images.shape + (1,))


def extract_labels(f, one_hot=False, num_classes=10):
    """Reads the labels of an IDX file, gzipped or not.

    Args:
      f: a path, or a file object open for reading bytes.
      one_hot: whether to return each label as a row that is 1 at the label and 0 elsewhere.
      num_classes: length of such a row.

    Returns:
      uint8 array of shape [labels], or float64 array of shape [labels, num_classes].

    Raises:
      InvalidDataError: the bytes are not a whole IDX file of labels, or more than that, or a
        label does not fit into a one-hot row.
    """
    labels = read_idx(f, dimensions=1)
    if not one_hot:
        return labels
    check_labels(labels, num_classes, _name_of(f))
    return dense_to_one_hot(labels, num_classes)


def check_labels(labels, num_classes, name):
    """Raises InvalidDataError if the labels of a file of that name are not below num_classes."""
    wrong = numpy.flatnonzero(labels >= num_classes)
    if wrong.size:
        raise InvalidDataError(
            f"{name}: label {labels[wrong[0]]} at position {wrong[0]}, expected labels from 0 to "
            f"{num_classes - 1}; replace the file with a good copy"
        )


def dense_to_one_hot(labels_dense, num_classes):
    """Turns class numbers into one-hot rows.

    Args:
      labels_dense: integer array of n labels, each from 0 to num_classes - 1.
      num_classes: length of a row.

    Returns:
      float64 array of shape [n, num_classes].

    Raises:
      ValueError: a label is out of range.
    """
    labels = numpy.ravel(labels_dense)
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if wrong.size:
        raise ValueError(f"label {wrong[0]}, expected labels from 0 to {num_classes - 1}")
    one_hot = numpy.zeros((labels.size, num_classes))
    one_hot[numpy.arange(labels.size), labels] = 1
    return one_hot


def read_idx(f, dimensions):
    """Reads an IDX file of unsigned bytes, gzipped or not, whatever its name says.

    The memory used depends on the size of the file, not on what its header announces. A header that
    announces more than 1 GiB is refused before the rest is read.

    Args:
      f: a path, or a file object open for reading bytes.
      dimensions: how many dimensions the file must have.

    Returns:
      uint8 array with the shape that the header gives. It is writable.

    Raises:
      InvalidDataError: the file is not exactly one whole IDX file of that kind.
      OSError: the file cannot be opened or read.
    """
    name = _name_of(f)
    magic = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    header_bytes = len(magic) + 4 * dimensions
    with contextlib.ExitStack() as stack:
        file = f if hasattr(f, "read") else stack.enter_context(_open(f))
        chunks = _gunzipped(file, name)
        content = _read_header(chunks, header_bytes)
        _check_magic(bytes(content[:4]), magic, name)
        if len(content) < header_bytes:
            raise InvalidDataError(
                f"{name}: ends after {len(content)} of the {header_bytes} bytes of an IDX header; "
                "replace it with a whole copy"
            )
        shape = struct.unpack_from(f">{dimensions}I", content, len(magic))
        if 0 in shape[1:]:
            raise InvalidDataError(
                f"{name}: its header announces elements of {_times(shape[1:])}, expected at least "
                "1 in each dimension; replace it with a good copy"
            )
        elements = content[header_bytes:]
        expected = 1
        for size in shape:
            expected *= size
        if expected > LARGEST_BYTES:
            raise InvalidDataError(
                f"{name}: its header announces {_times(shape)} = {expected} bytes, expected at "
                f"most {LARGEST_BYTES}; replace it with a good copy"
            )
        for chunk in chunks:
            elements += chunk
            if len(elements) > expected:
                break
    if len(elements) != expected:
        found = f"only {len(elements)}" if len(elements) < expected else f"more than {expected}"
        raise InvalidDataError(
            f"{name}: {found} bytes follow the header, which announces {_times(shape)} = "
            f"{expected}; replace it with a {'whole' if len(elements) < expected else 'good'} copy"
        )
    return numpy.frombuffer(elements, dtype=numpy.uint8).reshape(shape)


def _open(path):
    if os.path.exists(path) and not os.path.isfile(path):
        kind = "a folder" if os.path.isdir(path) else "not a regular file"
        raise InvalidDataError(f"{os.fspath(path)}: is {kind}, expected a file; move it away")
    try:
        return open(path, "rb")
    except PermissionError as error:
        raise PermissionError(
            f"{os.fspath(path)}: cannot be read ({error.strerror}); make it readable, or name "
            "another folder"
        ) from error


def _name_of(f):
    return str(getattr(f, "name", "the file object") if hasattr(f, "read") else os.fspath(f))


def _gunzipped(file, name):
    """Yields the bytes of a file, gunzipped if they are gzipped, until there are no more."""
    chunk = file.read(CHUNK_BYTES)
    if not chunk.startswith(GZIP_MAGIC):
        while chunk:
            yield chunk
            chunk = file.read(CHUNK_BYTES)
        return
    while chunk:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        while not member.eof:
            if not chunk:
                raise InvalidDataError(
                    f"{name}: the gzip data is cut off before its end; replace it with a whole copy"
                )
            try:
                yield member.decompress(chunk)
            except zlib.error as error:
                raise InvalidDataError(
                    f"{name}: the gzip data is damaged ({error}); replace it with a good copy"
                ) from error
            chunk = member.unused_data if member.eof else file.read(CHUNK_BYTES)
        chunk = chunk or file.read(CHUNK_BYTES)
        if chunk and not GZIP_MAGIC.startswith(chunk[:2]):
            raise InvalidDataError(
                f"{name}: bytes that are not gzip data follow its end, starting with "
                f"{chunk[:8]!r}; replace it with a good copy"
            )


def _read_header(chunks, header_bytes):
    """Returns at least header_bytes bytes as a bytearray, or fewer where there are no more."""
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) >= header_bytes:
            break
    return content


def _check_magic(found, expected, name):
    if found == expected:
        return
    if not found:
        what = "the file is empty"
    elif found[:1] == b"<":
        what = f"starts with {found!r}, so it is a web page under the file's name"
    elif found[:3] == expected[:3] and found[3:]:
        what = f"holds {found[3]} dimensions: {_kind(found[3])} under the name of another file"
    elif found[:2] == b"\0\0" and found[2:3] not in (b"", expected[2:3]):
        what = f"its element type is 0x{found[2]:02x}, not unsigned bytes"
    else:
        what = f"starts with the bytes {found.hex()}"
    raise InvalidDataError(
        f"{name}: {what}; expected an IDX file of {_kind(expected[3])}, "
        f"magic number {expected.hex()}, gzipped or not; replace it with a good copy"
    )


def _kind(dimensions):
    return {1: "labels", 3: "images"}.get(dimensions, f"{dimensions} dimensions")


def _times(sizes):
    return " x ".join(str(size) for size in sizes)
