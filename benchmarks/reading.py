"""How fast is MNIST read, and how much memory does it take?

    uv run benchmarks/reading.py

Compares input_data with the reader in TensorFlow 1.15's wheel. Each run is a process that has
already imported TensorFlow. It measures the time to import the reader, read the files and take a
batch of 100, the memory that this added, and the longest next_batch(100) in ten epochs. Linux only.
"""

import functools
import importlib
import os
import time

import side_by_side

BATCHES = 5500  # ten epochs of 55,000 examples


def measure(reader):
    import tensorflow.compat.v1 as tf

    tf.logging.set_verbosity(tf.logging.ERROR)
    before, peak_before = megabytes("VmRSS"), megabytes("VmHWM")
    start = time.perf_counter()
    input_data = importlib.import_module(reader)
    mnist = input_data.read_data_sets(os.path.join(side_by_side.ROOT, "MNIST_data"), one_hot=True)
    mnist.train.next_batch(100)
    seconds = time.perf_counter() - start
    after, peak_after = megabytes("VmRSS"), megabytes("VmHWM")
    longest = 0
    for _ in range(BATCHES):
        start = time.perf_counter()
        mnist.train.next_batch(100)
        longest = max(longest, time.perf_counter() - start)
    return {
        "s, first batch": seconds,
        "MB added": after - before,
        "MB added at the peak": peak_after - peak_before,
        "ms, longest next_batch": 1000 * longest,
    }


def megabytes(field):
    """Returns MB, 10**6 bytes, that this process holds (VmRSS) or has held at most (VmHWM)."""
    with open("/proc/self/status") as status:
        kibibytes = next(int(line.split()[1]) for line in status if line.startswith(field))
    return kibibytes * 1024 / 1e6


TENSORFLOWS = "tensorflow.examples.tutorials.mnist.input_data"
CONTENDERS = {
    "TensorFlow's": (TENSORFLOWS, functools.partial(measure, TENSORFLOWS)),
    "input_data": ("tensorflow", functools.partial(measure, "input_data")),
}

if __name__ == "__main__":
    side_by_side.main(__doc__, CONTENDERS, rounds=5)
