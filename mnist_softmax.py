"""Softmax regression, the script of the tutorial "MNIST For ML Beginners".

One layer of weights classifies about 92% of the test set correctly. The last line of

    uv run mnist_softmax.py --seed 0

is the accuracy on the 10,000 test images:

    0.9178
"""

import collections

from mnist import command_line
from mnist.divergence import check_finite

with command_line.explained_imports(__name__):
    import tensorflow as tf

    import input_data
    from mnist.checkpoints import Checkpoints
    from mnist.evaluation import accuracy as accuracy_on
    from mnist.event_file import EventFile
    from mnist.session_threads import one_thread

STEPS_PER_SCALAR = 10

SoftmaxRegression = collections.namedtuple(
    "SoftmaxRegression",
    ["x", "y_", "W", "b", "y", "cross_entropy", "train_step", "correct_prediction", "accuracy"],
)


def softmax_regression(learning_rate):
    """Builds the tutorial's model, its training step and its evaluation in the default graph.

    Returns:
      SoftmaxRegression: placeholders x [batch, 784] and y_ [batch, 10]; variables W [784, 10] and
      b [10]; y [batch, 10]; cross_entropy and accuracy [], the means over the batch;
      correct_prediction [batch]; and the operation train_step.
    """
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    W = tf.Variable(tf.zeros([784, 10]), name="W")
    b = tf.Variable(tf.zeros([10]), name="b")
    logits = tf.matmul(x, W) + b  # [batch, 10]: the evidence for each digit
    # The probabilities, as on the beginners' page; the experts' page calls the logits y.
    y = tf.nn.softmax(logits, name="y")  # [batch, 10]

    y_ = tf.placeholder(tf.float32, [None, 10], name="y_")
    # The tutorial's -sum(y_ * log(y)), but from the logits: log(y) alone ends in NaN.
    cross_entropy = tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=logits)
    )
    train_step = tf.train.GradientDescentOptimizer(learning_rate).minimize(
        cross_entropy, global_step=tf.train.get_or_create_global_step()
    )

    correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))  # [batch]
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    return SoftmaxRegression(
        x, y_, W, b, y, cross_entropy, train_step, correct_prediction, accuracy
    )


def train(sess, model, data_set, steps, batch_size, events=None, checkpoints=None):
    """Runs the training step on one batch after another.

    Args:
      sess: session in which the variables are initialized.
      model: what softmax_regression returned.
      data_set: where the batches come from.
      steps: range of the steps to do.
      batch_size: examples per step.
      events: EventFile for loss and accuracy; None for none.
      checkpoints: Checkpoints to save the variables at the end; None for none.

    Raises:
      FloatingPointError: the loss stopped being a finite number.
      CheckpointError: the checkpoint cannot be written.
    """
    for step in command_line.progress(steps):
        batch_xs, batch_ys = data_set.next_batch(batch_size)
        feed_dict = {model.x: batch_xs, model.y_: batch_ys}
        _, loss = sess.run([model.train_step, model.cross_entropy], feed_dict=feed_dict)
        check_finite(loss, step)
        if events and step % STEPS_PER_SCALAR == 0:
            events.add_scalar("cross_entropy", loss, step)
            events.add_scalar("accuracy", sess.run(model.accuracy, feed_dict), step)
        if checkpoints and step + 1 == steps.stop:
            checkpoints.save(sess, model.cross_entropy, feed_dict)


def train_in_folder(sess, model, data_set, max_steps, batch_size, log_dir):
    """Trains with event files and a checkpoint at the end, or resumes the training in the folder.

    Raises:
      CheckpointError: the folder holds another model, or cannot be written to.
      FolderInUseError: another process trains in the folder.
      FloatingPointError: the loss stopped being a finite number.
    """
    checkpoints = Checkpoints(log_dir)
    with checkpoints.training(sess, max_steps, data_set, batch_size) as steps, EventFile(
        log_dir, sess.graph, steps.start
    ) as events:
        train(sess, model, data_set, steps, batch_size, events, checkpoints)
    print(f"checkpoint {checkpoints.latest()}")


def parse_flags(argv):
    parser = command_line.flag_parser(
        "Softmax regression on MNIST.", max_steps=1000, batch_size=100, learning_rate=0.5
    )
    parser.add_argument(
        "--log_dir",
        type=command_line.path,
        help="folder for event files and the weights; the training in it is resumed (default: "
        "none are written)",
    )
    return parser.parse_args(argv)


def main(argv=None):
    flags = parse_flags(argv)
    command_line.begin(flags)
    mnist = input_data.read_data_sets(
        flags.data_dir, fake_data=flags.fake_data, one_hot=True, seed=flags.seed
    )
    with tf.Graph().as_default(), tf.Session(config=one_thread()) as sess:
        model = softmax_regression(flags.learning_rate)
        if flags.log_dir is None:
            sess.run(tf.global_variables_initializer())
            train(sess, model, mnist.train, range(flags.max_steps), flags.batch_size)
        else:
            log_dir = command_line.prepare_log_dir(flags.log_dir)
            train_in_folder(sess, model, mnist.train, flags.max_steps, flags.batch_size, log_dir)
        print(accuracy_on(sess, model.correct_prediction, model.x, model.y_, mnist.test))


if __name__ == "__main__":
    command_line.run(main)
