"""Measures how much memory each script takes after 500, 1500 and 5000 steps.

    uv run benchmarks/memory.py
    uv run benchmarks/memory.py mnist_softmax --steps 500 5000 20000

A memory leak per step would show as a difference between these numbers. To save time, the scripts
train on drawn digits, and the convolutional networks train in small batches. Linux only.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Runs a script, and notes the resident memory each time that a batch has been taken often enough.
WATCHED = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/benchmarks"]
from robust import script as scripts
import {script} as script
from input_data import DataSet
from process_memory import resident

count = 0
def counted(*arguments):
    global count
    count += 1
    if count in {measured_at}:
        print("resident", count, resident("VmRSS"), flush=True)
    return original(*arguments)

{watch}
scripts.run(script.main)
"""
WATCH_BATCHES = "original, DataSet.next_batch = DataSet.next_batch, counted"
# An Estimator takes its batches ahead of its steps, in a thread.
WATCH_HOOKS = (
    "from robust.estimator import StopOnSignal\n"
    "original, StopOnSignal.after_run = StopOnSignal.after_run, counted"
)
SCRIPTS = {
    "mnist_softmax": (WATCH_BATCHES, ["--batch_size=100"]),
    "mnist_deep": (WATCH_BATCHES, ["--batch_size=2"]),
    "fully_connected_feed": (WATCH_BATCHES, ["--batch_size=100"]),
    "mnist_layers_estimator": (WATCH_HOOKS, ["--batch_size=2"]),
}


def measure(script, steps):
    """Returns resident memory in MB, at each of the steps."""
    watch, flags = SCRIPTS[script]
    code = WATCHED.format(root=ROOT, script=script, measured_at=steps, watch=watch)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, "--fake_data", f"--max_steps={max(steps)}", *flags],
            cwd=folder,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        sys.exit(f"{script} failed:\n{done.stderr}")
    return [float(number) for number in re.findall(r"^resident \d+ ([0-9.]+)", done.stdout, re.M)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scripts", nargs="*", default=list(SCRIPTS), help="all by default")
    # The first checkpoint and evaluation are after 1000 steps.
    parser.add_argument("--steps", nargs="+", type=int, default=[500, 1500, 5000])
    flags = parser.parse_args()
    flags.steps.sort()
    print(f"{'MB after steps':<26}" + "".join(f"{step:>8}" for step in flags.steps))
    for script in flags.scripts:
        found = measure(script, flags.steps)
        print(f"{script:<26}" + "".join(f"{number:>8.0f}" for number in found), flush=True)


if __name__ == "__main__":
    main()
