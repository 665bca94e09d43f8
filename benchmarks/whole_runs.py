"""How long does a whole training take, and how accurate is the network by then?

    uv run benchmarks/whole_runs.py page "mnist_softmax 1000" "fully_connected_feed 2000"
    uv run benchmarks/whole_runs.py --rounds 1 --python PYTHON

A contender is a script with --seed 0 and a number of steps, or "page": the code of softmax
regression's page on the reader of TensorFlow 1.15. All of them take an hour and a half with each
TensorFlow. The accuracies over time are drawn into the file accuracy_over_time.png.
"""

import functools
import importlib
import os
import statistics
import tempfile

import matplotlib.figure
import matplotlib.ticker

import side_by_side

STEPS = {
    "mnist_softmax": (10, 30, 100, 300, 1000),
    "fully_connected_feed": (100, 300, 1000, 2000),
    "mnist_deep": (300, 1000, 3000, 7000, 20000),
    "mnist_layers_estimator": (1000, 3000, 7000, 20000),
}
FIGURE = "accuracy_over_time.png"
ACCURACIES = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99]
TIMES = {3: "3 s", 10: "10 s", 30: "30 s", 100: "100 s", 300: "5 min", 1800: "30 min"}


def page():
    """Does what the page of softmax regression says, with the reader of TensorFlow 1.15."""
    import tensorflow as tf
    from tensorflow.examples.tutorials.mnist import input_data

    mnist = input_data.read_data_sets(os.path.join(side_by_side.ROOT, "MNIST_data"), one_hot=True)
    x = tf.placeholder(tf.float32, [None, 784])
    W = tf.Variable(tf.zeros([784, 10]))
    b = tf.Variable(tf.zeros([10]))
    y = tf.matmul(x, W) + b
    y_ = tf.placeholder(tf.float32, [None, 10])
    cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=y))
    train_step = tf.train.GradientDescentOptimizer(0.5).minimize(cross_entropy)
    correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    for _ in range(1000):
        batch_xs, batch_ys = mnist.train.next_batch(100)
        sess.run(train_step, feed_dict={x: batch_xs, y_: batch_ys})
    feed_dict = {x: mnist.test.images, y_: mnist.test.labels}
    return {"accuracy": float(sess.run(accuracy, feed_dict=feed_dict))}


def script(name, steps):
    flags = ["--seed=0", f"--max_steps={steps}"]
    with tempfile.TemporaryDirectory() as log_dir:
        if name != "mnist_softmax":
            flags.append(f"--log_dir={log_dir}")
        return {"accuracy": float(importlib.import_module(name).main(flags))}


def draw(runs):
    """Writes a figure of accuracies: a color for each script, a line style for each TensorFlow."""
    curves = {}
    for contender, results in runs.items():
        if contender.startswith(tuple(STEPS)):
            name, _, version = contender.partition(", tensorflow ")
            seconds = statistics.median(result["s, whole process"] for result in results)
            point = (seconds, results[0]["accuracy"])
            curves.setdefault((name.split()[0], version), []).append(point)
    versions = sorted({version for _, version in curves})
    figure = matplotlib.figure.Figure(figsize=(9, 6), dpi=80)
    axes = figure.add_subplot(1, 1, 1)
    for (name, version), points in curves.items():
        style = ("-o", "--s")[versions.index(version)]
        color = f"C{list(STEPS).index(name)}"
        label = f"{name}.py, TensorFlow {version}"
        axes.plot(*zip(*sorted(points)), style, color=color, markersize=4, label=label)
    axes.set(xscale="log", yscale="logit")
    axes.set(xlabel="time since the start of the script", ylabel="accuracy on the test images")
    axes.xaxis.set_major_locator(matplotlib.ticker.FixedLocator(list(TIMES)))
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: TIMES.get(x, "")))
    axes.yaxis.set_major_locator(matplotlib.ticker.FixedLocator(ACCURACIES))
    axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0))
    axes.minorticks_off()
    axes.grid(alpha=0.4)
    axes.legend(loc="lower right")
    figure.savefig(FIGURE, bbox_inches="tight")


CONTENDERS = {
    f"{name} {steps}": ("tensorflow", functools.partial(script, name, steps))
    for name, all_steps in STEPS.items()
    for steps in all_steps
}
ON_REQUEST = {"page": ("tensorflow.examples.tutorials", page)}

if __name__ == "__main__":
    measured = side_by_side.main(__doc__, CONTENDERS, rounds=5, on_request=ON_REQUEST)
    if measured:
        draw(measured)
