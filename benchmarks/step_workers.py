"""The contenders of step_time.py: each trains the tutorial's deep network, step by step.

A worker prints "ready", or which module it lacks. Then it reads numbers of steps from stdin and
answers each with the seconds that every step took, as a JSON list. It runs under the interpreter
that has its package.
"""

import importlib
import json
import os
import sys
import time

import numpy

BATCH = 50
RANDOM_STATE = numpy.random.RandomState(0)
IMAGES = RANDOM_STATE.rand(BATCH, 784).astype(numpy.float32)
CLASSES = RANDOM_STATE.randint(10, size=BATCH)
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
        import tensorflow as tf

        from mnist import cpu_gradients as ours

        names = (ours.CONV2D_GRADIENT, ours.MATMUL_GRADIENT, ours.RELU_GRADIENT)
        overrides = dict(zip(ALL_GRADIENTS, names))
        chosen = {operation: overrides[operation] for operation in gradients}
        script.cpu_gradients = lambda: tf.get_default_graph().gradient_override_map(chosen)
    return script


def tensorflow_1(gradients=None, interactive=True):
    import tensorflow as tf

    model = import_script("mnist_deep", gradients).build_model(1e-4)
    sess = tf.InteractiveSession() if interactive else tf.Session()
    sess.run(tf.global_variables_initializer())
    feed_dict = {model.x: IMAGES, model.y_: numpy.eye(10)[CLASSES], model.keep_prob: 0.5}
    return lambda: sess.run([model.train_step, model.cross_entropy], feed_dict)


def estimator(gradients=None):
    """A training step of the Estimator's model, with its batch of 100, without its input queue."""
    import tensorflow as tf

    tf.train.create_global_step()
    images, labels = numpy.tile(IMAGES, (2, 1)), numpy.tile(CLASSES, 2)
    script = import_script("mnist_layers_estimator", gradients)
    spec = script.cnn_model_fn(
        {"x": tf.constant(images)}, tf.constant(labels), tf.estimator.ModeKeys.TRAIN
    )
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    return lambda: sess.run([spec.train_op, spec.loss])


def pytorch(tuned):
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

    def step():
        x = torch.from_numpy(IMAGES).reshape(-1, 1, 28, 28).contiguous(memory_format=memory_format)
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(net(x), torch.from_numpy(CLASSES))
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


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
    x = IMAGES.reshape(-1, 28, 28, 1)
    return lambda: net.train_on_batch(x, CLASSES)


CONTENDERS = {
    "stock estimator": lambda: estimator(STOCK),
    "mnist_layers_estimator": estimator,
    "stock": lambda: tensorflow_1(STOCK),
    "stock, plain session": lambda: tensorflow_1(STOCK, interactive=False),
    "plain session": lambda: tensorflow_1(interactive=False),
    "with our Conv2D": lambda: tensorflow_1(ALL_GRADIENTS[:1]),
    "and our MatMul": lambda: tensorflow_1(ALL_GRADIENTS[:2]),
    "mnist_deep.py": tensorflow_1,
    "pytorch": lambda: pytorch(tuned=False),
    "pytorch tuned": lambda: pytorch(tuned=True),
    "keras": keras,
}


def main():
    answers, sys.stdout = sys.stdout, sys.stderr  # what a framework prints is no answer
    try:
        step = CONTENDERS[sys.argv[1]]()
    except ModuleNotFoundError as error:
        print(f"{error.name} is not there", file=answers, flush=True)
        return
    step()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            begin = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - begin)
        print(json.dumps(seconds), file=answers, flush=True)


if __name__ == "__main__":
    main()
