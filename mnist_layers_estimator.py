"""A convolutional network in an Estimator, the script of the tutorial on tf.layers.

Trains it, on one machine or several, and evaluates it. The last line of

    uv run mnist_layers_estimator.py --seed 0

is the evaluation on the 10,000 test images, which differs a little each time:

    accuracy = 0.9718, global_step = 20000, loss = 0.0953663
"""

import math

from training.explained_import import tf

import numpy as np

import input_data
from training import cluster, estimator, script
from training.flags import path
from training.gradients import cpu_gradients

LEARNING_RATE = 0.001
STEPS_PER_LOG = 50
EVALUATION_BATCH = 100


def cnn_model_fn(features, labels, mode, params=None):
    """Builds the network, for one of an Estimator's three modes.

    Args:
      features: dict with the images under "x", float32 of shape [batch, 784].
      labels: integer tensor of shape [batch]; None to predict.
      mode: one of tf.estimator.ModeKeys.
      params: dict that may hold a "learning_rate".

    Returns:
      tf.estimator.EstimatorSpec. In mode PREDICT, it holds the predictions "classes" of shape
      [batch] and "probabilities" of shape [batch, 10]. In mode TRAIN, it holds the loss and the
      training operation. In mode EVAL, it holds the loss and the accuracy.
    """
    training = mode == tf.estimator.ModeKeys.TRAIN
    input_layer = tf.reshape(features["x"], [-1, 28, 28, 1])  # [batch, 28, 28, 1]

    with cpu_gradients():
        conv1 = tf.layers.conv2d(
            inputs=input_layer, filters=32, kernel_size=[5, 5], padding="same",
            activation=tf.nn.relu,
        )  # [batch, 28, 28, 32]  # fmt: skip
        # pool1: [batch, 14, 14, 32]
        pool1 = tf.layers.max_pooling2d(inputs=conv1, pool_size=[2, 2], strides=2)
        conv2 = tf.layers.conv2d(
            inputs=pool1, filters=64, kernel_size=[5, 5], padding="same", activation=tf.nn.relu
        )  # [batch, 14, 14, 64]
        # pool2: [batch, 7, 7, 64]
        pool2 = tf.layers.max_pooling2d(inputs=conv2, pool_size=[2, 2], strides=2)
        pool2_flat = tf.reshape(pool2, [-1, 7 * 7 * 64])  # [batch, 3136]
        # dense and dropout: [batch, 1024]
        dense = tf.layers.dense(inputs=pool2_flat, units=1024, activation=tf.nn.relu)
        dropout = tf.layers.dropout(inputs=dense, rate=0.4, training=training)
        logits = tf.layers.dense(inputs=dropout, units=10)  # [batch, 10]

    predicted_classes = tf.argmax(input=logits, axis=1, name="predicted_classes")  # [batch]
    probabilities = tf.nn.softmax(logits, name="softmax_tensor")  # [batch, 10]
    if mode == tf.estimator.ModeKeys.PREDICT:
        predictions = {"classes": predicted_classes, "probabilities": probabilities}
        return tf.estimator.EstimatorSpec(mode=mode, predictions=predictions)

    onehot_labels = tf.one_hot(indices=tf.cast(labels, tf.int32), depth=10)
    loss = tf.losses.softmax_cross_entropy(onehot_labels=onehot_labels, logits=logits)
    if training:
        learning_rate = (params or {}).get("learning_rate", LEARNING_RATE)
        optimizer = tf.train.GradientDescentOptimizer(learning_rate=learning_rate)
        train_op = optimizer.minimize(loss=loss, global_step=tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode=mode, loss=loss, train_op=train_op)

    eval_metric_ops = {
        "accuracy": tf.metrics.accuracy(labels=labels, predictions=predicted_classes)
    }
    return tf.estimator.EstimatorSpec(mode=mode, loss=loss, eval_metric_ops=eval_metric_ops)


def add_flags(parser):
    parser.add_argument(
        "--export_dir",
        type=path,
        help="after training, write a SavedModel into a new subfolder of this folder",
    )
    parser.add_argument("--quiet", action="store_true", help="do not show TensorFlow's log")


@script.trains(
    add_flags,
    max_steps=20000, batch_size=100, learning_rate=LEARNING_RATE,
    log_dir="logs/mnist_layers_estimator-{time}",
)  # fmt: skip
def main(flags):
    config = cluster.run_config(flags)

    # Load training and eval data
    mnist = input_data.read_data_sets(
        flags.data_dir, fake_data=flags.fake_data, seed=flags.seed, like_mnist=True
    )
    train_data = mnist.train.images  # [55000, 784]
    train_labels = np.asarray(mnist.train.labels, dtype=np.int32)  # [55000]
    eval_data = mnist.test.images  # [10000, 784]
    eval_labels = np.asarray(mnist.test.labels, dtype=np.int32)  # [10000]

    # Create the Estimator
    mnist_classifier = tf.estimator.Estimator(
        model_fn=cnn_model_fn, config=config, params={"learning_rate": flags.learning_rate}
    )

    # Set up logging for predictions
    tensors_to_log = {"predicted_classes": "predicted_classes"}
    logging_hook = tf.estimator.LoggingTensorHook(
        tensors=tensors_to_log, every_n_iter=STEPS_PER_LOG
    )

    # Train the model
    train_input_fn = tf.estimator.inputs.numpy_input_fn(
        x={"x": train_data}, y=train_labels, batch_size=flags.batch_size, num_epochs=None,
        shuffle=True,
    )  # fmt: skip
    if cluster.is_distributed(config):
        cluster.train_and_evaluate(
            mnist_classifier, train_input_fn, mnist.test, flags, [logging_hook]
        )
        return None  # the evaluator prints the accuracy
    with estimator.resumed(mnist_classifier, flags.max_steps) as hooks:
        mnist_classifier.train(
            input_fn=train_input_fn, max_steps=flags.max_steps, hooks=[logging_hook, *hooks]
        )

    # Evaluate the model and print results
    eval_input_fn = tf.estimator.inputs.numpy_input_fn(
        x={"x": eval_data}, y=eval_labels, batch_size=EVALUATION_BATCH, num_epochs=1, shuffle=False
    )
    eval_results = mnist_classifier.evaluate(
        input_fn=eval_input_fn,
        steps=math.ceil(len(eval_data) / EVALUATION_BATCH),
        hooks=[logging_hook],
    )
    print(f"evaluation on the {len(eval_data)} test images:")
    print(", ".join(f"{name} = {value:g}" for name, value in sorted(eval_results.items())))
    estimator.export(mnist_classifier, flags.export_dir)
    return float(eval_results["accuracy"])


if __name__ == "__main__":
    script.run(main)
