"""Softmax regression, the script of the tutorial "MNIST For ML Beginners".

One layer of weights classifies about 92% of the test set correctly.

    uv run mnist_softmax.py --seed 0

prints

    accuracy on the test images:
    0.9178
"""

from training.explained_import import tf

import input_data
from training import script
from training.loop import Training, one_thread


@script.trains(max_steps=1000, batch_size=100, learning_rate=0.5, log_dir=None)
def main(flags):
    # Import data
    mnist = input_data.read_data_sets(
        flags.data_dir, one_hot=True, fake_data=flags.fake_data, seed=flags.seed, like_mnist=True
    )

    # Create the model
    x = tf.placeholder(tf.float32, [None, 784])
    W = tf.Variable(tf.zeros([784, 10]), name="W")
    b = tf.Variable(tf.zeros([10]), name="b")
    logits = tf.matmul(x, W) + b  # [batch, 10]: the evidence for each digit
    y = tf.nn.softmax(logits)  # [batch, 10]: its probability

    # Define loss and optimizer
    y_ = tf.placeholder(tf.float32, [None, 10])
    # The page's -sum(y_ * log(y)), but from the logits: log(y) alone ends in NaN.
    cross_entropy = tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=logits)
    )
    train_step = tf.train.GradientDescentOptimizer(flags.learning_rate).minimize(cross_entropy)

    # Evaluate the model
    correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))  # [batch]
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    tf.summary.scalar("cross_entropy", cross_entropy)
    tf.summary.scalar("accuracy", accuracy)

    with tf.Session(config=one_thread()) as sess:
        # Train
        with Training(sess, cross_entropy, flags, tf.summary.merge_all()) as training:
            for _ in training.steps(mnist.train):
                batch_xs, batch_ys = mnist.train.next_batch(flags.batch_size)
                training.run(train_step, feed_dict={x: batch_xs, y_: batch_ys})

        # Test trained model
        test_accuracy = sess.run(accuracy, feed_dict={x: mnist.test.images, y_: mnist.test.labels})
        print("accuracy on the test images:")
        print(test_accuracy)
    return test_accuracy


if __name__ == "__main__":
    script.run(main)
