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

from training.explained_import import tf

import input_data
from mnist import mnist
from training import script
from training.evaluation import batches_of
from training.flags import path, whole_number
from training.loop import Training, one_thread

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
    feed_dict = {
        images_pl: images_feed,
        labels_pl: labels_feed,
    }
    return feed_dict


def do_eval(sess, eval_correct, images_placeholder, labels_placeholder, data_set):
    """Prints how many examples of a data set the model gets right, and returns the precision.

    The set's next batch is the same afterwards as before.
    """
    true_count = 0
    for images_feed, labels_feed in batches_of(data_set):
        feed_dict = {images_placeholder: images_feed, labels_placeholder: labels_feed}
        true_count += sess.run(eval_correct, feed_dict=feed_dict)
    num_examples = data_set.num_examples
    precision = true_count / num_examples
    print(
        "Num examples: %d  Num correct: %d  Precision @ 1: %0.04f"
        % (num_examples, true_count, precision)
    )
    return precision


def run_training(flags):
    """Trains the network, evaluates it every 1000 steps, and returns its precision at the end."""
    data_sets = input_data.read_data_sets(
        flags.data_dir, flags.fake_data, seed=flags.seed, like_mnist=True
    )

    with tf.Graph().as_default():
        tf.set_random_seed(flags.seed)
        images_placeholder, labels_placeholder = placeholder_inputs(batch_size=None)
        logits = mnist.inference(images_placeholder, flags.hidden1, flags.hidden2)
        loss = mnist.loss(logits, labels_placeholder)
        train_op = mnist.training(loss, flags.learning_rate)
        eval_correct = mnist.evaluation(logits, labels_placeholder)
        summary = tf.summary.merge_all()

        def evaluate():
            for name, data_set in zip(("Training", "Validation", "Test"), data_sets):
                print(f"{name} Data Eval:")
                precision = do_eval(
                    sess, eval_correct, images_placeholder, labels_placeholder, data_set
                )
            return precision

        with tf.Session(config=one_thread()) as sess, Training(sess, loss, flags) as training:
            for step in training.steps(data_sets.train):
                start_time = time.time()
                feed_dict = fill_feed_dict(
                    data_sets.train, images_placeholder, labels_placeholder, flags.batch_size
                )
                _, loss_value = training.run([train_op, loss], feed_dict=feed_dict)
                duration = time.time() - start_time

                if step % 100 == 0:
                    print("Step %d: loss = %.2f (%.3f sec)" % (step, loss_value, duration))
                    summary_str = sess.run(summary, feed_dict=feed_dict)
                    training.add_summary(summary_str, step)

                if (step + 1) % 1000 == 0 or (step + 1) == flags.max_steps:
                    training.save()
                    precision = evaluate()
            return precision if training.steps_left else evaluate()  # of a finished training


def add_flags(parser):
    for name, units in (("--hidden1", 128), ("--hidden2", 32)):
        parser.add_argument(
            name,
            type=whole_number(1, LARGEST_LAYER),
            default=units,
            help="number of units in this hidden layer (default: %(default)s)",
        )
    parser.add_argument(
        "--input_data_dir", type=path, dest="data_dir", default=argparse.SUPPRESS,
        help="same as --data_dir",
    )  # fmt: skip


@script.trains(
    add_flags,
    max_steps=2000, batch_size=100, learning_rate=0.01, log_dir="logs/fully_connected_feed-{time}",
)  # fmt: skip
def main(flags):
    return run_training(flags)


if __name__ == "__main__":
    script.run(main)
