"""Measures how the accuracy on the test images grows with time, for each of the four scripts.

    uv run benchmarks/accuracy_over_time.py
    uv run --python 3.13 benchmarks/accuracy_over_time.py

Runs each script with its defaults and --seed 0, which takes an hour. The time is counted from the
start of the process, so it includes the import of TensorFlow. Softmax regression and Mechanics 101
finish within seconds: each of their points is a run of its own, with fewer steps. The other two
are trained once, and evaluated afterwards from the checkpoints that they saved every 1000 steps.

The results are added to accuracy_over_time.json beside this script, under the version of TensorFlow
that runs it. draw_results.py draws them.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import time

import tensorflow.compat.v1 as tf

import input_data
from trained.network import Network

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULTS = os.path.join(ROOT, "benchmarks", "accuracy_over_time.json")
STEPS_OF_SHORT_RUNS = {
    "mnist_softmax": (10, 30, 100, 300, 1000),
    "fully_connected_feed": (100, 300, 1000, 2000),
}
FOLDER_FLAGS = {"mnist_deep": "--log_dir", "mnist_layers_estimator": "--model_dir"}
SECONDS_BETWEEN_LOOKS = 1


def command(script, *flags):
    return [sys.executable, os.path.join(ROOT, f"{script}.py"), "--seed=0", *flags]


def short_runs(script, folder, test):
    """Returns a list of seconds, steps and accuracy: one of each run.

    A run passes the steps of each shorter one. Where it took less time, because other things slowed
    down the shorter run, its time counts for both.
    """
    points = []
    for steps in reversed(STEPS_OF_SHORT_RUNS[script]):
        run_dir = os.path.join(folder, f"{script}-{steps}")
        start = time.time()
        subprocess.run(
            command(script, f"--max_steps={steps}", f"--log_dir={run_dir}"),
            cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        seconds = min([time.time() - start, *(seconds for seconds, _, _ in points)])
        points.append([seconds, steps, accuracy(run_dir, test)])
    return points[::-1]


def long_run(script, folder, test):
    """Returns a list of seconds, steps and accuracy: one of each checkpoint of one run."""
    run_dir, kept_dir = (os.path.join(folder, f"{script}{end}") for end in ("", "-kept"))
    start = time.time()
    process = subprocess.Popen(
        command(script, f"{FOLDER_FLAGS[script]}={run_dir}"), cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        keep_checkpoints(run_dir, kept_dir)
    if process.returncode:
        sys.exit(f"{script}.py ended with exit code {process.returncode}")
    keep_checkpoints(run_dir, kept_dir)
    return evaluated(kept_dir, start, test)


def keep_checkpoints(run_dir, kept_dir):
    """Keeps all checkpoints of a run, of which the run itself keeps the last five."""
    for index in glob.glob(os.path.join(glob.escape(run_dir), "model.ckpt-*.index")):
        prefix, _ = os.path.splitext(index)
        step_dir = os.path.join(kept_dir, prefix.rsplit("-", 1)[1])
        os.makedirs(step_dir, exist_ok=True)
        for path in glob.glob(f"{glob.escape(prefix)}.*"):
            kept = os.path.join(step_dir, os.path.basename(path))
            if not os.path.exists(kept):
                os.link(path, kept)


def evaluated(kept_dir, start, test):
    """Returns a list of seconds since the start, steps and accuracy: one of each checkpoint."""
    points = []
    for step in sorted(os.listdir(kept_dir), key=int):
        step_dir = os.path.join(kept_dir, step)
        saved = os.path.getmtime(os.path.join(step_dir, f"model.ckpt-{step}.index"))
        if step != "0":
            points.append([saved - start, int(step), accuracy(step_dir, test)])
    return points


def accuracy(run_dir, test):
    """Returns the part of the test images that the network of a run classifies correctly."""
    probabilities = Network(run_dir).probabilities(test.images)
    return float((probabilities.argmax(axis=1) == test.labels).mean())


def main():
    test = input_data.read_data_sets(os.path.join(ROOT, "MNIST_data")).test
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        for script in STEPS_OF_SHORT_RUNS:
            measured[script] = short_runs(script, folder, test)
        for script in FOLDER_FLAGS:
            measured[script] = long_run(script, folder, test)
    add_to_results(measured)


def add_to_results(measured):
    """Writes what was measured into the file of results, and prints it."""
    results = {}
    if os.path.exists(RESULTS):
        with open(RESULTS) as file:
            results = json.load(file)
    of_this_version = results.setdefault(tf.__version__, {})
    for script, points in measured.items():
        of_this_version[script] = [
            [round(seconds, 1), steps, round(part, 4)] for seconds, steps, part in points
        ]
    lines = []
    for version, scripts in sorted(results.items()):
        of_scripts = ",\n".join(
            f'    "{script}": {json.dumps(points)}' for script, points in scripts.items()
        )
        lines.append(f'  "{version}": {{\n{of_scripts}\n  }}')
    with open(RESULTS, "w") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")
    for script, points in of_this_version.items():
        for seconds, steps, part in points:
            print(f"{script:<24}{seconds:>8.1f} s{steps:>8} steps{part:>8.4f}")


if __name__ == "__main__":
    main()
