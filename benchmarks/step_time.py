"""Measures a training step of the deep network, batches of 50, against others in the same run.

    uv run benchmarks/step_time.py
    uv run benchmarks/step_time.py --peer /path/to/another/python
    uv run benchmarks/step_time.py --gradients
    uv run benchmarks/step_time.py --sessions
    uv run benchmarks/step_time.py --estimator

Compares mnist_deep.py with the same graph on TensorFlow's stock gradients and, with --peer, with
the same network in PyTorch and in Keras, whichever that interpreter has. With --gradients, our
gradients come in one after the other. With --sessions, an InteractiveSession, as the page and the
script have it, alternates with a tf.Session. With --estimator, it is the model of
mnist_layers_estimator.py, in batches of 100. Each contender is a process of its own that stays;
blocks of steps alternate between them, so that noise meets all alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WARM_UP_STEPS = 10


def start(interpreter, contender):
    """Starts a contender, or returns None where the interpreter lacks a module that it needs."""
    worker = subprocess.Popen(
        [interpreter, os.path.join(HERE, "step_workers.py"), contender],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
    )
    answer = worker.stdout.readline().strip()
    if not answer:
        sys.exit(f"{contender}: failed to start; `step_workers.py {contender!r}` shows why")
    return worker if answer == "ready" else None


def run_block(worker, steps):
    """Lets a contender do its steps and returns the seconds that each took."""
    worker.stdin.write(f"{steps}\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--peer", help="Python interpreter that has PyTorch, Keras, or both")
    kind.add_argument("--gradients", action="store_true", help="measure one gradient at a time")
    kind.add_argument("--sessions", action="store_true", help="measure both kinds of session")
    kind.add_argument("--estimator", action="store_true", help="measure the Estimator's model")
    parser.add_argument("--blocks", type=int, default=20, help="blocks per contender")
    parser.add_argument("--steps", type=int, default=20, help="steps per block")
    flags = parser.parse_args()
    names = ["stock", "mnist_deep.py"]
    if flags.gradients:
        names = ["stock", "with our Conv2D", "and our MatMul", "mnist_deep.py"]
    if flags.sessions:
        names = ["stock", "stock, plain session", "mnist_deep.py", "plain session"]
    if flags.estimator:
        names = ["stock estimator", "mnist_layers_estimator"]
    contenders = dict.fromkeys(names, sys.executable)
    if flags.peer:
        contenders.update(dict.fromkeys(["pytorch", "pytorch tuned", "keras"], flags.peer))
    workers = {name: start(interpreter, name) for name, interpreter in contenders.items()}
    seconds = {name: [] for name, worker in workers.items() if worker}
    for name in seconds:
        run_block(workers[name], WARM_UP_STEPS)
    for _ in range(flags.blocks):
        for name in seconds:
            seconds[name] += run_block(workers[name], flags.steps)
    print(f"median of {flags.blocks * flags.steps} steps")
    print(f"{'':<24}{'ms':>8}{'stock / it':>12}")
    stock = statistics.median(seconds[names[0]])
    for name in contenders:
        if name in seconds:
            median = statistics.median(seconds[name])
            print(f"{name:<24}{1000 * median:>8.1f}{stock / median:>12.2f}")
        else:
            print(f"{name:<24}  not there")


if __name__ == "__main__":
    main()
