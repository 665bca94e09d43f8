import numpy
import pytest
import tensorflow.compat.v1 as tf

from mnist import mnist

BATCH = 7
LAYERS = [("hidden1", 784, 128), ("hidden2", 128, 32), ("softmax_linear", 32, 10)]


@pytest.fixture
def graph():
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(0)
        yield graph


@pytest.fixture
def batch():
    random_state = numpy.random.RandomState(0)
    return random_state.rand(BATCH, 784).astype(numpy.float32), random_state.randint(10, size=BATCH)


def variables():
    return {variable.op.name: variable for variable in tf.global_variables()}


def forward(values, images):
    """The outputs of each layer in numpy, beginning with the images."""
    outputs = [images]
    for scope, _, _ in LAYERS:
        output = outputs[-1] @ values[f"{scope}/weights"] + values[f"{scope}/biases"]
        outputs.append(output if scope == "softmax_linear" else numpy.maximum(output, 0))
    return outputs


def softmax(logits):
    exponentials = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_logits_are_those_of_numpy(graph, batch):
    logits = mnist.inference(tf.constant(batch[0]), 128, 32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values = sess.run(variables())
        expected = forward(values, batch[0])[-1]
        numpy.testing.assert_allclose(sess.run(logits), expected, rtol=1e-5, atol=1e-6)


def test_variables_have_the_names_and_sizes_of_the_tutorial(graph):
    mnist.inference(tf.placeholder(tf.float32, [None, 784]), 128, 32)
    sizes = {name: variable.shape.as_list() for name, variable in variables().items()}
    expected = {f"{scope}/weights": [inputs, units] for scope, inputs, units in LAYERS}
    expected.update({f"{scope}/biases": [units] for scope, _, units in LAYERS})
    assert sizes == expected
    assert sum(numpy.prod(size) for size in sizes.values()) == 104938


def test_weights_start_with_a_deviation_of_one_over_the_root_of_the_inputs(graph):
    mnist.inference(tf.placeholder(tf.float32, [None, 784]), 128, 32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values = sess.run(variables())
    for scope, inputs, _ in LAYERS:
        weights = values[f"{scope}/weights"] * numpy.sqrt(inputs)
        # A normal distribution cut off at two deviations has a deviation of 0.88.
        assert abs(weights).max() <= 2
        assert weights.std() == pytest.approx(0.88, abs=0.05)
        assert not values[f"{scope}/biases"].any()


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.uint8])
def test_the_loss_is_that_of_numpy(graph, batch, dtype):
    logits = numpy.random.RandomState(1).normal(size=(BATCH, 10)).astype(numpy.float32)
    expected = -numpy.log(softmax(logits)[numpy.arange(BATCH), batch[1]]).mean()
    loss = mnist.loss(tf.constant(logits), tf.constant(batch[1], dtype))
    assert loss.op.name == "xentropy_mean"
    assert "xentropy/xentropy" in {node.name for node in graph.as_graph_def().node}
    with tf.Session() as sess:
        assert sess.run(loss) == pytest.approx(expected, rel=1e-5)


def test_a_training_step_is_that_of_numpy_and_is_counted(graph, batch):
    images, labels = batch
    loss = mnist.loss(mnist.inference(tf.constant(images), 128, 32), tf.constant(labels))
    train_op = mnist.training(loss, learning_rate=0.5)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        before = sess.run(variables())
        sess.run(train_op)
        after = sess.run(variables())
    assert (before["global_step"], after["global_step"]) == (0, 1)
    outputs = forward(before, images)
    gradient = (softmax(outputs[-1]) - numpy.eye(10)[labels]) / BATCH
    for (scope, _, _), output in zip(LAYERS[::-1], outputs[-2::-1]):
        weights, biases = f"{scope}/weights", f"{scope}/biases"
        expected = before[weights] - 0.5 * output.T @ gradient
        numpy.testing.assert_allclose(after[weights], expected, rtol=1e-4, atol=1e-6)
        expected = before[biases] - 0.5 * gradient.sum(axis=0)
        numpy.testing.assert_allclose(after[biases], expected, rtol=1e-4, atol=1e-6)
        gradient = (gradient @ before[weights].T) * (output > 0)


def test_the_loss_is_summarized_under_its_name(graph):
    weight = tf.Variable(3.0)
    mnist.training(weight * weight, 0.1)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        summary = tf.Summary.FromString(sess.run(tf.summary.merge_all()))
    assert [(value.tag, value.simple_value) for value in summary.value] == [("loss", 9)]


def test_evaluation_counts_what_numpy_counts(graph):
    random_state = numpy.random.RandomState(2)
    logits, labels = random_state.normal(size=(1000, 10)), random_state.randint(10, size=1000)
    count = mnist.evaluation(tf.constant(logits, tf.float32), tf.constant(labels, tf.int32))
    with tf.Session() as sess:
        assert sess.run(count) == (logits.argmax(axis=1) == labels).sum()
