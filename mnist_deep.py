"""A deep convolutional network, the script of the tutorial "Deep MNIST for Experts".

Two convolutions and two dense layers: about 99.2% of the test set. The last line of

    uv run mnist_deep.py --seed 0

is the accuracy on the 10,000 test images:

    test accuracy 0.9927
"""

from training.explained_import import tf

import input_data
from training import script
from training.evaluation import eval_in_chunks
from training.gradients import cpu_gradients
from training.loop import Training


def weight_variable(shape):
    """Makes a variable of small random weights, to break symmetry."""
    initial = tf.truncated_normal(shape, stddev=0.1)
    return tf.Variable(initial, name=f"W_{layer_name()}")


def bias_variable(shape):
    """Makes a variable of slightly positive biases, so that no ReLU starts out dead."""
    initial = tf.constant(0.1, shape=shape)
    return tf.Variable(initial, name=f"b_{layer_name()}")


def layer_name():
    """Returns the name scope that the graph is being built in, as conv1."""
    return tf.get_default_graph().get_name_scope()


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
        W_conv1 = weight_variable([5, 5, 1, 32])
        b_conv1 = bias_variable([32])
        h_conv1 = tf.nn.relu(conv2d(x_image, W_conv1) + b_conv1)  # [batch, 28, 28, 32]
        h_pool1 = max_pool_2x2(h_conv1)  # [batch, 14, 14, 32]

    with tf.name_scope("conv2"):
        W_conv2 = weight_variable([5, 5, 32, 64])
        b_conv2 = bias_variable([64])
        h_conv2 = tf.nn.relu(conv2d(h_pool1, W_conv2) + b_conv2)  # [batch, 14, 14, 64]
        h_pool2 = max_pool_2x2(h_conv2)  # [batch, 7, 7, 64]

    with tf.name_scope("fc1"):
        W_fc1 = weight_variable([7 * 7 * 64, 1024])
        b_fc1 = bias_variable([1024])
        h_pool2_flat = tf.reshape(h_pool2, [-1, 7 * 7 * 64])  # [batch, 3136]
        h_fc1 = tf.nn.relu(tf.matmul(h_pool2_flat, W_fc1) + b_fc1)  # [batch, 1024]

    with tf.name_scope("dropout"):
        keep_prob = tf.placeholder_with_default(1.0, [])
        h_fc1_drop = tf.nn.dropout(h_fc1, rate=1 - keep_prob)  # [batch, 1024]

    with tf.name_scope("fc2"):
        W_fc2 = weight_variable([1024, 10])
        b_fc2 = bias_variable([10])
        y_conv = tf.matmul(h_fc1_drop, W_fc2) + b_fc2  # [batch, 10]
    return y_conv, keep_prob


@script.trains(max_steps=20000, batch_size=50, learning_rate=1e-4, log_dir="logs/mnist_deep-{time}")
def main(flags):
    mnist = input_data.read_data_sets(
        flags.data_dir, one_hot=True, fake_data=flags.fake_data, seed=flags.seed, like_mnist=True
    )
    tf.set_random_seed(flags.seed)
    sess = tf.InteractiveSession()

    x = tf.placeholder(tf.float32, shape=[None, 784])
    y_ = tf.placeholder(tf.float32, shape=[None, 10])
    with cpu_gradients():
        y_conv, keep_prob = deepnn(x)

    cross_entropy = tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=y_conv)
    )
    train_step = tf.train.AdamOptimizer(flags.learning_rate).minimize(cross_entropy)
    correct_prediction = tf.equal(tf.argmax(y_conv, 1), tf.argmax(y_, 1))  # [batch]
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    tf.summary.scalar("cross_entropy", cross_entropy)
    validation = {x: mnist.validation.images, y_: mnist.validation.labels, keep_prob: 1.0}

    with Training(sess, cross_entropy, flags, tf.summary.merge_all()) as training:
        for i in training.steps(mnist.train):
            batch = mnist.train.next_batch(flags.batch_size)
            if i % 100 == 0:
                train_accuracy = accuracy.eval(
                    feed_dict={x: batch[0], y_: batch[1], keep_prob: 1.0}
                )
                print("step %d, training accuracy %g" % (i, train_accuracy))
                training.add_scalar("training_accuracy", train_accuracy)
            if i % 1000 == 0:
                training.add_scalar("validation_accuracy", eval_in_chunks(accuracy, validation))
            training.run(train_step, feed_dict={x: batch[0], y_: batch[1], keep_prob: 0.5})

    test_accuracy = eval_in_chunks(
        accuracy, feed_dict={x: mnist.test.images, y_: mnist.test.labels, keep_prob: 1.0}
    )
    print("test accuracy %g" % test_accuracy)
    return test_accuracy


if __name__ == "__main__":
    script.run(main)
