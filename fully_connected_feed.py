"""Training and evaluation by feeding, the script of the tutorial "TensorFlow Mechanics 101".

Trains the network of mnist/mnist.py, which has two hidden layers: about 90% of the test set. The
last lines of

    uv run fully_connected_feed.py --seed 0

are the evaluation on the 10,000 test images:

    Test Data Eval:
    Num examples: 10000  Num correct: 9012  Precision @ 1: 0.9012
"""

import argparse
import time

from mnist import command_line
from mnist.divergence import check_finite

with command_line.explained_imports(__name__):
    import tensorflow as tf
    from tqdm import tqdm

    import input_data
    from mnist import mnist
    from mnist.checkpoints import Checkpoints
    from mnist.evaluation import batches_of
    from mnist.event_file import EventFile
    from mnist.session_threads import one_thread

STEPS_PER_LINE = 100
STEPS_PER_CHECKPOINT = 1000
LARGEST_LAYER = 10000


def placeholder_inputs(batch_size):
    """Makes the placeholders that are fed with images and labels.

    Args:
      batch_size: examples per feed, or None for any number.

    Returns:
      images_placeholder, float32 of shape [batch_size, 784], and labels_placeholder, int32 of shape
      [batch_size].
    """
    images_placeholder = tf.placeholder(tf.float32, shape=(batch_size, mnist.IMAGE_PIXELS))
    labels_placeholder = tf.placeholder(tf.int32, shape=(batch_size,))
    return images_placeholder, labels_placeholder


def fill_feed_dict(data_set, images_pl, labels_pl, batch_size):
    """Returns the feed for one step: the placeholders, each with its part of the next batch."""
    images_feed, labels_feed = data_set.next_batch(batch_size)
    return {images_pl: images_feed, labels_pl: labels_feed}


def do_eval(sess, eval_correct, images_placeholder, labels_placeholder, data_set):
    """Prints how many examples of a data set the model gets right, out of all of them.

    The set's next batch is the same afterwards as before.
    """
    true_count = 0
    for images_feed, labels_feed in batches_of(data_set):
        feed_dict = {images_placeholder: images_feed, labels_placeholder: labels_feed}
        true_count += sess.run(eval_correct, feed_dict=feed_dict)
    num_examples = data_set.num_examples
    precision = true_count / num_examples
    tqdm.write(
        f"Num examples: {num_examples}  Num correct: {true_count}  Precision @ 1: {precision:.04f}"
    )


def do_evals(sess, eval_correct, images_placeholder, labels_placeholder, data_sets):
    """Evaluates on the three data sets, one after the other."""
    for name, data_set in zip(("Training", "Validation", "Test"), data_sets):
        tqdm.write(f"{name} Data Eval:")
        do_eval(sess, eval_correct, images_placeholder, labels_placeholder, data_set)


def run_training(flags):
    """Trains, or resumes a training, and evaluates; prints and saves meanwhile.

    Args:
      flags: what parse_flags returned.

    Raises:
      InvalidDataError, DownloadError: see input_data.read_data_sets.
      CheckpointError: the checkpoint in the log folder does not fit the flags, or none can be
        written.
      FolderInUseError: another process trains in the log folder.
      FloatingPointError: the loss stopped being a finite number.
    """
    data_sets = input_data.read_data_sets(flags.data_dir, flags.fake_data, seed=flags.seed)
    log_dir = command_line.prepare_log_dir(flags.log_dir, "fully_connected_feed")
    with tf.Graph().as_default(), tf.Session(config=one_thread()) as sess:
        tf.set_random_seed(flags.seed)
        images_placeholder, labels_placeholder = placeholder_inputs(batch_size=None)
        logits = mnist.inference(images_placeholder, flags.hidden1, flags.hidden2)
        loss = mnist.loss(logits, labels_placeholder)
        train_op = mnist.training(loss, flags.learning_rate)
        eval_correct = mnist.evaluation(logits, labels_placeholder)
        summary = tf.summary.merge_all()

        checkpoints = Checkpoints(log_dir)
        with checkpoints.training(
            sess, flags.max_steps, data_sets.train, flags.batch_size
        ) as steps, EventFile(log_dir, sess.graph, steps.start) as summary_writer:
            if not steps:
                do_evals(sess, eval_correct, images_placeholder, labels_placeholder, data_sets)
            for step in command_line.progress(steps):
                start_time = time.time()
                feed_dict = fill_feed_dict(
                    data_sets.train, images_placeholder, labels_placeholder, flags.batch_size
                )
                _, loss_value = sess.run([train_op, loss], feed_dict=feed_dict)
                duration = time.time() - start_time
                check_finite(loss_value, step)
                if step % STEPS_PER_LINE == 0:
                    tqdm.write(f"Step {step}: loss = {loss_value:.2f} ({duration:.3f} sec)")
                    summary_str = sess.run(summary, feed_dict=feed_dict)
                    summary_writer.add_summary(summary_str, step)
                if (step + 1) % STEPS_PER_CHECKPOINT == 0 or step + 1 == flags.max_steps:
                    tqdm.write(f"checkpoint {checkpoints.save(sess, loss, feed_dict)}")
                    do_evals(sess, eval_correct, images_placeholder, labels_placeholder, data_sets)


def parse_flags(argv):
    parser = command_line.flag_parser(
        "A fully connected network on MNIST.", max_steps=2000, batch_size=100, learning_rate=0.01
    )
    command_line.add_log_dir(parser)
    units = command_line.whole_number(1, LARGEST_LAYER)
    for name, default in (("--hidden1", 128), ("--hidden2", 32)):
        parser.add_argument(
            name, type=units, default=default, help=f"units of that layer (default: {default})"
        )
    parser.add_argument(
        "--input_data_dir",
        type=command_line.path,
        dest="data_dir",
        default=argparse.SUPPRESS,
        help="same as --data_dir",
    )
    return parser.parse_args(argv)


def main(argv=None):
    flags = parse_flags(argv)
    command_line.begin(flags)
    run_training(flags)


if __name__ == "__main__":
    command_line.run(main)
