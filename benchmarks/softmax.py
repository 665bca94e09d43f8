"""Compares the whole process of mnist_softmax.py with the tutorial's code on TensorFlow's reader.

    uv run benchmarks/softmax.py --data_dir MNIST_data
    uv run benchmarks/softmax.py --data_dir MNIST_data --tf2 PYTHON
    uv run benchmarks/softmax.py --data_dir MNIST_data --tf2 PYTHON --mechanics

All train 1000 steps of 100 and print the accuracy on the test set; the files are there. With --tf2,
the script also runs under an interpreter that has TensorFlow 2.21. With --mechanics it is
fully_connected_feed.py, whose tutorial's code is not measured. Linux only.
"""

import argparse
import os
import sys
import tempfile

import side_by_side

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tutorial(data_dir):
    """Does what the page says, with the reader of TensorFlow 1.15."""
    import tensorflow as tf
    from tensorflow.examples.tutorials.mnist import input_data

    mnist = input_data.read_data_sets(data_dir, one_hot=True)
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
    print(sess.run(accuracy, feed_dict={x: mnist.test.images, y_: mnist.test.labels}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="MNIST_data", help="folder of the MNIST files")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each")
    parser.add_argument("--tf2", metavar="PYTHON", help="interpreter that has TensorFlow 2.21")
    parser.add_argument("--mechanics", action="store_true", help="measure Mechanics 101 instead")
    parser.add_argument("--tutorial", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.tutorial:
        tutorial(flags.data_dir)
        return
    data_dir = ["--data_dir", flags.data_dir]
    if flags.mechanics:
        with tempfile.TemporaryDirectory() as folder:
            logs = f"--log_dir={folder}/{{time}}"  # a new folder for each run
            compare("fully_connected_feed", {}, [*data_dir, logs], flags)
    else:
        tutorial_command = [sys.executable, __file__, "--tutorial", *data_dir]
        compare("mnist_softmax", {"tutorial": tutorial_command}, data_dir, flags)


def compare(script, others, script_flags, flags):
    """Compares other commands with a script, on one or both versions of TensorFlow."""
    command = [os.path.join(ROOT, f"{script}.py"), *script_flags]
    commands = {**others, "this": [sys.executable, *command]}
    if flags.tf2:
        commands["on TensorFlow 2"] = [flags.tf2, *command]
    side_by_side.report(side_by_side.alternate(commands, flags.rounds))


if __name__ == "__main__":
    main()
