import numpy
import pytest
import tensorflow as tf

from mnist.cpu_gradients import CONV2D_GRADIENT, MATMUL_GRADIENT, RELU_GRADIENT, cpu_gradients


def gradients(build, arrays, fast):
    """The gradients of a random projection of build(*tensors), and the operations they take."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        tensors = [tf.constant(array) for array in arrays]
        if fast:
            with cpu_gradients():
                y = build(*tensors)
        else:
            y = build(*tensors)
        weights = numpy.random.RandomState(1).normal(size=sess.run(y).shape)
        dy = tf.constant(weights.astype(arrays[0].dtype))
        values = sess.run(tf.gradients(tf.reduce_sum(y * dy), tensors))
        return values, {operation.type for operation in graph.get_operations()}


def assert_same_gradients(build, *shapes):
    chance = numpy.random.RandomState(0)
    arrays = [chance.normal(size=shape).astype(numpy.float32) for shape in shapes]
    found, operations = gradients(build, arrays, fast=True)
    expected, _ = gradients(build, arrays, fast=False)
    for ours, stock in zip(found, expected):
        assert ours.shape == stock.shape
        numpy.testing.assert_allclose(ours, stock, rtol=1e-4, atol=1e-4 * abs(stock).max())
    return operations


def conv2d(strides=(1, 1, 1, 1), padding="SAME", **options):
    return lambda x, W: tf.nn.conv2d(x, W, strides=list(strides), padding=padding, **options)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("batch", [1, 50])
@pytest.mark.parametrize("channels", [(1, 1), (1, 32), (3, 7), (32, 16)])
@pytest.mark.parametrize("kernel", [(5, 5), (3, 2), (4, 4), (1, 1), (2, 5)])
def test_convolutions_have_the_stock_gradients(kernel, channels, batch, padding):
    operations = assert_same_gradients(
        conv2d(padding=padding), (batch, 9, 8, channels[0]), (*kernel, *channels)
    )
    assert "Conv2DBackpropFilter" not in operations
    assert "Conv2DBackpropInput" not in operations


def test_the_tutorials_convolutions_have_the_stock_gradients():
    assert_same_gradients(conv2d(), (50, 28, 28, 1), (5, 5, 1, 32))
    assert_same_gradients(conv2d(), (50, 14, 14, 32), (5, 5, 32, 64))


@pytest.mark.parametrize(
    "options",
    [
        {"strides": (1, 2, 2, 1)},
        {"strides": (1, 1, 2, 1), "padding": "VALID"},
        {"padding": [(0, 0), (1, 0), (0, 2), (0, 0)]},
    ],
    ids=["strides of 2", "uneven strides", "explicit padding"],
)
def test_what_is_not_covered_falls_back_to_the_stock_gradient(options):
    operations = assert_same_gradients(conv2d(**options), (2, 9, 8, 3), (3, 3, 3, 4))
    assert "Conv2DBackpropFilter" in operations


def test_a_filter_of_unknown_size_falls_back_to_the_stock_gradient():
    def build(x, W):
        return tf.nn.conv2d(x, tf.placeholder_with_default(W, None), [1, 1, 1, 1], "SAME")

    assert "Conv2DBackpropFilter" in assert_same_gradients(build, (2, 9, 8, 3), (3, 3, 3, 4))


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_matrix_products_have_the_stock_gradients(transpose_a, transpose_b):
    assert_same_gradients(
        lambda a, b: tf.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b),
        (7, 5) if transpose_a else (5, 7),
        (3, 7) if transpose_b else (7, 3),
    )


def pool(x, size=2, padding="SAME"):
    return tf.nn.max_pool(x, [1, size, size, 1], [1, 2, 2, 1], padding)


@pytest.mark.parametrize(
    "pooled",
    [
        lambda x: pool(tf.nn.relu(x)),
        lambda x: pool(tf.nn.relu(x), size=3),
        lambda x: pool(tf.nn.relu(x), padding="VALID"),
        # Blocks of equal elements, below, at and above 0.
        lambda x: pool(tf.nn.relu(tf.round(x / 2) + 0 * x)),
        lambda x: pool(
            tf.nn.relu(tf.zeros_like(x) + tf.reduce_mean(x, axis=[1, 2], keepdims=True))
        ),
        # What comes back is not from pooling alone.
        lambda x: (lambda h: tf.concat([tf.reshape(h, [-1]), tf.reshape(pool(h), [-1])], 0))(
            tf.nn.relu(x)
        ),
        # What comes back is from pooling, but not of this ReLU's output.
        lambda x: pool(tf.nn.relu(x) + tf.ones_like(x)),
        tf.nn.relu,
    ],
    ids=[
        "2x2",
        "overlapping",
        "VALID",
        "rounded",
        "equal",
        "also used otherwise",
        "shifted",
        "no pooling",
    ],
)
def test_relus_have_the_stock_gradients(pooled):
    assert_same_gradients(pooled, (4, 9, 7, 5))


def test_before_2x2_pooling_the_gradient_of_a_relu_is_the_stock_one_to_the_last_bit():
    x = numpy.random.RandomState(0).normal(size=(5, 28, 28, 32)).astype(numpy.float32).round(1)
    found, expected = (
        gradients(lambda x: pool(tf.nn.relu(x)), [x], fast)[0][0] for fast in (True, False)
    )
    numpy.testing.assert_array_equal(found, expected)


def types_of_gradient(graph):
    names = ("Conv2D", "Relu", "MatMul")
    operations = [operation for operation in graph.get_operations() if operation.type in names]
    return [operation.node_def.attr["_gradient_op_type"].s.decode() for operation in operations]


def build_both():
    with tf.Graph().as_default() as graph:
        with cpu_gradients():
            h = tf.nn.conv2d(tf.zeros([1, 4, 4, 1]), tf.zeros([3, 3, 1, 2]), [1, 1, 1, 1], "SAME")
            tf.matmul(tf.reshape(tf.nn.relu(h), [1, 32]), tf.zeros([32, 2]))
        tf.matmul(tf.zeros([2, 2]), tf.zeros([2, 2]))
    return graph


def test_only_what_is_built_inside_gets_other_gradients():
    assert types_of_gradient(build_both()) == [CONV2D_GRADIENT, RELU_GRADIENT, MATMUL_GRADIENT, ""]


def test_where_there_is_a_gpu_the_gradients_are_left_as_they_are(monkeypatch):
    # A stand-in for a GPU, which TensorFlow 1.15 finds by this call.
    monkeypatch.setattr(tf.config.experimental, "list_physical_devices", lambda kind: ["GPU:0"])
    assert types_of_gradient(build_both()) == ["", "", "", ""]
