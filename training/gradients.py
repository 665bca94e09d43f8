"""Faster gradients for TensorFlow 1.15 on CPU.

TensorFlow's kernels for the gradients of tf.nn.conv2d reach 40 GFLOP/s, and its forward kernel more
than 100. The forward kernel can compute both gradients (see conv2d_gradient). The input gradient of
a dense layer is slow, too, and is computed in another way (see matmul_gradient). Before max
pooling, a ReLU's gradient is computed on fewer elements (see relu_gradient).

The model code does not change: layers built inside `with cpu_gradients():` use these gradients.
docs/performance.md shows what they gain, and what else was tried.
"""

import contextlib

from training.explained_import import tf

CONV2D_GRADIENT = "Conv2DGradientByForwardConvolution"
MATMUL_GRADIENT = "MatMulGradientByTallProduct"
RELU_GRADIENT = "ReluGradientAfterMaxPool"
VARIABLES = {"Variable", "VariableV2", "VarHandleOp"}


@contextlib.contextmanager
def cpu_gradients():
    """A context manager: layers built inside use the gradients of this module.

    It applies to convolutions, dense layers and ReLUs. A convolution built inside has no gradient
    for an input that does not depend on a variable, such as the images. For such an input, and for
    whatever it is computed from, tf.gradients returns None.

    Does nothing if TensorFlow has a GPU, whose own kernels are fast.
    """
    if tf.config.experimental.list_physical_devices("GPU"):
        yield
        return
    overrides = {"Conv2D": CONV2D_GRADIENT, "MatMul": MATMUL_GRADIENT, "Relu": RELU_GRADIENT}
    with tf.get_default_graph().gradient_override_map(overrides):
        yield


@tf.RegisterGradient(CONV2D_GRADIENT)
def conv2d_gradient(op, dy):
    """Computes the gradients of a convolution with stride 1 by two forward convolutions.

    With input x [batch, rows, columns, in], filter W [height, width, in, out] and dy [batch, rows,
    columns, out]:

    - dx is dy convolved with W, after W is rotated by 180 degrees and its channels are swapped;
    - dW is x convolved with dy. For this, batch and channels of x are swapped, and dy is used as a
      filter as large as the picture.

    Other strides, paddings and layouts use TensorFlow's own kernels.

    There is no dx if x does not depend on a variable. Nobody asks for that gradient, but
    tf.gradients makes the other gradient depend on it. TensorFlow 1.15 does not optimize the graph
    of an InteractiveSession, which would therefore compute it in every step.

    Returns:
      dx, or None, and dW, with the shapes of x and W.
    """
    x, W = op.inputs
    needs_dx = _is_computed_from_a_variable(x)
    padding = op.get_attr("padding").decode()
    height, width = W.shape.with_rank(4).as_list()[:2]
    covered = (
        padding in ("SAME", "VALID")
        and op.get_attr("data_format") == b"NHWC"
        and set(op.get_attr("strides") + op.get_attr("dilations")) == {1}
        and None not in (height, width)
    )
    if not covered:
        dx, dW = _stock_conv2d_gradient(op, dy)
        return (dx if needs_dx else None), dW
    # TensorFlow puts the larger half of the padding last; for the gradient it must come first.
    rows = _padding(height) if padding == "SAME" else (0, 0)
    columns = _padding(width) if padding == "SAME" else (0, 0)
    dx = None
    if needs_dx:
        turned = tf.transpose(tf.reverse(W, [0, 1]), [0, 1, 3, 2])
        dx = _conv2d(dy, turned, _reflected(rows, height), _reflected(columns, width))
        dx.set_shape(x.shape)
    pictures = tf.transpose(x, [3, 1, 2, 0])  # [in, rows, columns, batch]
    filters = tf.transpose(dy, [1, 2, 0, 3])  # [rows, columns, batch, out]
    dW = tf.transpose(_conv2d(pictures, filters, rows, columns), [1, 2, 0, 3])
    dW.set_shape(W.shape)
    return dx, dW


def _is_computed_from_a_variable(x):
    """Returns whether a tensor depends on a variable."""
    if x.graph.building_function:
        return True  # a placeholder may represent a variable outside the function
    pending, seen = [x.op], set()
    while pending:
        op = pending.pop()
        if op.type in VARIABLES:
            return True
        if op not in seen:
            seen.add(op)
            pending += [tensor.op for tensor in op.inputs]
    return False


def _padding(size):
    return (size - 1) // 2, size // 2


def _reflected(padding, size):
    return tuple(size - 1 - amount for amount in padding)


def _conv2d(x, W, rows, columns):
    return tf.nn.conv2d(x, W, strides=[1, 1, 1, 1], padding=[(0, 0), rows, columns, (0, 0)])


def _stock_conv2d_gradient(op, dy):
    x, W = op.inputs
    padding = op.get_attr("padding").decode()
    if padding == "EXPLICIT":
        explicit = op.get_attr("explicit_paddings")
        padding = list(zip(explicit[::2], explicit[1::2]))
    options = {
        "strides": op.get_attr("strides"),
        "padding": padding,
        "data_format": op.get_attr("data_format").decode(),
        "dilations": op.get_attr("dilations"),
    }
    return (
        tf.nn.conv2d_backprop_input(tf.shape(x), W, dy, **options),
        tf.nn.conv2d_backprop_filter(x, tf.shape(W), dy, **options),
    )


@tf.RegisterGradient(MATMUL_GRADIENT)
def matmul_gradient(op, dy):
    """Computes the gradients of a matrix product.

    For a dense layer, with a [batch, in] and b [in, out], da is dy times b transposed. This product
    has few rows, for which the kernel is slow. Its transpose, b times dy transposed, has many.

    Returns:
      da and db, with the shapes of a and b.
    """
    a, b = op.inputs
    transpose_a, transpose_b = op.get_attr("transpose_a"), op.get_attr("transpose_b")
    da_transposed = tf.matmul(b, dy, transpose_a=transpose_b, transpose_b=True)
    da = da_transposed if transpose_a else tf.transpose(da_transposed)
    if transpose_b:
        db = tf.matmul(dy, a, transpose_a=True, transpose_b=transpose_a)
    else:
        db = tf.matmul(a, dy, transpose_a=not transpose_a)
    return da, db


@tf.RegisterGradient(RELU_GRADIENT)
def relu_gradient(op, dy):
    """Computes the gradient of a ReLU; before a 2x2 max pooling, on a quarter of its elements.

    Max pooling passes its gradient to the largest element of each block. The ReLU has set that
    element to zero exactly if the block's maximum is 0. So the gradient can be set to zero for
    whole blocks, before pooling distributes it.

    Returns:
      dx, with the shape of the ReLU's input.
    """
    y = op.outputs[0]
    pooling = dy.op
    if pooling.type != "MaxPoolGrad" or pooling.inputs[0] is not y:
        return tf.raw_ops.ReluGrad(gradients=dy, features=y)
    _, maxima, dmaxima = pooling.inputs
    return tf.raw_ops.MaxPoolGrad(
        orig_input=y,
        orig_output=maxima,
        grad=tf.raw_ops.ReluGrad(gradients=dmaxima, features=maxima),
        **{name: pooling.get_attr(name) for name in ("ksize", "strides", "padding", "data_format")},
    )
