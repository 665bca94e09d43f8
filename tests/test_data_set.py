import copy
import gzip
import itertools
import os
import pickle
import subprocess
import sys
import tempfile

import numpy
import pytest
import tensorflow.compat.v1 as tf
from tensorflow.python.eager import context

import input_data
import tensorflow_reader
from idx_files import NAMES, idx_bytes, random_images, random_labels
from input_data import DataSet, read_data_sets
from short_runs import ROOT

IMAGES = random_images(30).astype(numpy.uint8)[..., numpy.newaxis]
LABELS = random_labels(30).astype(numpy.uint8)
# Whole epochs, parts of one, one example, and an uneven size that straddles epochs.
BATCH_SIZES = [50, 100, 7, 1, 0, 73, 220, 220, 64, 64, 64, 13]
SPLITS = ["train", "validation", "test"]


@pytest.fixture(scope="module")
def tensorflows():
    """TensorFlow 1.15's own module, from the wheel."""
    return tensorflow_reader.load()


@pytest.fixture
def same(request):
    """Compares an array with TensorFlow's, as they are served and, at the end, as recorded."""
    comparison = tensorflow_reader.Comparison()
    yield comparison
    comparison.finish(request.node.name)


def compare_batches(same, ours, theirs, takes):
    """Takes (split, batch size, shuffle) from both, one after the other, and compares."""
    for split, batch_size, shuffle in takes:
        our_set, their_set = getattr(ours, split), getattr(theirs, split)
        found = our_set.next_batch(batch_size, shuffle=shuffle)
        expected = their_set.next_batch(batch_size, shuffle=shuffle)
        for place in (0, 1):
            same(found[place], expected[place])
        same(our_set.epochs_completed, their_set.epochs_completed)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("reshape", [True, False])
@pytest.mark.parametrize("dtype", [tf.float32, tf.uint8])
@pytest.mark.parametrize("one_hot", [True, False])
def test_batches_are_those_of_tensorflow(
    small_folder, tensorflows, same, one_hot, dtype, reshape, shuffle
):
    options = {
        "one_hot": one_hot, "dtype": dtype, "reshape": reshape, "validation_size": 30, "seed": 3,
    }  # fmt: skip
    ours = read_data_sets(str(small_folder), **options)
    takes = [("train", size, shuffle) for size in BATCH_SIZES * 3]
    compare_batches(same, ours, tensorflows.read_data_sets(str(small_folder), **options), takes)
    assert ours.train.epochs_completed > 10


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1, 2**40, -5])
def test_batches_are_those_of_tensorflow_for_any_seed(small_folder, tensorflows, same, seed):
    options = {"validation_size": 30, "seed": seed}
    ours = read_data_sets(str(small_folder), **options)
    theirs = tensorflows.read_data_sets(str(small_folder), **options)
    compare_batches(same, ours, theirs, [("train", 100, True)] * 5)


def test_sets_that_take_turns_serve_the_batches_of_tensorflow(small_folder, tensorflows, same):
    options = {"validation_size": 30, "seed": 5}
    ours = read_data_sets(str(small_folder), **options)
    theirs = tensorflows.read_data_sets(str(small_folder), **options)
    random_state = numpy.random.RandomState(0)
    takes = [
        (SPLITS[random_state.randint(3)], random_state.randint(20), random_state.rand() < 0.7)
        for _ in range(200)
    ]
    compare_batches(same, ours, theirs, takes)


def test_the_whole_arrays_are_those_of_tensorflow_in_every_epoch(small_folder, tensorflows, same):
    options = {"one_hot": True, "validation_size": 30, "seed": 7}
    ours = read_data_sets(str(small_folder), **options)
    theirs = tensorflows.read_data_sets(str(small_folder), **options)
    for split, _ in itertools.product(SPLITS, range(6)):
        our_set, their_set = getattr(ours, split), getattr(theirs, split)
        for name in ("images", "labels", "_images", "_labels", "num_examples"):
            same(getattr(our_set, name), getattr(their_set, name))
        compare_batches(same, ours, theirs, [(split, 25, True)])


@pytest.mark.parametrize(
    "images",
    [
        IMAGES,
        IMAGES.astype(numpy.float32),
        IMAGES.astype(numpy.float64) + 0.25,
        IMAGES.astype(numpy.int64),
        IMAGES > 100,
    ],
    ids=["uint8", "float32", "float64", "int64", "bool"],
)
@pytest.mark.parametrize("dtype", [tf.float32, tf.uint8])
def test_sets_of_own_arrays_serve_the_batches_of_tensorflow(tensorflows, same, images, dtype):
    ours = DataSet(images, LABELS, dtype=dtype, seed=1)
    theirs = tensorflows.DataSet(images, LABELS, dtype=dtype, seed=1)
    for _ in range(8):
        found, expected = ours.next_batch(13), theirs.next_batch(13)
        for place in (0, 1):
            same(found[place], expected[place])
    same(ours.images, theirs.images)


def edit_images_in_place(data_set):
    data_set.images.setflags(write=True)
    data_set.images[:, :100] = 1


def edit_labels_in_place(data_set):
    data_set.labels.setflags(write=True)
    data_set.labels[:5] = 3


def assign_images(data_set):
    data_set._images = data_set._images[:, ::2] + 1


def assign_labels(data_set):
    data_set._labels = data_set._labels[::-1]


def reset_epoch(data_set):
    data_set._index_in_epoch = 0
    data_set._epochs_completed = 0


def edit_an_array_taken_before_a_shuffle(data_set):
    taken = data_set.images
    data_set.next_batch(data_set.num_examples)
    taken.setflags(write=True)
    taken[:] = 0


EDITS = [
    edit_images_in_place,
    edit_labels_in_place,
    assign_images,
    assign_labels,
    reset_epoch,
    edit_an_array_taken_before_a_shuffle,
]
# TensorFlow's labels and its uint8 images cannot be made writable before the first shuffle.
EDITS_OF_FLOATS = [edit_images_in_place, edit_an_array_taken_before_a_shuffle]


@pytest.mark.parametrize(
    "dtype, batches_before, edit",
    [
        *itertools.product([tf.float32, tf.uint8], [1, 3, 4], EDITS),
        *itertools.product([tf.float32, tf.uint8], [0], [assign_images, assign_labels]),
        *itertools.product([tf.float32], [0], EDITS_OF_FLOATS),
    ],
)
def test_edits_of_code_in_the_wild_do_what_they_did(
    small_folder, tensorflows, same, edit, batches_before, dtype
):
    options = {"validation_size": 30, "seed": 2, "dtype": dtype}
    ours = read_data_sets(str(small_folder), **options)
    theirs = tensorflows.read_data_sets(str(small_folder), **options)
    compare_batches(same, ours, theirs, [("train", 100, True)] * batches_before)
    edit(ours.train)
    edit(theirs.train)
    compare_batches(same, ours, theirs, [("train", 100, True)] * 8)


def served(*data_sets, sizes=(7, 9, 20, 30)):
    for size, data_set in itertools.product(sizes, data_sets):
        yield from data_set.next_batch(size)
        yield data_set.epochs_completed


def seeds_of_graph_and_set(reader, folder):
    for of_graph, of_set in itertools.product([0, 1, 2**31 - 1, -1], [None, 0, 5, 2**31 - 1]):
        with tf.Graph().as_default():
            tf.set_random_seed(of_graph)
            yield from served(reader.DataSet(IMAGES, LABELS, seed=of_set))


def eager_execution(reader, folder):
    with context.eager_mode():
        for of_set in (None, 0):
            tf.set_random_seed(3)
            yield from served(reader.DataSet(IMAGES, LABELS, seed=of_set))
        context.context()._seed = None  # TensorFlow has no other way back


def a_subclass_that_sets_everything_itself(reader, folder):
    class Own(reader.DataSet):
        def __init__(self):
            self._images, self._labels, self._num_examples = IMAGES / 255.0, LABELS, 30
            self._epochs_completed = self._index_in_epoch = 0

    numpy.random.seed(4)
    own = Own()
    yield from served(own)
    yield own.images


def a_subclass_that_computes_images_and_labels(reader, folder):
    class Own(reader.DataSet):
        images = property(lambda self: self._images / 2)
        labels = property(lambda self: self._labels + 1)

    own = Own(IMAGES, LABELS, seed=1)
    yield from served(own)
    yield from (own.images, own._images, own.labels)


def a_subclass_with_tensorflows_next_batch(reader, folder):
    class Own(reader.DataSet):
        def next_batch(self, size):
            order = numpy.arange(self._num_examples)[::-1]
            self._images, self._labels = self._images[order], self._labels[order]
            self._index_in_epoch += size
            return self._images[:size], self._labels[:size]

    yield from served(Own(IMAGES, LABELS, seed=1))


def copies(reader, folder):
    for copied in (copy.copy, copy.deepcopy, lambda data_set: pickle.loads(pickle.dumps(data_set))):
        for asked_for in (False, True):
            original = reader.DataSet(IMAGES, LABELS, seed=1)
            original.next_batch(7)
            if asked_for:
                yield original.images
            one = copied(original)
            yield from original.next_batch(40)
            yield from one.next_batch(15, shuffle=False)
            yield from served(one, original, copied(one))
            yield one.images


def a_copy_whose_images_are_changed(reader, folder):
    for copied in (copy.copy, copy.deepcopy):
        original = reader.DataSet(IMAGES, LABELS, seed=1)
        one = copied(original)
        one.images[:] = 0.5
        yield original.images
        yield from served(original, one)


def deep_copies_of_all_three_sets(reader, folder):
    original = reader.read_data_sets(folder, validation_size=30, seed=1)
    one = copy.deepcopy(original)
    one.train._images = one.train.images[:, ::-1]
    yield from served(one.train, original.train, one.test, original.test)


def another_number_of_examples(reader, folder):
    for before, asked_for in itertools.product([0, 30], [False, True]):
        data_set = reader.DataSet(IMAGES, LABELS, seed=1)
        data_set.next_batch(before)
        data_set._num_examples, data_set._index_in_epoch = 5, 0
        if asked_for:
            yield data_set.images
        yield from served(data_set, sizes=(3, 4, 5))
        yield from (data_set.images, data_set.labels)


def an_empty_set(reader, folder):
    validation = reader.read_data_sets(folder, validation_size=0, seed=1).validation
    yield from served(validation, sizes=(5, 0, 5))


def fake_data_with_arrays(reader, folder):
    data_set = reader.DataSet(numpy.arange(20002).reshape(10001, 2), numpy.arange(10001), True)
    yield from (data_set.images, data_set.num_examples, data_set.one_hot)
    yield from data_set.next_batch(9, shuffle=False)


def labels_above_9(reader, folder):
    for name, count in zip(NAMES[1::2], (250, 40)):
        write(folder, name, random_labels(count) + 17)
    yield from served(*reader.read_data_sets(folder, validation_size=30, seed=1), sizes=(7, 35))


def images_of_another_size(reader, folder):
    for name, count in zip(NAMES[::2], (250, 40)):
        write(folder, name, random_images(count, rows=8, columns=5))
    for reshape in (True, False):
        data_sets = reader.read_data_sets(folder, reshape=reshape, validation_size=30, seed=1)
        yield from served(*data_sets, sizes=(7, 35))


def file_urls(reader, folder):
    for host in ("", "localhost"):
        data_sets = reader.read_data_sets(f"file://{host}{folder}/.", validation_size=30)
        yield data_sets.test.images
    new = tempfile.mkdtemp(dir=folder)
    source_url = f"file://{folder}/"
    reader.read_data_sets(f"file://{new}/%20", validation_size=30, source_url=source_url)
    yield sorted(os.listdir(f"{new}/%20"))


def write(folder, name, array):
    with gzip.open(os.path.join(folder, name), "wb") as file:
        file.write(idx_bytes(array))


USES = [
    seeds_of_graph_and_set,
    eager_execution,
    a_subclass_that_sets_everything_itself,
    a_subclass_that_computes_images_and_labels,
    a_subclass_with_tensorflows_next_batch,
    copies,
    a_copy_whose_images_are_changed,
    deep_copies_of_all_three_sets,
    another_number_of_examples,
    an_empty_set,
    fake_data_with_arrays,
    labels_above_9,
    images_of_another_size,
    file_urls,
]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_a_use_of_code_in_the_wild_gives_what_it_gave(small_folder, tensorflows, same, use):
    found = list(use(input_data, str(small_folder)))
    same.of_all(found, use, tensorflows, str(small_folder))


def test_a_pickled_set_draws_from_numpy_in_another_process(tmp_path):
    path = tmp_path / "set"
    path.write_bytes(pickle.dumps(DataSet(IMAGES, numpy.arange(30), seed=1)))
    code = (
        "import pickle, numpy\n"
        f"data_set = pickle.load(open({str(path)!r}, 'rb'))\n"
        "numpy.random.seed(9)\n"
        "print(*data_set.next_batch(30)[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    expected = numpy.arange(30)
    numpy.random.RandomState(9).shuffle(expected)
    assert done.stdout.split() == [b"%d" % place for place in expected]


def test_own_images_of_which_float32_is_served_are_not_watched_for_changes():
    images = IMAGES.copy()
    data_set = DataSet(images, LABELS)
    images[:] = 0
    assert data_set.next_batch(30)[0].any()


def test_own_arrays_are_never_written_to():
    images, labels = IMAGES.copy(), LABELS.copy()
    data_set = DataSet(images, labels, dtype="uint8")
    data_set.next_batch(7)
    data_set.next_batch(40)
    numpy.testing.assert_array_equal(images, IMAGES)
    numpy.testing.assert_array_equal(labels, LABELS)


def test_writing_into_a_batch_leaves_the_set_as_it_was():
    data_set = DataSet(IMAGES, LABELS, dtype="uint8")
    before = data_set.images.copy()
    images, labels = data_set.next_batch(10, shuffle=False)
    images[:] = 0
    labels[:] = 0
    numpy.testing.assert_array_equal(data_set.images, before)
    numpy.testing.assert_array_equal(data_set.labels, LABELS)


@pytest.mark.parametrize("batch_size", [31, 60, 61, 200])
def test_a_batch_larger_than_the_set_is_served_whole_across_epochs(batch_size):
    data_set = DataSet(IMAGES, numpy.arange(30), seed=0)
    images, labels = data_set.next_batch(batch_size)
    assert len(images) == len(labels) == batch_size
    for start in range(0, batch_size - 29, 30):
        assert sorted(labels[start : start + 30]) == list(range(30))
    assert data_set.epochs_completed == (batch_size - 1) // 30


def test_the_global_numpy_random_state_is_left_as_it_was(small_folder):
    numpy.random.seed(11)
    expected = numpy.random.rand(3)
    numpy.random.seed(11)
    data_sets = read_data_sets(str(small_folder), validation_size=30, seed=4)
    data_sets.train.next_batch(300)
    read_data_sets(str(small_folder), fake_data=True).train.next_batch(10)
    numpy.testing.assert_array_equal(numpy.random.rand(3), expected)


def test_numpys_global_seed_does_not_change_the_batches(small_folder):
    numpy.random.seed(1)
    first = read_data_sets(str(small_folder), validation_size=30, seed=4).train.next_batch(9)
    numpy.random.seed(2)
    second = read_data_sets(str(small_folder), validation_size=30, seed=4).train.next_batch(9)
    numpy.testing.assert_array_equal(first[0], second[0])


def test_without_a_seed_the_order_differs():
    orders = {tuple(DataSet(IMAGES, numpy.arange(30)).next_batch(30)[1]) for _ in range(3)}
    assert len(orders) == 3


def test_without_a_seed_tensorflows_graph_seed_counts_as_it_did(tensorflows, same):
    with tf.Graph().as_default():
        tf.set_random_seed(8)
        ours, theirs = DataSet(IMAGES, LABELS), tensorflows.DataSet(IMAGES, LABELS)
    same(ours.next_batch(20)[0], theirs.next_batch(20)[0])


@pytest.mark.parametrize(
    "dtype",
    [
        tf.float32, numpy.float32, numpy.dtype("float32"), numpy.dtype(">f4"), "float32",
        "float32_ref", "float", "float_ref", float, tf.float32.as_datatype_enum,
    ],
)  # fmt: skip
def test_float32_can_be_asked_for_in_any_way(dtype):
    assert DataSet(IMAGES, LABELS, dtype=dtype).next_batch(1)[0].dtype == numpy.float32


@pytest.mark.parametrize(
    "dtype", [tf.uint8, numpy.uint8, numpy.dtype("uint8"), "uint8", "uint8_ref", 4]
)
def test_uint8_can_be_asked_for_in_any_way(dtype):
    assert DataSet(IMAGES, LABELS, dtype=dtype).next_batch(1)[0].dtype == numpy.uint8


@pytest.mark.parametrize("dtype", [tf.float64, numpy.int32, "float16", "nonsense", None])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(TypeError):
        DataSet(IMAGES, LABELS, dtype=dtype)


def test_images_and_labels_of_different_numbers_are_refused():
    with pytest.raises(ValueError, match="30 images, but 29 labels"):
        DataSet(IMAGES, LABELS[1:])


def test_images_that_cannot_be_reshaped_are_refused_with_their_shape():
    with pytest.raises(ValueError, match=r"\(30, 784\)"):
        DataSet(IMAGES.reshape(30, 784), LABELS)


def test_flat_images_are_served_without_reshape():
    data_set = DataSet(IMAGES.reshape(30, 784), LABELS, reshape=False)
    assert data_set.next_batch(4)[0].shape == (4, 784)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("before", [[7], [7, 9], [220], [220, 50], [300], [13, 220, 220]])
def test_a_set_is_rewound_as_tensorflows(small_folder, tensorflows, same, before, shuffle):
    options = {"validation_size": 30, "seed": 3}
    ours = read_data_sets(str(small_folder), **options)
    theirs = tensorflows.read_data_sets(str(small_folder), **options)
    compare_batches(same, ours, theirs, [("train", size, True) for size in before])
    for _ in range(2):
        back = -ours.train._index_in_epoch
        compare_batches(same, ours, theirs, [("train", back, shuffle)])
        same(ours.train._index_in_epoch, theirs.train._index_in_epoch)
        assert ours.train._index_in_epoch == 0
        compare_batches(same, ours, theirs, [("train", 64, True)] * 5)
    compare_batches(same, ours, theirs, [("train", -3, shuffle), ("train", 64, shuffle)])


def test_a_batch_size_that_goes_back_beyond_the_start_is_refused():
    data_set = DataSet(IMAGES, LABELS)
    data_set.next_batch(4)
    with pytest.raises(ValueError, match="batch_size is -5, expected -4 or more"):
        data_set.next_batch(-5)


def test_a_batch_size_that_is_no_integer_is_refused():
    with pytest.raises(TypeError):
        DataSet(IMAGES, LABELS).next_batch(10.5)


def test_a_fake_batch_from_real_images_is_refused():
    with pytest.raises(ValueError, match="not fake"):
        DataSet(IMAGES, LABELS).next_batch(1, fake_data=True)


def test_a_fake_set_has_ten_thousand_examples_as_tensorflows_has():
    data_set = DataSet([], [], fake_data=True, one_hot=True)
    images, labels = data_set.next_batch(10, fake_data=True)
    assert data_set.num_examples == 10000
    assert images.shape == (10, 784)
    assert labels.shape == (10, 10)


def test_images_take_one_byte_a_pixel_until_they_are_asked_for(small_folder):
    train = read_data_sets(str(small_folder), validation_size=30).train
    train.next_batch(100)
    assert train._image_rows._array.dtype == numpy.uint8
    assert train.images.dtype == numpy.float32


def test_input_data_does_not_import_tensorflow():
    code = "import input_data, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("one_hot", [True, False])
def test_batches_of_the_real_files_are_those_of_tensorflow(mnist_dir, tensorflows, same, one_hot):
    ours = read_data_sets(mnist_dir, one_hot=one_hot, seed=0)
    theirs = tensorflows.read_data_sets(mnist_dir, one_hot=one_hot, seed=0)
    compare_batches(same, ours, theirs, [("train", 9999, True)] * 14 + [("test", 100, True)] * 2)


def test_examples_are_those_of_this_epoch_and_leave_the_batches_as_they_are():
    looked_at, other = (DataSet(IMAGES, LABELS, seed=1) for _ in range(2))
    for _ in range(5):
        images, labels = looked_at.examples(10, 99)
        numpy.testing.assert_array_equal(images, other.images[10:])
        numpy.testing.assert_array_equal(labels, other.labels[10:])
        for found, expected in zip(looked_at.next_batch(13), other.next_batch(13)):
            numpy.testing.assert_array_equal(found, expected)
