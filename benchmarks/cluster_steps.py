"""Measures how many steps per second one and two workers train on loopback.

    uv run benchmarks/cluster_steps.py

Each worker is pinned to its own core, as if the core were a machine. The parameter server shares
the core of the first worker. The baseline is one process without a cluster on one core. Linux only.
"""

import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "tests"))

from local_cluster import SCRIPT, LocalCluster
from short_runs import ROOT

STEPS = 500


def on_core(core):
    return ["taskset", "--cpu-list", str(core)]


def steps_per_second(log):
    """Returns the median of what an Estimator logged every 100 steps, without the first."""
    found = [float(number) for number in re.findall(r"global_step/sec: ([0-9.]+)", log)]
    return statistics.median(found[1:])


def alone(core):
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, os.path.join(ROOT, f"{SCRIPT}.py"), "--fake_data"]
        flags = [f"--model_dir={folder}/model", f"--max_steps={STEPS}"]
        done = subprocess.run([*on_core(core), *command, *flags], capture_output=True, text=True)
        done.check_returncode()
        return steps_per_second(done.stderr)


def cluster(workers):
    """Trains with one or two workers, of which one is the chief, and returns steps per second."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        tasks = stack.enter_context(LocalCluster(folder, checkpoint_steps=10**6))
        tasks.start("ps", "chief", max_steps=STEPS, before=on_core(0))
        if workers == 2:
            tasks.start("worker", max_steps=STEPS, before=on_core(1))
            tasks.wait("worker")
        tasks.wait("chief")
        return steps_per_second(tasks.log("chief"))


def main():
    for name, measure in (
        ("one process", lambda: alone(0)),
        ("parameter server and 1 worker", lambda: cluster(1)),
        ("parameter server and 2 workers", lambda: cluster(2)),
    ):
        print(f"{name:<32}{measure():6.2f} steps per second", flush=True)


if __name__ == "__main__":
    main()
