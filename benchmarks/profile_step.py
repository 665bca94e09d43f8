"""Shows where a training step of mnist_deep.py spends its time, operation by operation.

    uv run benchmarks/profile_step.py
    uv run benchmarks/profile_step.py --stock

The times are means over 20 traced steps. Operations that run at the same time share the cores, so
that their times add up to more than the step takes.
"""

import argparse
import collections
import contextlib
import os

import tensorflow.compat.v1 as tf
from step_workers import STOCK, import_script, mnist_deep

STEPS = 20
SHOWN = 20


def traced_seconds(gradients):
    """Returns a dict from operation to the mean seconds that it takes in a step."""
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    seconds = collections.Counter()

    def traced_run(training, fetches, feed_dict):
        metadata = tf.RunMetadata()
        tf.get_default_session().run(fetches, feed_dict, options=options, run_metadata=metadata)
        for device in metadata.step_stats.dev_stats:
            for node in device.node_stats:
                micros = node.op_end_rel_micros - node.op_start_rel_micros
                seconds[node.node_name] += micros / 1e6 / STEPS

    def turns():
        yield 0
        seconds.clear()  # the first step's, which is slower
        yield from range(1, STEPS + 1)

    import_script("mnist_deep").Training.run = traced_run
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        mnist_deep(turns(), gradients)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stock", action="store_true", help="with TensorFlow's own gradients")
    seconds = traced_seconds(STOCK if parser.parse_args().stock else None)
    for name, mean in seconds.most_common(SHOWN):
        print(f"{1000 * mean:8.2f} ms  {name}")


if __name__ == "__main__":
    main()
