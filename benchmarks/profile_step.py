"""Shows where a training step of the deep network spends its time, operation by operation.

    uv run benchmarks/profile_step.py
    uv run benchmarks/profile_step.py --stock

The times are means over 20 traced steps. Operations that run at the same time share the cores, so
that their times add up to more than the step takes.
"""

import argparse
import collections

import numpy
import tensorflow as tf
from step_workers import CLASSES, IMAGES, STOCK, import_script

STEPS = 20
SHOWN = 20


def traced_seconds(stock):
    """Returns a dict from operation to the mean seconds that it takes in a step."""
    model = import_script("mnist_deep", STOCK if stock else None).build_model(1e-4)
    feed_dict = {model.x: IMAGES, model.y_: numpy.eye(10)[CLASSES], model.keep_prob: 0.5}
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    seconds = collections.Counter()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(model.train_step, feed_dict)
        for _ in range(STEPS):
            metadata = tf.RunMetadata()
            sess.run(model.train_step, feed_dict, options=options, run_metadata=metadata)
            for device in metadata.step_stats.dev_stats:
                for node in device.node_stats:
                    micros = node.op_end_rel_micros - node.op_start_rel_micros
                    seconds[node.node_name] += micros / 1e6 / STEPS
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stock", action="store_true", help="with TensorFlow's own gradients")
    seconds = traced_seconds(parser.parse_args().stock)
    for name, mean in seconds.most_common(SHOWN):
        print(f"{1000 * mean:8.2f} ms  {name}")


if __name__ == "__main__":
    main()
