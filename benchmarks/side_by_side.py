"""Compares programs by running them in turn, so that the machine's noise affects all alike."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time


def alternate(commands, rounds):
    """Runs commands in turn, each in a process of its own.

    Args:
      commands: dict from a name to a command, a list that begins with the interpreter.
      rounds: how many times each is run. One more run before them, which warms the caches for
        files and byte code, is not counted.

    Returns:
      dict from name to a list of dicts: what each run printed in its last line as JSON. If that is
      not a dict, it is measured from outside: "process, s", the seconds from its start to its end,
      and "peak memory, MB".
    """
    runs = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            printed, outside = run(command)
            runs[name].append(printed if isinstance(printed, dict) else outside)
    return {name: measured[1:] for name, measured in runs.items()}


def run(command):
    """Runs a command, and returns its last line, from JSON or as text, and what it took."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        for file in (out, err):
            file.seek(0)
        if status:
            sys.exit(f"{command} failed:\n{err.read().decode()}")
        process.returncode = status  # or Popen would wait for it again
        last_line = out.read().decode().splitlines()[-1]
    try:
        printed = json.loads(last_line)
    except ValueError:
        printed = last_line
    return printed, {"process, s": seconds, "peak memory, MB": usage.ru_maxrss * 1024 / 1e6}


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
