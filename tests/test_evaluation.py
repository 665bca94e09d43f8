import numpy
import pytest
import tensorflow.compat.v1 as tf

from input_data import DataSet, InvalidDataError
from training.evaluation import batches_of, eval_in_chunks


@pytest.mark.parametrize("examples", [1, 249, 250, 251, 1234])
def test_chunks_give_the_number_of_one_feed(examples):
    random_state = numpy.random.RandomState(examples)
    images = random_state.rand(examples, 20)
    labels = numpy.eye(10)[random_state.randint(10, size=examples)]
    with tf.Graph().as_default(), tf.Session():
        x = tf.placeholder(tf.float32, [None, 20])
        y_ = tf.placeholder(tf.float32, [None, 10])
        y = tf.matmul(x, tf.constant(random_state.normal(size=(20, 10)), tf.float32))
        correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
        accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
        expected = accuracy.eval({x: images, y_: labels})
        found = eval_in_chunks(accuracy, {x: images, y_: labels})
    assert found.dtype == expected.dtype
    assert str(found) == str(expected)


def test_no_feed_is_larger_than_a_chunk_and_a_number_is_fed_each_time():
    with tf.Graph().as_default(), tf.Session():
        x, y_ = (tf.placeholder(tf.float32, [None, 4]) for _ in range(2))
        keep_prob = tf.placeholder(tf.float32, [])
        sizes = tf.py_func(lambda *fed: numpy.float32(max(map(numpy.size, fed))), [x, y_], "float")
        images = numpy.zeros((1100, 4))
        mean = eval_in_chunks(sizes * keep_prob, {x: images, y_: images, keep_prob: 1.0})
    assert mean == pytest.approx((4 * 1000 * 250 + 400 * 100) / 1100)


def test_nothing_to_evaluate_on_is_refused():
    with tf.Graph().as_default(), tf.Session():
        x = tf.placeholder(tf.float32, [None, 4])
        with pytest.raises(InvalidDataError, match="without examples"):
            eval_in_chunks(tf.reduce_mean(x), {x: numpy.zeros((0, 4))})


def test_all_of_a_data_set_comes_once_and_the_next_batch_is_unchanged():
    images, labels = numpy.arange(1100)[:, numpy.newaxis], numpy.arange(1100)
    data_set, same = (
        DataSet(images, labels, dtype="uint8", reshape=False, seed=0) for _ in range(2)
    )
    data_set.next_batch(7), same.next_batch(7)
    batches = list(batches_of(data_set))
    assert [len(served) for served, _ in batches] == [250] * 4 + [100]
    assert sorted(numpy.concatenate([served for _, served in batches])) == list(range(1100))
    numpy.testing.assert_array_equal(data_set.next_batch(5)[1], same.next_batch(5)[1])
