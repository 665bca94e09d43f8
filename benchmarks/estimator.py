"""Measures how many steps per second mnist_layers_estimator.py trains, from the shell.

    uv run benchmarks/estimator.py
    uv run benchmarks/estimator.py --tf2 PYTHON

Compares the script with itself on TensorFlow's stock gradients; with --tf2, both also run under an
interpreter that has TensorFlow 2.21. The whole script runs, with its input queue, log, checkpoints
and event file. The speed is the median of those that the Estimator writes every 100 steps, without
the first.
"""

import argparse
import glob
import json
import os
import statistics
import sys
import tempfile

import side_by_side
from step_workers import STOCK, import_script

STEPS = 400


def measure(stock):
    """Trains, and prints the speed as JSON."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    script = import_script("mnist_layers_estimator", STOCK if stock else None)
    with tempfile.TemporaryDirectory() as folder:
        script.main([f"--model_dir={folder}", f"--max_steps={STEPS}"])
        (path,) = glob.glob(os.path.join(folder, "*tfevents*"))
        events = EventAccumulator(path)
        events.Reload()
        speeds = [event.value for event in events.Scalars("global_step/sec")]
    print(json.dumps({"steps per second": statistics.median(speeds[1:])}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tf2", metavar="PYTHON", help="interpreter that has TensorFlow 2.21")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each")
    parser.add_argument("--measure", choices=["stock", "this"], help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        measure(flags.measure == "stock")
        return
    interpreters = {"": sys.executable}
    if flags.tf2:
        interpreters[", TF 2"] = flags.tf2
    commands = {
        name + version: [interpreter, __file__, "--measure", name]
        for version, interpreter in interpreters.items()
        for name in ("stock", "this")
    }
    side_by_side.report(side_by_side.alternate(commands, flags.rounds))


if __name__ == "__main__":
    main()
