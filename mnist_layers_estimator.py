"""A convolutional network in an Estimator, the script of the tutorial on tf.layers.

Trains it, on one machine or several, and evaluates it. The last line of

    uv run mnist_layers_estimator.py --seed 0

is the evaluation on the 10,000 test images, which differs a little each time:

    accuracy = 0.9718, global_step = 20000, loss = 0.0953663
"""

import os

from robust import cluster, command_line, estimator, log_folder, script
from robust.cpu_gradients import cpu_gradients

import numpy
import tensorflow.compat.v1 as tf

import input_data

LEARNING_RATE = 0.001
STEPS_PER_CHECKPOINT = 1000
STEPS_PER_LOG = 50
EVALUATION_SECONDS = 60  # at least, between two evaluations in a cluster
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


def input_fns(mnist, batch_size):
    """Returns the input functions train_input_fn and eval_input_fn.

    train_input_fn serves the training set, shuffled and repeated without end. eval_input_fn serves
    the test set once, in order.

    Args:
      mnist: Datasets with float32 images of shape [784] and labels from 0 to 9.
      batch_size: examples per training step.
    """
    train_input_fn = tf.estimator.inputs.numpy_input_fn(
        x={"x": mnist.train.images},
        y=numpy.asarray(mnist.train.labels, dtype=numpy.int32),
        batch_size=batch_size,
        num_epochs=None,
        shuffle=True,
    )
    eval_input_fn = tf.estimator.inputs.numpy_input_fn(
        x={"x": mnist.test.images},
        y=numpy.asarray(mnist.test.labels, dtype=numpy.int32),
        batch_size=EVALUATION_BATCH,
        num_epochs=1,
        shuffle=False,
    )
    return train_input_fn, eval_input_fn


def logging_hook():
    """Returns the hook that logs the predicted classes every 50 steps."""
    tensors_to_log = {"predicted_classes": "predicted_classes"}
    return tf.estimator.LoggingTensorHook(tensors=tensors_to_log, every_n_iter=STEPS_PER_LOG)


def evaluate(mnist_classifier, eval_input_fn, num_examples):
    """Evaluates on the whole test set, prints the results, and returns the accuracy."""
    eval_results = mnist_classifier.evaluate(
        input_fn=eval_input_fn,
        steps=-(-num_examples // EVALUATION_BATCH),
        hooks=[logging_hook()],
    )
    estimator.check_trained(eval_results, mnist_classifier.model_dir)
    print(f"evaluation on the {num_examples} test images:")
    print(", ".join(f"{name} = {value:g}" for name, value in sorted(eval_results.items())))
    return float(eval_results["accuracy"])


def serving_input_receiver_fn():
    """Returns the input of an exported network: images "x", float32 of shape [batch, 784]."""
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})


def parse_flags(argv):
    parser = command_line.training_parser(
        "A convolutional network in an Estimator on MNIST.",
        max_steps=20000, batch_size=100, learning_rate=LEARNING_RATE,
        seed_meaning="fixes the weights at the start, but not the order of the batches",
    )  # fmt: skip
    default = "logs/mnist_layers_estimator-{time}"
    command_line.add_log_dir(parser, default, "--model_dir")
    parser.add_argument(
        "--export_dir",
        type=command_line.path,
        help="after training, write a SavedModel into a new subfolder of this folder",
    )
    parser.add_argument("--quiet", action="store_true", help="do not show TensorFlow's log")
    flags = parser.parse_args(argv)
    if flags.log_dir == default and "TF_CONFIG" in os.environ:
        parser.error("TF_CONFIG is set: name with --model_dir the folder that all tasks share")
    return flags


@script.takes_flags(parse_flags, show_log=lambda flags: not flags.quiet)
def main(flags):
    if flags.export_dir:
        flags.export_dir = log_folder.path_for_tensorflow(flags.export_dir)
    config = cluster.run_config(
        model_dir=log_folder.prepare(flags.log_dir),
        tf_random_seed=flags.seed,
        save_checkpoints_steps=STEPS_PER_CHECKPOINT,
    )
    if config.task_type == "ps":
        cluster.serve_variables(config)
        return None

    # Load training and eval data
    mnist = input_data.read_data_sets(
        flags.data_dir, fake_data=flags.fake_data, seed=flags.seed, like_mnist=True
    )

    # Create the Estimator
    mnist_classifier = tf.estimator.Estimator(
        model_fn=cnn_model_fn, config=config, params={"learning_rate": flags.learning_rate}
    )
    train_input_fn, eval_input_fn = input_fns(mnist, flags.batch_size)
    hooks = [logging_hook()]

    if cluster.is_distributed(config):
        accuracy = None  # which the evaluator prints
        train_spec = tf.estimator.TrainSpec(train_input_fn, flags.max_steps, hooks)
        eval_spec = tf.estimator.EvalSpec(
            eval_input_fn, steps=None, start_delay_secs=0, throttle_secs=EVALUATION_SECONDS
        )
        cluster.train_and_evaluate(mnist_classifier, train_spec, eval_spec)
    else:
        estimator.train(mnist_classifier, train_input_fn, flags.max_steps, hooks)
        accuracy = evaluate(mnist_classifier, eval_input_fn, mnist.test.num_examples)

    if flags.export_dir and config.is_chief:
        estimator.export(mnist_classifier, flags.export_dir, serving_input_receiver_fn)
    return accuracy


if __name__ == "__main__":
    script.run(main)
