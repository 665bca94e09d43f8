"""Runs programs in turn, so that a noisy machine is as noisy to all, and compares them."""

import json
import platform
import statistics
import subprocess
import sys
import time


def alternate(commands, rounds):
    """Runs commands in turn, each in a process of its own.

    Args:
      commands: dict from a name to a command, a list that begins with the interpreter.
      rounds: how many times each is run. One more run before them, which warms the caches for
        files and byte code, is not counted.

    Returns:
      dict from name to a list of dicts: what each run printed in its last line as JSON, or, where
      that is no dict, "process, s", the seconds from its start to its end.
    """
    runs = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True)
            seconds = time.perf_counter() - start
            if done.returncode:
                sys.exit(f"{command} failed:\n{done.stderr.decode()}")
            printed = json.loads(done.stdout.decode().splitlines()[-1])
            runs[name].append(printed if isinstance(printed, dict) else {"process, s": seconds})
    return {name: measured[1:] for name, measured in runs.items()}


def report(runs):
    """Prints the medians of each program's runs, and the ratios of the others to the first."""
    (first, first_runs), *others = runs.items()
    print(f"Python {platform.python_version()}, {platform.machine()}, {len(first_runs)} rounds")
    print(f"{'median':<28}{first:>18}" + "".join(f"{name:>18}{'ratio':>8}" for name, _ in others))
    for what in first_runs[0]:
        median, *medians = [
            statistics.median(run[what] for run in runs_of_one) for runs_of_one in runs.values()
        ]
        ratios = "".join(f"{other:>18.3f}{other / median:>8.3f}" for other in medians)
        print(f"{what:<28}{median:>18.3f}{ratios}")
