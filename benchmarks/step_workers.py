"""Trains a network of the tutorials step by step, as a contender of step_time.py.

A worker prints "ready" and its version of TensorFlow, or the name of a missing module. Then it
reads numbers of steps from stdin. It answers each number with a JSON list of the seconds that the
steps took. It runs under an interpreter that has the modules it needs.
"""

import functools
import importlib
import itertools
import json
import os
import sys
import tempfile
import time

import numpy

BATCH = 50
RANDOM_STATE = numpy.random.RandomState(0)
IMAGES = RANDOM_STATE.rand(BATCH, 784).astype(numpy.float32)
CLASSES = RANDOM_STATE.randint(10, size=BATCH)
FAKE_EXAMPLES = 500
ALL_GRADIENTS = ("Conv2D", "MatMul", "Relu")
STOCK = ()


def import_script(name, gradients=None):
    """Imports a script, to be measured with some of our gradients only.

    Args:
      name: the script's module name.
      gradients: types of operations that get our gradient, out of "Conv2D", "MatMul" and "Relu";
        None for the script as it is.
    """
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    script = importlib.import_module(name)
    if gradients is not None:
        from robust import cpu_gradients as ours

        names = (ours.CONV2D_GRADIENT, ours.MATMUL_GRADIENT, ours.RELU_GRADIENT)
        overrides = dict(zip(ALL_GRADIENTS, names))
        chosen = {operation: overrides[operation] for operation in gradients}
        script.cpu_gradients = lambda: script.tf.get_default_graph().gradient_override_map(chosen)
    return script


def mnist_deep(turns, gradients=None, interactive=True):
    """Runs mnist_deep.py itself, with one training step per item of the iterator `turns`."""
    script = import_script("mnist_deep", gradients)
    from robust import training

    from input_data import data_set

    data_set.FAKE_EXAMPLES = FAKE_EXAMPLES
    training.steps_with_bar = lambda start, stop: turns
    if not interactive:
        script.tf.InteractiveSession = lambda: script.tf.Session().__enter__()
    with tempfile.TemporaryDirectory() as log_dir:
        script.main(["--fake_data", f"--log_dir={log_dir}", f"--batch_size={BATCH}"])


def estimator(turns, gradients=None):
    """Trains the Estimator's model, with its batch of 100, without its input queue."""
    script = import_script("mnist_layers_estimator", gradients)
    tf = script.tf
    images, labels = numpy.tile(IMAGES, (2, 1)), numpy.tile(CLASSES, 2)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.train.create_global_step()
        spec = script.cnn_model_fn(
            {"x": tf.constant(images)}, tf.constant(labels), tf.estimator.ModeKeys.TRAIN
        )
        sess.run(tf.global_variables_initializer())
        for _ in turns:
            sess.run([spec.train_op, spec.loss])


def pytorch(turns, tuned=False):
    import torch
    from torch import nn

    layers = [
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 10),
    ]  # fmt: skip
    net = nn.Sequential(*layers)
    memory_format = torch.channels_last if tuned else torch.contiguous_format
    net = net.to(memory_format=memory_format)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, fused=True if tuned else None)
    loss_function = nn.CrossEntropyLoss()
    for _ in turns:
        x = torch.from_numpy(IMAGES).reshape(-1, 1, 28, 28).contiguous(memory_format=memory_format)
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(net(x), torch.from_numpy(CLASSES))
        loss.backward()
        optimizer.step()
        loss.item()


def keras(turns):
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
    x = IMAGES.reshape(-1, 28, 28, 1)
    for _ in turns:
        net.train_on_batch(x, CLASSES)


CONTENDERS = {
    "stock estimator": functools.partial(estimator, gradients=STOCK),
    "mnist_layers_estimator": estimator,
    "stock": functools.partial(mnist_deep, gradients=STOCK),
    "stock, plain session": functools.partial(mnist_deep, gradients=STOCK, interactive=False),
    "plain session": functools.partial(mnist_deep, interactive=False),
    "with our Conv2D": functools.partial(mnist_deep, gradients=ALL_GRADIENTS[:1]),
    "and our MatMul": functools.partial(mnist_deep, gradients=ALL_GRADIENTS[:2]),
    "mnist_deep.py": mnist_deep,
    "pytorch": pytorch,
    "pytorch tuned": functools.partial(pytorch, tuned=True),
    "keras": keras,
}


def measured_turns(answers):
    """Yields the number of each step that stdin asks for, and answers with what a turn took."""
    numbers = itertools.count()
    yield next(numbers)
    version = getattr(sys.modules.get("tensorflow"), "__version__", "")
    print("ready", ".".join(version.split(".")[:2]), file=answers, flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            begin = time.perf_counter()
            yield next(numbers)
            seconds.append(time.perf_counter() - begin)
        print(json.dumps(seconds), file=answers, flush=True)


def main():
    answers, sys.stdout = sys.stdout, sys.stderr  # what a framework prints is no answer
    try:
        CONTENDERS[sys.argv[1]](measured_turns(answers))
    except ModuleNotFoundError as error:
        print(f"{error.name} is not there", file=answers, flush=True)


if __name__ == "__main__":
    main()
