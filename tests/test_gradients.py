import numpy
import pytest
import tensorflow.compat.v1 as tf

from training.gradients import CONV2D_GRADIENT, MATMUL_GRADIENT, RELU_GRADIENT, cpu_gradients


def gradients(build, arrays, fast):
    """The gradients of a random projection of build(*tensors), and the operations they take."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        tensors = [tf.Variable(array) for array in arrays]
        sess.run(tf.global_variables_initializer())
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
    random_state = numpy.random.RandomState(0)
    arrays = [random_state.normal(size=shape).astype(numpy.float32) for shape in shapes]
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


RESOURCE = {"use_resource": True}
SHAPE = (2, 9, 8, 3)


@pytest.mark.parametrize(
    "make, has_gradient",
    [
        (lambda: tf.zeros(SHAPE), False),
        (lambda: tf.placeholder(tf.float32, SHAPE), False),
        (lambda: tf.reshape(tf.placeholder(tf.float32, [None, 216]), [-1, *SHAPE[1:]]), False),
        (lambda: tf.nn.relu(tf.random.normal(SHAPE)), False),
        (lambda: tf.placeholder_with_default(tf.zeros(SHAPE), SHAPE), False),
        (lambda: tf.Variable(tf.zeros(SHAPE)), True),
        (lambda: tf.Variable(tf.zeros(SHAPE), **RESOURCE), True),
        (lambda: tf.Variable(tf.zeros(SHAPE), trainable=False), True),
        (lambda: tf.reshape(tf.Variable(tf.zeros([432])), SHAPE), True),
        (lambda: tf.reshape(tf.Variable(tf.zeros([432]), **RESOURCE), SHAPE), True),
        (lambda: tf.placeholder_with_default(tf.Variable(tf.zeros(SHAPE)), SHAPE), True),
        (lambda: tf.placeholder(tf.float32, SHAPE) * tf.Variable(1.0), True),
        (lambda: tf.zeros(SHAPE) + tf.get_variable("v", SHAPE, **RESOURCE), True),
        (lambda: pool(conv2d()(tf.zeros(SHAPE), tf.Variable(tf.zeros([3, 3, 3, 3])))), True),
    ],
    ids=[
        "constant", "placeholder", "reshaped placeholder", "random", "default of a constant",
        "variable", "resource variable", "frozen variable", "reshaped variable",
        "reshaped resource variable", "default of a variable", "product with a variable",
        "sum with a resource variable", "earlier layer",
    ],
)  # fmt: skip
@pytest.mark.parametrize("strides", [(1, 1, 1, 1), (1, 2, 2, 1)], ids=["ours", "stock"])
def test_a_convolution_has_a_gradient_for_what_is_computed_from_a_variable(
    make, has_gradient, strides
):
    with tf.Graph().as_default() as graph:
        with cpu_gradients():
            x, W = tf.convert_to_tensor(make()), tf.Variable(tf.zeros([3, 3, 3, 4]))
            y = conv2d(strides)(x, W)
        dx, dW = tf.gradients(y, [x, W])
        assert dW is not None
        assert (dx is not None) == has_gradient
        before = graph.version
        tf.gradients(y, W)
        types = [operation.type for operation in graph.get_operations()[before:]]
    if not has_gradient and strides == (1, 1, 1, 1):
        # One convolution for dW, and nothing that the gradient of x would take.
        assert types.count("Conv2D") == 1
        assert "ReverseV2" not in types


def test_inside_a_function_what_is_passed_in_may_come_from_a_variable():
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.Variable(tf.ones([1, 5, 5, 1]))

        @tf.function
        def dx_of(x):
            with cpu_gradients():
                return tf.gradients(conv2d()(x, tf.ones([3, 3, 1, 2])), x)[0]

        dx = dx_of(tf.ones([1, 5, 5, 1]) * x)
        sess.run(tf.global_variables_initializer())
        assert sess.run(dx)[0, 2, 2, 0] == 18


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
