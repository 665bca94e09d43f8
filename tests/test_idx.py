import functools
import gzip
import io
import operator
import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from isal import isal_zlib

from idx_files import idx_bytes, random_images, random_labels
from input_data import InvalidDataError, dense_to_one_hot, extract_images, extract_labels, idx
from input_data.idx import read_idx
from local_server import WEB_PAGE
from short_runs import ROOT

IMAGES = random_images(5)
LABELS = random_labels(5)
PLAIN = idx_bytes(IMAGES)
GZIPPED = gzip.compress(PLAIN)
HEADER_BYTES = 16


@pytest.fixture(params=[isal_zlib, zlib], ids=["isal", "zlib"], scope="module", autouse=True)
def decompressor(request):
    """Each test runs with isal, and with Python's own zlib, which serves where isal is missing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idx, "zlib", request.param)
        yield


def test_pythons_own_zlib_serves_where_isal_is_missing():
    code = (
        "import sys; sys.modules['isal'] = None\n"
        "from input_data import idx; print(idx.zlib.__name__)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert found.stdout == b"zlib\n"


def write(tmp_path, content, name="train-images-idx3-ubyte.gz"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def message_of(function, *args, **kwargs):
    with pytest.raises(InvalidDataError) as caught:
        function(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("content", [PLAIN, GZIPPED], ids=["plain", "gzipped"])
def test_images_come_back_as_they_were_written(tmp_path, content):
    images = extract_images(write(tmp_path, content))
    assert images.dtype == numpy.uint8
    assert images.shape == (5, 28, 28, 1)
    numpy.testing.assert_array_equal(images[..., 0], IMAGES)


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_labels_come_back_as_they_were_written(tmp_path, compress):
    labels = extract_labels(write(tmp_path, compress(idx_bytes(LABELS))))
    assert labels.dtype == numpy.uint8
    numpy.testing.assert_array_equal(labels, LABELS)


def test_labels_can_come_back_one_hot(tmp_path):
    labels = extract_labels(write(tmp_path, idx_bytes(LABELS)), one_hot=True)
    assert labels.dtype == numpy.float64
    numpy.testing.assert_array_equal(labels, numpy.eye(10)[LABELS])


def test_an_open_file_is_read_like_a_path(tmp_path):
    with open(write(tmp_path, GZIPPED), "rb") as f:
        numpy.testing.assert_array_equal(extract_images(f)[..., 0], IMAGES)


def test_a_file_made_of_several_gzip_members_is_read_whole():
    members = gzip.compress(PLAIN[:100]) + gzip.compress(PLAIN[100:])
    numpy.testing.assert_array_equal(read_idx(io.BytesIO(members), 3), IMAGES)


def test_a_file_longer_than_what_is_read_at_once_is_read_whole():
    images = random_images(400)
    for content in (idx_bytes(images), gzip.compress(idx_bytes(images))):
        numpy.testing.assert_array_equal(read_idx(io.BytesIO(content), 3), images)


def test_what_was_read_can_be_written_to():
    images = extract_images(io.BytesIO(PLAIN))
    images[0] = 7
    assert (images[0] == 7).all()


def test_images_of_other_sizes_are_read():
    images = random_images(3, rows=32, columns=20)
    assert extract_images(io.BytesIO(idx_bytes(images))).shape == (3, 32, 20, 1)


def test_a_set_without_images_is_read():
    assert extract_images(io.BytesIO(idx_bytes(random_images(0)))).shape == (0, 28, 28, 1)


@pytest.mark.parametrize("length", [1, 2, 5, 9, 10, 11, 100, len(GZIPPED) - 8, len(GZIPPED) - 1])
def test_a_gzipped_file_cut_off_is_refused_by_name(tmp_path, length):
    path = write(tmp_path, GZIPPED[:length])
    assert message_of(extract_images, path).startswith(f"{path}: ")


@pytest.mark.parametrize("length", [0, 1, 3, 4, 7, 15, 16, 17, 800, len(PLAIN) - 1])
def test_a_plain_file_cut_off_is_refused_by_name(tmp_path, length):
    path = write(tmp_path, PLAIN[:length])
    assert message_of(extract_images, path).startswith(f"{path}: ")


@pytest.mark.parametrize("trailing", [b"\0", b"\0" * 512, b"x", PLAIN])
@pytest.mark.parametrize("content", [PLAIN, GZIPPED], ids=["plain", "gzipped"])
def test_trailing_bytes_are_refused(content, trailing):
    message_of(read_idx, io.BytesIO(content + trailing), 3)


def test_bytes_behind_gzip_data_are_shown():
    message = message_of(read_idx, io.BytesIO(GZIPPED + b"more"), 3)
    assert "follow its end, starting with b'more'" in message


def test_trailing_bytes_inside_gzip_are_refused():
    assert "more than 3920 bytes" in message_of(
        read_idx, io.BytesIO(gzip.compress(PLAIN + b"\0")), 3
    )


@pytest.mark.parametrize("position", range(4))
def test_a_flipped_byte_in_the_magic_number_is_refused(position):
    content = bytearray(PLAIN)
    content[position] ^= 0xFF
    assert "00000803" in message_of(read_idx, io.BytesIO(content), 3)


@pytest.mark.parametrize("position", range(4, HEADER_BYTES))
def test_a_flipped_bit_in_the_sizes_is_refused(position):
    content = bytearray(PLAIN)
    content[position] ^= 0x01
    message_of(read_idx, io.BytesIO(content), 3)


@pytest.mark.parametrize("position", [20, len(GZIPPED) // 2, len(GZIPPED) - 6, len(GZIPPED) - 2])
def test_a_flipped_byte_in_gzip_data_is_refused(position):
    content = bytearray(GZIPPED)
    content[position] ^= 0xFF
    assert "gzip data" in message_of(read_idx, io.BytesIO(content), 3)


def test_a_web_page_under_the_files_name_is_called_a_web_page(tmp_path):
    assert "web page" in message_of(extract_images, write(tmp_path, WEB_PAGE))


def test_labels_under_the_name_of_images_are_called_labels(tmp_path):
    assert "labels" in message_of(extract_images, write(tmp_path, idx_bytes(LABELS)))


def test_elements_that_are_not_bytes_are_refused():
    assert "element type" in message_of(read_idx, io.BytesIO(idx_bytes(IMAGES, 0x0D)), 3)


def test_images_without_pixels_are_refused():
    sizes = struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 2**32 - 1, 0)
    assert "at least 1" in message_of(read_idx, io.BytesIO(sizes), 3)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    assert "is a folder" in message_of(extract_images, tmp_path)


def test_a_label_of_10_is_refused_with_its_position_where_it_is_to_be_one_hot(tmp_path):
    labels = numpy.array([0, 9, 10, 3])
    path = write(tmp_path, idx_bytes(labels))
    numpy.testing.assert_array_equal(extract_labels(path), labels)
    assert "label 10 at position 2" in message_of(extract_labels, path, one_hot=True)
    one_hot = extract_labels(path, one_hot=True, num_classes=11)
    numpy.testing.assert_array_equal(one_hot, numpy.eye(11)[labels])


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_a_header_that_announces_terabytes_allocates_nothing(compress):
    content = struct.pack(">HBBIII", 0, 8, 3, 2**31, 28, 28) + bytes(1000)
    tracemalloc.start()
    try:
        message_of(read_idx, io.BytesIO(compress(content)), 3)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def oracle(content, dimensions):
    """The array by the letter of the format, or None: Python's gzip, and no code of ours."""
    if content[:2] == b"\x1f\x8b":
        # Python passes over zeros behind the end of gzip data; "nothing trailing" does not.
        if content[-1:] == b"\0" and gunzipped(content[:-1]) is not None:
            return None
        content = gunzipped(content)
    header = struct.Struct(f">HBB{dimensions}I")
    if content is None or len(content) < header.size:
        return None
    zeros, element_type, found, *sizes = header.unpack_from(content)
    body = content[header.size :]
    length = functools.reduce(operator.mul, sizes)
    if (zeros, element_type, found, length) != (0, 8, dimensions, len(body)) or 0 in sizes[1:]:
        return None
    return numpy.array(list(body), numpy.uint8).reshape(sizes)


def gunzipped(content):
    # RFC 1952: reserved flags are an error and a checksum of the header is checked; Python does
    # neither.
    if content[3:4] and content[3] & 0b11100010:
        return None
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error, struct.error):
        return None


def check_against_oracle(content, dimensions, undamaged=None):
    expected = oracle(content, dimensions)
    if expected is None and idx.zlib is isal_zlib:
        # It passes over some damage that zlib refuses, as distance codes that are incomplete and
        # not used. The checksum behind the stream holds, so the bytes must be whole.
        expected = undamaged
    try:
        found = read_idx(io.BytesIO(content), dimensions)
    except InvalidDataError:
        assert oracle(content, dimensions) is None
    else:
        numpy.testing.assert_array_equal(found, expected)


def test_a_stream_that_isal_decodes_and_zlib_refuses_gives_the_whole_data_or_the_exception():
    content = bytearray(gzip.compress(idx_bytes(random_labels(20))))
    content[26] ^= 2
    with pytest.raises(zlib.error, match="invalid distances set"):
        gzip.decompress(bytes(content))
    check_against_oracle(bytes(content), 1, random_labels(20))


def test_reserved_flags_beside_such_a_stream_give_the_whole_data_or_the_exception():
    content = bytearray(gzip.compress(idx_bytes(random_labels(20))))
    content[3] |= 0x20
    content[26] ^= 2
    check_against_oracle(bytes(content), 1, random_labels(20))


@settings(max_examples=500, deadline=None)
@given(content=st.binary(max_size=200), dimensions=st.sampled_from([1, 3]))
@example(content=b"", dimensions=3)
@example(content=b"\x1f\x8b", dimensions=3)
def test_any_bytes_give_an_array_or_the_one_exception(content, dimensions):
    check_against_oracle(content, dimensions)


@settings(max_examples=1000, deadline=None)
@given(data=st.data(), gzipped=st.booleans(), dimensions=st.sampled_from([1, 3]))
def test_any_damage_to_a_file_gives_an_array_or_the_one_exception(data, gzipped, dimensions):
    array = random_images(2, rows=3, columns=4) if dimensions == 3 else random_labels(20)
    content = bytearray(gzip.compress(idx_bytes(array)) if gzipped else idx_bytes(array))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        damage = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        if damage == "flip":
            content[position] ^= data.draw(st.integers(1, 255))
        elif damage == "cut" and position:
            del content[position:]
        else:
            content[position:position] = data.draw(st.binary(max_size=9))
    check_against_oracle(bytes(content), dimensions, array)


def test_one_hot_rows_are_rows_of_the_identity_matrix():
    one_hot = dense_to_one_hot(LABELS, 10)
    assert one_hot.dtype == numpy.float64
    numpy.testing.assert_array_equal(one_hot, numpy.eye(10)[LABELS])


@pytest.mark.parametrize("label", [-1, 10])
def test_one_hot_of_a_label_out_of_range_is_refused(label):
    with pytest.raises(ValueError, match=f"label {label}, expected labels from 0 to 9"):
        dense_to_one_hot(numpy.array([0, label]), 10)


def test_the_real_files_have_the_published_sizes(mnist_dir):
    assert extract_images(f"{mnist_dir}/train-images-idx3-ubyte.gz").shape == (60000, 28, 28, 1)
    assert extract_images(f"{mnist_dir}/t10k-images-idx3-ubyte.gz").shape == (10000, 28, 28, 1)
    assert extract_labels(f"{mnist_dir}/train-labels-idx1-ubyte.gz")[:4].tolist() == [5, 0, 4, 1]
    assert len(extract_labels(f"{mnist_dir}/t10k-labels-idx1-ubyte.gz")) == 10000


def test_a_file_that_would_expand_beyond_a_gigabyte_is_refused_before_it_does(tmp_path):
    header = struct.pack(">4B3I", 0, 0, 8, 3, 4_000_000, 28, 28)
    compressor = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    bomb = compressor.compress(header) + compressor.flush(zlib.Z_FULL_FLUSH)
    # A megabyte of zeros, again and again: 1 kB each.
    bomb += (compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)) * 2992
    path = write(tmp_path, bomb)
    tracemalloc.start()
    try:
        message = message_of(extract_images, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "4000000 x 28 x 28 = 3136000000 bytes, expected at most 1073741824" in message
    # What is read at once, 64 kB, expands to 64 MB; all of it would be 3 GB.
    assert peak < 200_000_000
