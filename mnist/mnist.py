"""A fully connected network in three stages, the model of the tutorial "TensorFlow Mechanics 101".

inference() builds the network up to its predictions, loss() adds the loss, and training() adds the
operations that minimize the loss. evaluation() counts the correct predictions.

fully_connected_feed.py trains it.
"""

import math

import tensorflow.compat.v1 as tf

NUM_CLASSES = 10  # the digits 0 to 9
IMAGE_SIZE = 28
IMAGE_PIXELS = IMAGE_SIZE * IMAGE_SIZE


def inference(images, hidden1_units, hidden2_units):
    """Builds the network up to its predictions: two layers of ReLUs and a linear one.

    The initial weights come from a truncated normal distribution. Its standard deviation is one
    over the square root of the number of the layer's inputs. The initial biases are zero.

    Args:
      images: float32 tensor of shape [batch, 784].
      hidden1_units: number of ReLUs in the first layer.
      hidden2_units: number of ReLUs in the second layer.

    Returns:
      logits, float32 tensor of shape [batch, 10].
    """
    with tf.name_scope("hidden1"):
        weights = tf.Variable(
            tf.truncated_normal(
                [IMAGE_PIXELS, hidden1_units], stddev=1.0 / math.sqrt(float(IMAGE_PIXELS))
            ),
            name="weights",
        )
        biases = tf.Variable(tf.zeros([hidden1_units]), name="biases")
        hidden1 = tf.nn.relu(tf.matmul(images, weights) + biases)  # [batch, hidden1_units]
    with tf.name_scope("hidden2"):
        weights = tf.Variable(
            tf.truncated_normal(
                [hidden1_units, hidden2_units], stddev=1.0 / math.sqrt(float(hidden1_units))
            ),
            name="weights",
        )
        biases = tf.Variable(tf.zeros([hidden2_units]), name="biases")
        hidden2 = tf.nn.relu(tf.matmul(hidden1, weights) + biases)  # [batch, hidden2_units]
    with tf.name_scope("softmax_linear"):
        weights = tf.Variable(
            tf.truncated_normal(
                [hidden2_units, NUM_CLASSES], stddev=1.0 / math.sqrt(float(hidden2_units))
            ),
            name="weights",
        )
        biases = tf.Variable(tf.zeros([NUM_CLASSES]), name="biases")
        logits = tf.matmul(hidden2, weights) + biases  # [batch, 10]
    return logits


def loss(logits, labels):
    """Adds the loss: the cross entropy between labels and predictions, averaged over the batch.

    Args:
      logits: float32 tensor of shape [batch, 10].
      labels: integer tensor of shape [batch], with values from 0 to 9.

    Returns:
      float32 tensor of shape [].
    """
    labels = tf.cast(labels, tf.int64)
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=labels, logits=logits, name="xentropy"
    )  # [batch]
    return tf.reduce_mean(cross_entropy, name="xentropy_mean")


def training(loss, learning_rate):
    """Adds gradient descent on the loss, a counter of its steps, and the loss's summary.

    Args:
      loss: float32 tensor of shape [].
      learning_rate: factor by which gradients are multiplied.

    Returns:
      train_op, the operation that does one training step.
    """
    tf.summary.scalar("loss", loss)
    optimizer = tf.train.GradientDescentOptimizer(learning_rate)
    global_step = tf.Variable(0, name="global_step", trainable=False)
    return optimizer.minimize(loss, global_step=global_step)


def evaluation(logits, labels):
    """Adds an operation that counts the examples whose label has the largest logit.

    Args:
      logits: float32 tensor of shape [batch, 10].
      labels: int32 or int64 tensor of shape [batch], with values from 0 to 9.

    Returns:
      int32 tensor of shape [].
    """
    correct = tf.nn.in_top_k(logits, labels, 1)  # [batch]
    return tf.reduce_sum(tf.cast(correct, tf.int32))
