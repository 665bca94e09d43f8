"""Compares input_data with the reader in TensorFlow 1.15's wheel.

    uv run benchmarks/load.py --data_dir MNIST_data

Each run is a process that has already imported TensorFlow. It measures the seconds to import the
reader, read the files and take a batch of 100. It measures the memory that this added, at the end
and at the peak. It also measures the longest call of next_batch(100) in ten epochs. Linux only.
"""

import argparse
import json
import sys
import time

import side_by_side
from process_memory import resident

READERS = ["tensorflow", "input_data"]
BATCHES = 5500  # ten epochs of 55,000 examples


def measure(reader, data_dir):
    import tensorflow.compat.v1 as tf

    tf.logging.set_verbosity(tf.logging.ERROR)
    before, peak_before = resident("VmRSS"), resident("VmHWM")
    start = time.perf_counter()
    if reader == "tensorflow":
        from tensorflow.examples.tutorials.mnist import input_data
    else:
        import input_data
    mnist = input_data.read_data_sets(data_dir, one_hot=True)
    mnist.train.next_batch(100)
    seconds = time.perf_counter() - start
    after, peak_after = resident("VmRSS"), resident("VmHWM")
    longest = 0
    for _ in range(BATCHES):
        start = time.perf_counter()
        mnist.train.next_batch(100)
        longest = max(longest, time.perf_counter() - start)
    return {
        "first batch, s": seconds,
        "added memory, MB": after - before,
        "added peak memory, MB": peak_after - peak_before,
        "longest next_batch, ms": 1000 * longest,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="MNIST_data", help="folder of the MNIST files")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each reader")
    parser.add_argument("--measure", choices=READERS, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        print(json.dumps(measure(flags.measure, flags.data_dir)))
        return
    commands = {
        reader: [sys.executable, __file__, "--measure", reader, "--data_dir", flags.data_dir]
        for reader in READERS
    }
    side_by_side.report(side_by_side.alternate(commands, flags.rounds))


if __name__ == "__main__":
    main()
