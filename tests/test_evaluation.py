import numpy
import pytest
import tensorflow as tf

from input_data import DataSet
from mnist import evaluation


@pytest.mark.parametrize("examples", [1, 499, 500, 501, 1234])
def test_chunks_give_the_number_of_one_feed(examples):
    random_state = numpy.random.RandomState(examples)
    images = random_state.rand(examples, 20)
    labels = numpy.eye(10)[random_state.randint(10, size=examples)]
    data_set = DataSet(images, labels, dtype="uint8", reshape=False)
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, [None, 20])
        y_ = tf.placeholder(tf.float32, [None, 10])
        y = tf.matmul(x, tf.constant(random_state.normal(size=(20, 10)), tf.float32))
        correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
        accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
        expected = sess.run(accuracy, {x: images, y_: labels})
        found = evaluation.accuracy(sess, correct_prediction, x, y_, data_set)
    assert f"{found:g}" == f"{expected:g}"


def test_no_feed_is_larger_than_a_chunk():
    fed = []

    class Session:
        def run(self, fetch, feed_dict):
            fed.append({name: len(array) for name, array in feed_dict.items()})
            return numpy.ones(len(feed_dict["x"]), bool)

    data_set = DataSet(numpy.zeros((1100, 4)), numpy.zeros(1100), dtype="uint8", reshape=False)
    assert evaluation.accuracy(Session(), None, "x", "y_", data_set) == 1
    assert fed == [{"x": size, "y_": size} for size in (500, 500, 100)]
