"""Measures a training step of the deep network, batches of 50, against others in the same run.

    uv run benchmarks/step_time.py
    uv run benchmarks/step_time.py --tf2 PYTHON --peer PYTHON --peer PYTHON
    uv run benchmarks/step_time.py --gradients
    uv run benchmarks/step_time.py --sessions
    uv run benchmarks/step_time.py --estimator

Compares mnist_deep.py with itself on TensorFlow's stock gradients. --tf2 adds both under an
interpreter that has TensorFlow 2.21. --peer adds the same network in PyTorch and in Keras, each
under the first of the given interpreters that has it. --gradients enables our gradients one after
the other. --sessions compares an InteractiveSession, which the page and the script use, with a
tf.Session. --estimator measures the model of mnist_layers_estimator.py, in batches of 100.

Each contender is one process that keeps running. The contenders take turns, a block of steps at a
time, so that noise affects all alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WARM_UP_STEPS = 10


def start(contender, interpreters):
    """Starts a contender under the first interpreter that has the modules which it needs.

    Returns:
      its name, with the version of its TensorFlow if it has one, and the process, or None where no
      interpreter has the modules.
    """
    script = os.path.join(HERE, "step_workers.py")
    for interpreter in interpreters:
        worker = subprocess.Popen(
            [interpreter, script, contender],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
        )
        answer = worker.stdout.readline().strip()
        if not answer:
            sys.exit(f"failed to start; `{interpreter} {script} {contender!r}` shows why")
        ready, _, version = answer.partition(" ")
        if ready == "ready":
            return f"{contender}, TF {version}" if version else contender, worker
    return contender, None


def run_block(worker, steps):
    """Lets a contender do its steps and returns the seconds that each took."""
    worker.stdin.write(f"{steps}\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--gradients", action="store_true", help="add one gradient after the other")
    kind.add_argument("--sessions", action="store_true", help="measure both kinds of session")
    kind.add_argument("--estimator", action="store_true", help="measure the Estimator's model")
    parser.add_argument("--tf2", metavar="PYTHON", help="interpreter that has TensorFlow 2.21")
    parser.add_argument(
        "--peer", metavar="PYTHON", action="append", default=[],
        help="interpreter that has PyTorch, Keras, or both; may be given several times",
    )  # fmt: skip
    parser.add_argument("--blocks", type=int, default=20, help="blocks per contender")
    parser.add_argument("--steps", type=int, default=20, help="steps per block")
    flags = parser.parse_args()
    if flags.peer and flags.estimator:
        parser.error("--peer has batches of 50, and --estimator of 100; give one of them")
    names = ["stock", "mnist_deep.py"]
    if flags.gradients:
        names = ["stock", "with our Conv2D", "and our MatMul", "mnist_deep.py"]
    if flags.sessions:
        names = ["stock", "stock, plain session", "mnist_deep.py", "plain session"]
    if flags.estimator:
        names = ["stock estimator", "mnist_layers_estimator"]
    contenders = [(name, [sys.executable]) for name in names]
    if flags.tf2:
        contenders += [(name, [flags.tf2]) for name in names]
    if flags.peer:
        contenders += [(name, flags.peer) for name in ("pytorch", "pytorch tuned", "keras")]
    measured = [(*start(*contender), []) for contender in contenders]
    there = [(worker, seconds) for _, worker, seconds in measured if worker]
    for worker, _ in there:
        run_block(worker, WARM_UP_STEPS)
    for _ in range(flags.blocks):
        for worker, seconds in there:
            seconds.extend(run_block(worker, flags.steps))
    print(f"median of {flags.blocks * flags.steps} steps")
    print(f"{'':<32}{'ms':>8}{'stock / it':>12}")
    stock = statistics.median(measured[0][2])
    for name, _, seconds in measured:
        if seconds:
            median = statistics.median(seconds)
            print(f"{name:<32}{1000 * median:>8.1f}{stock / median:>12.2f}")
        else:
            print(f"{name:<32}  not there")
    for worker, _ in there:
        worker.communicate()  # the end of its stdin ends it


if __name__ == "__main__":
    main()
