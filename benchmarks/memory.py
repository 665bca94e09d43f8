"""How much memory does each script take, and does it grow with the steps?

    uv run benchmarks/memory.py

"page" is the code of the deep network's page on the reader of TensorFlow 1.15; it trains 20 steps
and evaluates on the test images, as the second contender does. The others are the four scripts on
drawn digits, with more and more steps: a leak would show as a difference. Linux only.
"""

import functools
import importlib
import os
import tempfile

import side_by_side

STEPS = 20
MORE_AND_MORE_STEPS = (500, 1500, 5000)


def page():
    """Does what the page of the deep network says, with the reader of TensorFlow 1.15."""
    import tensorflow as tf
    from tensorflow.examples.tutorials.mnist import input_data

    mnist = input_data.read_data_sets(os.path.join(side_by_side.ROOT, "MNIST_data"), one_hot=True)
    sess = tf.InteractiveSession()
    x = tf.placeholder(tf.float32, shape=[None, 784])
    y_ = tf.placeholder(tf.float32, shape=[None, 10])
    y_conv, keep_prob = importlib.import_module("mnist_deep").deepnn(x)
    cross_entropy = tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=y_conv)
    )
    train_step = tf.train.AdamOptimizer(1e-4).minimize(cross_entropy)
    correct_prediction = tf.equal(tf.argmax(y_conv, 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    sess.run(tf.global_variables_initializer())
    for _ in range(STEPS):
        batch = mnist.train.next_batch(50)
        train_step.run(feed_dict={x: batch[0], y_: batch[1], keep_prob: 0.5})
    print(accuracy.eval({x: mnist.test.images, y_: mnist.test.labels, keep_prob: 1.0}))


def script(name, steps, *flags):
    with tempfile.TemporaryDirectory() as log_dir:
        importlib.import_module(name).main([f"--max_steps={steps}", f"--log_dir={log_dir}", *flags])


CONTENDERS = {
    "page": ("tensorflow.examples.tutorials", page),
    "mnist_deep.py": ("tensorflow", functools.partial(script, "mnist_deep", STEPS)),
}
for name, batch in (
    ("mnist_softmax", 100), ("mnist_deep", 2), ("fully_connected_feed", 100),
    ("mnist_layers_estimator", 2),
):  # fmt: skip
    for steps in MORE_AND_MORE_STEPS:
        flags = ("--fake_data", f"--batch_size={batch}")
        run = functools.partial(script, name, steps, *flags)
        CONTENDERS[f"{name}, {steps} steps"] = ("tensorflow", run)

if __name__ == "__main__":
    side_by_side.main(__doc__, CONTENDERS, rounds=3)
