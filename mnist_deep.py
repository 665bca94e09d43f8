"""A deep convolutional network, the script of the tutorial "Deep MNIST for Experts".

Two convolutions and two dense layers: about 99.2% of the test set. The last line of

    uv run mnist_deep.py --seed 0

is the accuracy on the 10,000 test images:

    test accuracy 0.9925
"""

import collections
import contextlib

from mnist import command_line
from mnist.divergence import check_finite

with command_line.explained_imports(__name__):
    import tensorflow as tf
    from tqdm import tqdm

    import input_data
    from mnist.checkpoints import Checkpoints
    from mnist.cpu_gradients import cpu_gradients
    from mnist.evaluation import accuracy as accuracy_on
    from mnist.event_file import EventFile

STEPS_PER_LINE = 100
STEPS_PER_SCALAR = 10
STEPS_PER_CHECKPOINT = 1000

Model = collections.namedtuple(
    "Model",
    ["x", "y_", "keep_prob", "cross_entropy", "train_step", "correct_prediction", "accuracy"],
)


def weight_variable(shape, name=None):
    """Makes a variable of small random weights, to break symmetry."""
    initial = tf.truncated_normal(shape, stddev=0.1)
    return tf.Variable(initial, name=name)


def bias_variable(shape, name=None):
    """Makes a variable of slightly positive biases, so that no ReLU starts out dead."""
    initial = tf.constant(0.1, shape=shape)
    return tf.Variable(initial, name=name)


def conv2d(x, W):
    """Convolves with stride 1 and an output as large as the input."""
    return tf.nn.conv2d(x, W, strides=[1, 1, 1, 1], padding="SAME")


def max_pool_2x2(x):
    """Halves rows and columns, taking the maximum of each 2x2 block."""
    return tf.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")


def deepnn(x):
    """Builds the network.

    Args:
      x: float32 tensor of images, shape [batch, 784].

    Returns:
      y_conv, float32 logits of shape [batch, 10], and keep_prob, the probability with which dropout
      keeps a feature: 1.0 unless it is fed.
    """
    x_image = tf.reshape(x, [-1, 28, 28, 1])  # [batch, 28, 28, 1]

    with tf.name_scope("conv1"):
        W_conv1 = weight_variable([5, 5, 1, 32], "W_conv1")
        b_conv1 = bias_variable([32], "b_conv1")
        h_conv1 = tf.nn.relu(conv2d(x_image, W_conv1) + b_conv1)  # [batch, 28, 28, 32]
        h_pool1 = max_pool_2x2(h_conv1)  # [batch, 14, 14, 32]

    with tf.name_scope("conv2"):
        W_conv2 = weight_variable([5, 5, 32, 64], "W_conv2")
        b_conv2 = bias_variable([64], "b_conv2")
        h_conv2 = tf.nn.relu(conv2d(h_pool1, W_conv2) + b_conv2)  # [batch, 14, 14, 64]
        h_pool2 = max_pool_2x2(h_conv2)  # [batch, 7, 7, 64]

    with tf.name_scope("fc1"):
        W_fc1 = weight_variable([7 * 7 * 64, 1024], "W_fc1")
        b_fc1 = bias_variable([1024], "b_fc1")
        h_pool2_flat = tf.reshape(h_pool2, [-1, 7 * 7 * 64])  # [batch, 3136]
        h_fc1 = tf.nn.relu(tf.matmul(h_pool2_flat, W_fc1) + b_fc1)  # [batch, 1024]

    with tf.name_scope("dropout"):
        keep_prob = tf.placeholder_with_default(1.0, [], name="keep_prob")
        h_fc1_drop = tf.nn.dropout(h_fc1, rate=1 - keep_prob)  # [batch, 1024]

    with tf.name_scope("fc2"):
        W_fc2 = weight_variable([1024, 10], "W_fc2")
        b_fc2 = bias_variable([10], "b_fc2")
        y_conv = tf.matmul(h_fc1_drop, W_fc2) + b_fc2  # [batch, 10]
    return y_conv, keep_prob


def build_model(learning_rate):
    """Builds the network, its training step and its evaluation in the default graph.

    Returns:
      Model: placeholders x [batch, 784], y_ [batch, 10] and keep_prob []; cross_entropy and
      accuracy [], the means over the batch; correct_prediction [batch]; and the operation
      train_step.
    """
    x = tf.placeholder(tf.float32, shape=[None, 784], name="x")
    y_ = tf.placeholder(tf.float32, shape=[None, 10], name="y_")
    with cpu_gradients():
        y_conv, keep_prob = deepnn(x)
    cross_entropy = tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=y_conv)
    )
    train_step = tf.train.AdamOptimizer(learning_rate).minimize(
        cross_entropy, global_step=tf.train.get_or_create_global_step()
    )
    correct_prediction = tf.equal(tf.argmax(y_conv, 1), tf.argmax(y_, 1))  # [batch]
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    return Model(x, y_, keep_prob, cross_entropy, train_step, correct_prediction, accuracy)


def train(sess, model, data_set, steps, batch_size, events, checkpoints):
    """Trains through a range of steps, with a line, scalars and a checkpoint now and then.

    Args:
      sess: session that holds the variables.
      model: what build_model returned.
      data_set: where the batches come from.
      steps: range of the steps to do.
      batch_size: examples per step.
      events: EventFile for the scalars.
      checkpoints: Checkpoints that save the variables.

    Raises:
      FloatingPointError: the loss stopped being a finite number.
      CheckpointError: a checkpoint cannot be written.
    """
    for i in command_line.progress(steps):
        batch = data_set.next_batch(batch_size)
        feed_dict = {model.x: batch[0], model.y_: batch[1]}
        if i % STEPS_PER_LINE == 0:
            train_accuracy = model.accuracy.eval(feed_dict)
            tqdm.write(f"step {i}, training accuracy {train_accuracy:g}")
            events.add_scalar("training_accuracy", train_accuracy, i)
        feed_dict[model.keep_prob] = 0.5
        _, loss = sess.run([model.train_step, model.cross_entropy], feed_dict)
        check_finite(loss, i)
        if i % STEPS_PER_SCALAR == 0:
            events.add_scalar("cross_entropy", loss, i)
        if (i + 1) % STEPS_PER_CHECKPOINT == 0 or i + 1 == steps.stop:
            checkpoints.save(sess, model.cross_entropy, feed_dict)


def parse_flags(argv):
    parser = command_line.flag_parser(
        "A deep convolutional network on MNIST.",
        max_steps=20000, batch_size=50, learning_rate=1e-4,
    )  # fmt: skip
    command_line.add_log_dir(parser)
    return parser.parse_args(argv)


def main(argv=None):
    flags = parse_flags(argv)
    command_line.begin(flags)
    mnist = input_data.read_data_sets(
        flags.data_dir, fake_data=flags.fake_data, one_hot=True, seed=flags.seed
    )
    log_dir = command_line.prepare_log_dir(flags.log_dir, "mnist_deep")
    with tf.Graph().as_default(), contextlib.closing(tf.InteractiveSession()) as sess:
        tf.set_random_seed(flags.seed)
        model = build_model(flags.learning_rate)
        checkpoints = Checkpoints(log_dir)
        with checkpoints.training(
            sess, flags.max_steps, mnist.train, flags.batch_size
        ) as steps, EventFile(log_dir, sess.graph, steps.start) as events:
            train(sess, model, mnist.train, steps, flags.batch_size, events, checkpoints)
        print(f"checkpoint {checkpoints.latest()}")
        test_accuracy = accuracy_on(sess, model.correct_prediction, model.x, model.y_, mnist.test)
        print(f"test accuracy {test_accuracy:g}")


if __name__ == "__main__":
    command_line.run(main)
