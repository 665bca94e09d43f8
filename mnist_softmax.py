"""Softmax regression, the script of the tutorial "MNIST For ML Beginners".

One layer of weights tells ten digits apart: about 92% of the test set. The last line of

    uv run mnist_softmax.py --seed 0

is the accuracy on the 10,000 test images:

    0.9178
"""

import collections
import contextlib

from mnist import command_line
from mnist.divergence import check_finite

with command_line.explained_imports(__name__):
    import tensorflow as tf

    import input_data
    from mnist.checkpoints import save_variables
    from mnist.evaluation import accuracy as accuracy_on
    from mnist.event_file import EventFile
    from mnist.session_threads import one_thread

STEPS_PER_SCALAR = 10

SoftmaxRegression = collections.namedtuple(
    "SoftmaxRegression",
    ["x", "y_", "W", "b", "y", "cross_entropy", "train_step", "correct_prediction", "accuracy"],
)


def softmax_regression(learning_rate):
    """Builds the tutorial's model, its training step and its evaluation in the default graph."""
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    W = tf.Variable(tf.zeros([784, 10]), name="W")
    b = tf.Variable(tf.zeros([10]), name="b")
    logits = tf.matmul(x, W) + b  # [batch, 10]: the evidence for each digit
    y = tf.nn.softmax(logits, name="y")  # [batch, 10]: its probability

    y_ = tf.placeholder(tf.float32, [None, 10], name="y_")
    # The tutorial's -sum(y_ * log(y)), but from the logits: log(y) alone ends in NaN.
    cross_entropy = tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=logits)
    )
    train_step = tf.train.GradientDescentOptimizer(learning_rate).minimize(cross_entropy)

    correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))  # [batch]
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    return SoftmaxRegression(
        x, y_, W, b, y, cross_entropy, train_step, correct_prediction, accuracy
    )


def train(sess, model, data_set, max_steps, batch_size, log_dir=None):
    """Runs the training step on one batch after another.

    Args:
      sess: session in which the variables are initialized.
      model: what softmax_regression returned.
      data_set: where the batches come from.
      max_steps: number of training steps.
      batch_size: examples per step.
      log_dir: folder for event files with the graph, loss and accuracy; None for none.

    Raises:
      FloatingPointError: the loss stopped being a finite number.
    """
    with contextlib.ExitStack() as stack:
        events = log_dir and stack.enter_context(EventFile(log_dir, sess.graph))
        for step in command_line.progress(range(max_steps)):
            batch_xs, batch_ys = data_set.next_batch(batch_size)
            feed_dict = {model.x: batch_xs, model.y_: batch_ys}
            _, loss = sess.run([model.train_step, model.cross_entropy], feed_dict=feed_dict)
            check_finite(loss, step)
            if events and step % STEPS_PER_SCALAR == 0:
                events.add_scalar("cross_entropy", loss, step)
                events.add_scalar("accuracy", sess.run(model.accuracy, feed_dict), step)


def parse_flags(argv):
    parser = command_line.flag_parser(
        "Softmax regression on MNIST.", max_steps=1000, batch_size=100, learning_rate=0.5
    )
    parser.add_argument(
        "--log_dir", help="folder for event files and the weights (default: none are written)"
    )
    return parser.parse_args(argv)


def main(argv=None):
    flags = parse_flags(argv)
    command_line.begin(flags)
    mnist = input_data.read_data_sets(
        flags.data_dir, fake_data=flags.fake_data, one_hot=True, seed=flags.seed
    )
    log_dir = flags.log_dir and command_line.prepare_log_dir(flags.log_dir)
    with tf.Graph().as_default(), tf.Session(config=one_thread()) as sess:
        model = softmax_regression(flags.learning_rate)
        sess.run(tf.global_variables_initializer())
        train(sess, model, mnist.train, flags.max_steps, flags.batch_size, log_dir)
        if log_dir:
            print(f"checkpoint {save_variables(sess, log_dir, flags.max_steps)}")
        print(accuracy_on(sess, model.correct_prediction, model.x, model.y_, mnist.test))


if __name__ == "__main__":
    command_line.run(main)
