"""How long does a training step take, and how long does it take others?

    uv run benchmarks/training_step.py
    uv run benchmarks/training_step.py --python PYTHON --python PYTHON
    uv run benchmarks/training_step.py stock convolutions products relus mnist_deep

Measures mnist_deep.py, with its batches of 50, on TensorFlow's stock gradients and on ours, and the
same network in PyTorch, Keras and JAX, under each interpreter that has them. "convolutions",
"products" and "relus" use only one of our gradients. "estimator" is mnist_layers_estimator.py, with
its batches of 100 and its input queue. A step is the script's own: with its next batch, its check
of the loss and its event file. Each number is the median of the steps of one process.
"""

import contextlib
import functools
import importlib
import statistics
import tempfile
import time

import numpy

import side_by_side

BATCH = 50
WARM_UP_STEPS = 10
STEPS = 40
GRADIENTS = ("Conv2D", "MatMul", "Relu")


class Measured(Exception):  # noqa: N818, not an error
    """All steps are measured, so the rest of the run is not needed."""


def use_gradients(script, chosen):
    """Lets a script use our gradients for some types of operations only."""
    from training import gradients as ours

    overrides = dict(
        zip(GRADIENTS, (ours.CONV2D_GRADIENT, ours.MATMUL_GRADIENT, ours.RELU_GRADIENT))
    )
    overrides = {operation: overrides[operation] for operation in chosen}
    script.cpu_gradients = lambda: script.tf.get_default_graph().gradient_override_map(overrides)


def measured(script, cls, method, *flags):
    """Runs a script, and measures the steps: from one call of a method to the next."""
    original, starts = getattr(cls, method), []

    def timed(*arguments, **keywords):
        starts.append(time.perf_counter())
        if len(starts) > WARM_UP_STEPS + STEPS:
            raise Measured
        return original(*arguments, **keywords)

    setattr(cls, method, timed)
    with tempfile.TemporaryDirectory() as log_dir, contextlib.suppress(Measured):
        script.main([f"--log_dir={log_dir}", *flags])
    return median_of(starts)


def median_of(starts):
    """Returns the median of the steps that started at these times, without the first ones."""
    return {"ms per step": 1000 * statistics.median(numpy.diff(starts[WARM_UP_STEPS:]))}


def mnist_deep(gradients=GRADIENTS, plain_session=False):
    script = importlib.import_module("mnist_deep")
    use_gradients(script, gradients)
    if plain_session:
        script.tf.InteractiveSession = lambda: script.tf.Session().__enter__()
    return measured(script, script.Training, "run", f"--batch_size={BATCH}")


def estimator(gradients=GRADIENTS):
    script = importlib.import_module("mnist_layers_estimator")
    use_gradients(script, gradients)
    return measured(script, script.estimator.StopWhereLossIsNotFinite, "before_run", "--quiet")


def random_batch():
    state = numpy.random.RandomState(0)
    return state.rand(BATCH, 784).astype(numpy.float32), state.randint(10, size=BATCH)


def timed_steps(step):
    """Calls a function that does one training step, and measures it."""
    starts = []
    for _ in range(WARM_UP_STEPS + STEPS + 1):
        starts.append(time.perf_counter())
        step()
    return median_of(starts)


def pytorch(layout="contiguous_format", compiled=False):
    import torch
    from torch import nn

    layout = getattr(torch, layout)
    layers = [
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 10),
    ]  # fmt: skip
    net = nn.Sequential(*layers).to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, fused=True)
    forward = torch.compile(net) if compiled else net
    images, labels = map(torch.from_numpy, random_batch())

    def step():
        x = images.reshape(-1, 1, 28, 28).contiguous(memory_format=layout)
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(forward(x), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    return timed_steps(step)


def keras():
    from keras import layers, models, optimizers

    net = models.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 5, padding="same", activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(64, 5, padding="same", activation="relu"), layers.MaxPooling2D(),
            layers.Flatten(), layers.Dense(1024, activation="relu"), layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip
    net.compile(optimizers.Adam(1e-4), loss="sparse_categorical_crossentropy")
    images, labels = random_batch()
    return timed_steps(lambda: net.train_on_batch(images.reshape(-1, 28, 28, 1), labels))


def jax():
    import jax
    from jax import lax, nn
    from jax import numpy as jnp

    shapes = [(5, 5, 1, 32), (5, 5, 32, 64), (3136, 1024), (1024, 10)]
    state = numpy.random.RandomState(0)
    weights = [
        (0.1 * state.normal(size=shape).astype("f"), jnp.full(shape[-1:], 0.1)) for shape in shapes
    ]

    def loss(weights, images, labels, key):
        *convolutions, (W_fc1, b_fc1), (W_fc2, b_fc2) = weights
        h = images.reshape(-1, 28, 28, 1)
        for W, b in convolutions:
            layout = ("NHWC", "HWIO", "NHWC")
            h = nn.relu(
                lax.conv_general_dilated(h, W, (1, 1), "SAME", dimension_numbers=layout) + b
            )
            h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        h = nn.relu(h.reshape(len(h), -1) @ W_fc1 + b_fc1)
        h = jnp.where(jax.random.bernoulli(key, 0.5, h.shape), h / 0.5, 0)
        logits = h @ W_fc2 + b_fc2
        return -jnp.take_along_axis(nn.log_softmax(logits), labels[:, None], 1).mean()

    @jax.jit
    def adam(weights, means, squares, t, images, labels):
        gradients = jax.grad(loss)(weights, images, labels, jax.random.PRNGKey(t))
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
        squares = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, squares, gradients)
        rate = 1e-4 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        move = jax.tree.map(lambda m, s: rate * m / (jnp.sqrt(s) + 1e-8), means, squares)
        return jax.tree.map(jnp.subtract, weights, move), means, squares, t + 1

    zeros = jax.tree.map(jnp.zeros_like, weights)
    training = [weights, zeros, zeros, 1]
    images, labels = random_batch()

    def step():
        training[:] = jax.block_until_ready(adam(*training, images, labels))

    return timed_steps(step)


CONTENDERS = {
    "stock": ("tensorflow", functools.partial(mnist_deep, ())),
    "mnist_deep": ("tensorflow", mnist_deep),
    "pytorch": ("torch", pytorch),
    "pytorch channels_last": ("torch", functools.partial(pytorch, "channels_last")),
    "pytorch compiled": ("torch", functools.partial(pytorch, compiled=True)),
    "keras": ("keras", keras),
    "jax": ("jax", jax),
}
ON_REQUEST = {
    "convolutions": ("tensorflow", functools.partial(mnist_deep, GRADIENTS[:1])),
    "products": ("tensorflow", functools.partial(mnist_deep, GRADIENTS[1:2])),
    "relus": ("tensorflow", functools.partial(mnist_deep, GRADIENTS[2:])),
    "stock, plain session": ("tensorflow", functools.partial(mnist_deep, (), True)),
    "plain session": ("tensorflow", functools.partial(mnist_deep, plain_session=True)),
    "stock estimator": ("tensorflow", functools.partial(estimator, ())),
    "estimator": ("tensorflow", estimator),
}

if __name__ == "__main__":
    side_by_side.main(__doc__, CONTENDERS, rounds=5, on_request=ON_REQUEST)
