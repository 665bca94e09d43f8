import numpy
import pytest

from input_data import fake_digits, read_data_sets


def draw(count=300, seed=0, **kwargs):
    return fake_digits.draw(count, numpy.random.RandomState(seed), **kwargs)


def nearest_mean_accuracy(train, test):
    """Accuracy of telling digits by the nearest class mean: no model of ours, no training."""
    images, labels = train.next_batch(2000)
    means = numpy.stack([images[labels == digit].mean(axis=0) for digit in range(10)])
    images, labels = test.next_batch(2000)
    distances = ((images[:, numpy.newaxis] - means) ** 2).sum(axis=2)
    return (distances.argmin(axis=1) == labels).mean()


def test_digits_have_the_form_of_mnist():
    images, labels = draw()
    assert (images.dtype, images.shape) == (numpy.uint8, (300, 28, 28, 1))
    assert (labels.dtype, labels.shape) == (numpy.uint8, (300,))
    assert images.min() == 0
    assert images.max() == 255


def test_every_class_is_drawn():
    assert set(draw()[1]) == set(range(10))


def test_the_same_seed_draws_the_same_digits():
    numpy.testing.assert_array_equal(draw(seed=1)[0], draw(seed=1)[0])
    assert (draw(seed=1)[0] != draw(seed=2)[0]).any()


def test_no_two_digits_are_the_same():
    images, _ = draw()
    assert len(numpy.unique(images.reshape(300, 784), axis=0)) == 300


def centres(images):
    """Returns the rows and the columns of the centres of mass, of shape [2, images]."""
    images = images.reshape(-1, 28, 28).astype(float)
    sums = numpy.stack([images.sum(axis=2), images.sum(axis=1)])
    return (sums * numpy.arange(28)).sum(axis=2) / sums.sum(axis=2)


def test_digits_are_centred_by_mass_where_mnists_are(mnist_dir):
    found, mnists = centres(draw(3000)[0]), centres(read_data_sets(mnist_dir).test.images)
    assert abs(found.mean(axis=1) - mnists.mean(axis=1)).max() < 0.1
    assert abs(found - 14).max() < 1.5


def test_digits_leave_a_margin():
    images = draw(3000)[0]
    assert not images[:, [0, -1]].any()
    assert not images[:, :, [0, -1]].any()


def test_one_hot_labels_are_rows_of_the_identity_matrix():
    images, labels = draw(one_hot=True)
    numpy.testing.assert_array_equal(labels, numpy.eye(10)[draw()[1]])


def test_fake_sets_can_be_learned_but_not_by_heart():
    data_sets = read_data_sets("", fake_data=True, seed=0)
    assert 0.8 < nearest_mean_accuracy(data_sets.train, data_sets.test) < 1


@pytest.mark.parametrize(
    "one_hot, dtype, reshape",
    [(True, "float32", True), (True, "uint8", False), (False, "float32", False)],
)
def test_fake_sets_take_the_form_that_is_asked_for(tmp_path, one_hot, dtype, reshape):
    data_sets = read_data_sets(
        str(tmp_path / "none"), fake_data=True, one_hot=one_hot, dtype=dtype, reshape=reshape
    )
    for data_set in data_sets:
        assert data_set.num_examples == 10000
        images, labels = data_set.next_batch(5, fake_data=True)
        assert images.dtype == dtype
        assert images.shape == ((5, 784) if reshape else (5, 28, 28, 1))
        assert images.max() == (1 if dtype == "float32" else 255)
        assert labels.shape == ((5, 10) if one_hot else (5,))
    assert not (tmp_path / "none").exists()


def test_the_three_fake_sets_hold_different_digits():
    train, validation, test = read_data_sets("", fake_data=True, seed=0)
    assert (train.images[:100] != validation.images[:100]).any()
    assert (train.images[:100] != test.images[:100]).any()


def test_fake_digits_are_the_same_each_time_and_differ_by_seed():
    first, second = (read_data_sets("", fake_data=True).test.images for _ in range(2))
    numpy.testing.assert_array_equal(first, second)
    assert (read_data_sets("", fake_data=True, seed=1).test.images != first).any()
