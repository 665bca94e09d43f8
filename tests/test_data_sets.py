import gzip
import hashlib
import inspect

import numpy
import pytest

from idx_files import (
    NAMES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    idx_bytes,
    random_images,
    random_labels,
    small_mnist,
    write_files,
)
from input_data import (
    Datasets,
    InvalidDataError,
    extract_images,
    extract_labels,
    load_mnist,
    read_data_sets,
)
from input_data.data_sets import _uncompressed_sha256
from input_data.download import CHECKSUMS
from local_server import WEB_PAGE

NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture(autouse=True)
def without_network(monkeypatch):
    """Lets every download fail at once, against a port where nothing listens."""
    monkeypatch.setattr("input_data.download.MIRRORS", (NOWHERE,))
    monkeypatch.setattr("input_data.download.PAUSES", (0,))


def read(folder, **kwargs):
    return read_data_sets(
        str(folder), **dict({"validation_size": 30, "source_url": None}, **kwargs)
    )


def refusal(folder, **kwargs):
    with pytest.raises(InvalidDataError) as caught:
        read(folder, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_sets_have_names_and_an_order(small_folder):
    data_sets = read(small_folder)
    assert isinstance(data_sets, Datasets)
    assert Datasets._fields == ("train", "validation", "test")
    assert [data_set.num_examples for data_set in data_sets] == [220, 30, 40]


def test_the_validation_set_is_the_beginning_of_the_training_file(small_folder):
    data_sets = read(small_folder, dtype="uint8", reshape=False)
    expected = random_images(250)[..., numpy.newaxis]
    numpy.testing.assert_array_equal(data_sets.validation.images, expected[:30])
    numpy.testing.assert_array_equal(data_sets.train.images, expected[30:])


@pytest.mark.parametrize("size", [-1, 251])
def test_a_validation_size_out_of_range_is_refused(small_folder, size):
    with pytest.raises(ValueError, match=f"validation_size is {size}, expected 0 to 250"):
        read(small_folder, validation_size=size)


@pytest.mark.parametrize("size", [0, 250])
def test_one_of_two_sets_may_be_empty(small_folder, size):
    data_sets = read(small_folder, validation_size=size)
    assert data_sets.validation.num_examples == size
    assert data_sets.train.num_examples == 250 - size


def test_a_dtype_that_is_neither_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(TypeError):
        read(tmp_path, dtype="float64")


def test_the_folder_may_be_given_as_a_path_object(small_folder):
    assert read_data_sets(small_folder, validation_size=30).test.num_examples == 40


def test_a_tilde_in_the_folders_name_stands_for_home(small_folder, monkeypatch):
    monkeypatch.setenv("HOME", str(small_folder.parent))
    assert read("~/small").test.num_examples == 40


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name[: -len(".gz")],
        lambda name: name[: -len(".gz")].replace("-idx", ".idx"),
    ],
    ids=["images-idx3", "images.idx3"],
)
def test_files_that_are_not_gzipped_are_read(small_folder, rename):
    expected = read(small_folder).test.images
    for name in NAMES:
        path = small_folder / name
        (small_folder / rename(name)).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    numpy.testing.assert_array_equal(read(small_folder).test.images, expected)


def test_a_plain_file_under_a_gzipped_name_is_read(small_folder):
    path = small_folder / TRAIN_IMAGES
    path.write_bytes(gzip.decompress(path.read_bytes()))
    assert read(small_folder).train.num_examples == 220


def test_a_good_plain_file_is_taken_where_the_gzipped_one_is_damaged(small_folder):
    path = small_folder / TRAIN_IMAGES
    (small_folder / TRAIN_IMAGES[:-3]).write_bytes(gzip.decompress(path.read_bytes()))
    path.write_bytes(WEB_PAGE)
    assert read(small_folder).train.num_examples == 220


@pytest.mark.parametrize("name", NAMES)
def test_a_web_page_in_place_of_a_file_is_refused(small_folder, name):
    (small_folder / name).write_bytes(WEB_PAGE)
    message = refusal(small_folder)
    assert str(small_folder / name) in message
    assert "web page" in message


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_file_cut_off_is_refused(small_folder, name, share):
    path = small_folder / name
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert str(path) in refusal(small_folder)


@pytest.mark.parametrize("name", NAMES)
def test_flipped_bytes_are_noticed(small_folder, name):
    path = small_folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert str(path) in refusal(small_folder)


@pytest.mark.parametrize("one, other", [(TRAIN_IMAGES, TRAIN_LABELS), (TRAIN_IMAGES, TEST_IMAGES)])
def test_swapped_names_are_noticed(small_folder, one, other):
    swapped = small_folder / "swapped"
    (small_folder / one).rename(swapped)
    (small_folder / other).rename(small_folder / one)
    swapped.rename(small_folder / other)
    assert one in refusal(small_folder)


@pytest.mark.parametrize(
    "images, labels", [(TRAIN_IMAGES, TRAIN_LABELS), (TEST_IMAGES, TEST_LABELS)]
)
def test_counts_that_differ_are_refused_with_both_names(small_folder, images, labels):
    (small_folder / labels).write_bytes(idx_bytes(random_labels(39)))
    message = refusal(small_folder)
    assert images in message
    assert f"{labels} holds 39 labels" in message


def test_labels_above_9_are_read_unless_they_are_to_be_one_hot_or_like_mnists(small_folder):
    (small_folder / TEST_LABELS).write_bytes(idx_bytes(numpy.full(40, 26)))
    assert set(read(small_folder).test.labels) == {26}
    for options in ({"one_hot": True}, {"like_mnist": True}):
        message = refusal(small_folder, **options)
        assert f"{small_folder / TEST_LABELS}: label 26 at position 0" in message
        assert "expected labels from 0 to 9" in message


# The last two have 784 pixels, too.
@pytest.mark.parametrize("rows, columns", [(32, 32), (56, 14), (14, 56)])
def test_images_of_another_size_are_read_unless_they_are_to_be_like_mnists(
    small_folder, rows, columns
):
    images = random_images(40, rows=rows, columns=columns)
    (small_folder / TEST_IMAGES).write_bytes(idx_bytes(images))
    assert read(small_folder).test.images.shape == (40, rows * columns)
    message = refusal(small_folder, like_mnist=True)
    assert f"{small_folder / TEST_IMAGES}: images of {rows} x {columns} pixels" in message


@pytest.mark.parametrize("train, test", [(30, 40), (250, 0)])
def test_an_empty_set_is_read_unless_it_is_to_be_like_mnists(tmp_path, train, test):
    write_files(tmp_path, small_mnist(train, test))
    assert read(tmp_path).train.num_examples == train - 30
    message = refusal(tmp_path, like_mnist=True)
    assert f"{tmp_path}: {train} training and {test} test examples, expected more than" in message


def test_a_damaged_label_is_noticed_where_the_set_has_mnists_numbers_of_images(tmp_path):
    for images, labels, count in (
        (TRAIN_IMAGES, TRAIN_LABELS, 60000),
        (TEST_IMAGES, TEST_LABELS, 10000),
    ):
        (tmp_path / images).write_bytes(idx_bytes(random_images(count, rows=2, columns=1)))
        (tmp_path / labels[:-3]).write_bytes(idx_bytes(random_labels(count)))
    assert read(tmp_path).train.images.shape == (59970, 2)
    for name in (TRAIN_LABELS[:-3], TEST_LABELS[:-3]):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:50] + b"\xf0" + content[51:])
        assert f"{tmp_path / name}: label 240 at position 42" in refusal(tmp_path)
        (tmp_path / name).write_bytes(content)


def test_a_folder_elsewhere_is_refused_and_none_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "gs://bucket/mnist: is not on this machine" in refusal("gs://bucket/mnist")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_a_file_is_refused_and_left_alone(small_folder):
    (small_folder / TRAIN_IMAGES).unlink()
    (small_folder / TRAIN_IMAGES).mkdir()
    assert "is a folder, expected a file" in refusal(small_folder)
    assert (small_folder / TRAIN_IMAGES).is_dir()


def test_a_file_in_place_of_the_folder_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "MNIST_data"
    path.write_text("mine")
    assert "is a file, expected a folder" in refusal(path)
    assert path.read_text() == "mine"


def test_the_checksum_of_an_array_is_that_of_the_uncompressed_file(small_folder):
    content = idx_bytes(random_images(7))
    images = random_images(7).astype(numpy.uint8)[..., numpy.newaxis]
    assert _uncompressed_sha256(images) == hashlib.sha256(content).hexdigest()


def test_the_real_files_are_read_as_the_tutorials_describe_them(mnist_dir):
    data_sets = read_data_sets(mnist_dir, one_hot=True)
    assert data_sets.train.images.shape == (55000, 784)
    assert data_sets.train.labels.shape == (55000, 10)
    assert data_sets.validation.num_examples == 5000
    assert data_sets.test.num_examples == 10000
    assert data_sets.train.images.min() == 0
    assert data_sets.train.images.max() == 1


def test_the_real_files_are_known_by_their_checksums(mnist_dir):
    for name in CHECKSUMS:
        extract = extract_labels if "labels" in name else extract_images
        assert _uncompressed_sha256(extract(f"{mnist_dir}/{name}")) == CHECKSUMS[name][1]


def test_load_mnist_reads_a_folder_with_tensorflows_defaults(mnist_dir):
    data_sets = load_mnist(mnist_dir)
    assert data_sets.train.num_examples == 55000
    assert data_sets.train.next_batch(2)[1].shape == (2,)
    assert inspect.signature(load_mnist).parameters["train_dir"].default == "MNIST-data"
