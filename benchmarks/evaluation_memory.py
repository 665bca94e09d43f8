"""Compares the peak memory of mnist_deep.py with the tutorial's code on TensorFlow's reader.

    uv run benchmarks/evaluation_memory.py --data_dir MNIST_data

Both train 20 steps, too few to learn much, and evaluate on the 10,000 test images; the tutorial
feeds them all at once. Linux only.
"""

import argparse
import json
import sys
import tempfile

import side_by_side
from process_memory import resident
from step_workers import BATCH, import_script

CONTENDERS = ["tutorial", "mnist_deep.py"]
STEPS = 20


def tutorial(data_dir):
    """Does what the page says, with the reader of TensorFlow 1.15."""
    import tensorflow as tf
    from tensorflow.examples.tutorials.mnist import input_data

    mnist = input_data.read_data_sets(data_dir, one_hot=True)
    sess = tf.InteractiveSession()
    x = tf.placeholder(tf.float32, shape=[None, 784])
    y_ = tf.placeholder(tf.float32, shape=[None, 10])
    y_conv, keep_prob = import_script("mnist_deep").deepnn(x)
    cross_entropy = tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=y_conv)
    )
    train_step = tf.train.AdamOptimizer(1e-4).minimize(cross_entropy)
    correct_prediction = tf.equal(tf.argmax(y_conv, 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    sess.run(tf.global_variables_initializer())
    for _ in range(STEPS):
        batch = mnist.train.next_batch(BATCH)
        train_step.run(feed_dict={x: batch[0], y_: batch[1], keep_prob: 0.5})
    print(accuracy.eval({x: mnist.test.images, y_: mnist.test.labels, keep_prob: 1.0}))


def ours(data_dir):
    with tempfile.TemporaryDirectory() as log_dir:
        flags = [f"--data_dir={data_dir}", f"--log_dir={log_dir}", f"--max_steps={STEPS}"]
        import_script("mnist_deep").main(flags)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="MNIST_data", help="folder of the MNIST files")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each")
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        {"tutorial": tutorial, "mnist_deep.py": ours}[flags.measure](flags.data_dir)
        print(json.dumps({"peak memory, MB": resident("VmHWM")}))
        return
    commands = {
        name: [sys.executable, __file__, "--measure", name, "--data_dir", flags.data_dir]
        for name in CONTENDERS
    }
    side_by_side.report(side_by_side.alternate(commands, flags.rounds))


if __name__ == "__main__":
    main()
