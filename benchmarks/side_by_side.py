"""Compares programs that run in turn, so that the machine's noise affects all of them alike."""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
CPUINFO = "/proc/cpuinfo"


def main(doc, contenders, rounds, on_request=None):
    """Is the command line of a benchmark: compares its contenders, or runs one to measure it.

    A contender runs in a process of its own, under each interpreter that has its module.

    Args:
      doc: docstring of the benchmark.
      contenders: dict from a name to a module and a function. The module is what the contender
        needs. The function runs the contender. It may return a dict of what it measured.
      rounds: how many times each contender runs by default.
      on_request: dict of more contenders, which run only if the command line names them.

    Returns:
      what alternate returned, or None after a single measurement.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = {**contenders, **(on_request or {})}
    parser.add_argument("contenders", nargs="*", metavar="CONTENDER", help=", ".join(known))
    parser.add_argument(
        "--python", action="append", default=[], help="another interpreter to run them under"
    )
    parser.add_argument("--rounds", type=int, default=rounds, help="runs of each (%(default)s)")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    chosen = flags.contenders or list(contenders)
    for name in set(chosen) - set(known):
        parser.error(f"no contender is named {name}; expected {', '.join(known)}")
    if flags.measure:
        out, sys.stdout = sys.stdout, sys.stderr  # what a program prints is no result
        print(json.dumps(known[chosen[0]][1]()), file=out)
        return None
    commands = {}
    for python in (sys.executable, *flags.python):
        for name in chosen:
            version = version_of(known[name][0], python)
            if version:
                commands[f"{name}, {version}"] = [python, sys.argv[0], name, "--measure"]
    runs = alternate(commands, flags.rounds)
    report(runs)
    return runs


def version_of(module, python):
    """Returns a module's package and its version under an interpreter; "" if it is not there."""
    package = module.partition(".")[0]
    code = f"import {module}, sys; print('{package}', sys.modules['{package}'].__version__)"
    done = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode().strip()


def alternate(commands, rounds):
    """Runs commands in turn, each in a process of its own.

    Args:
      commands: dict from a name to a command.
      rounds: how many times each is run. One more run before them, which warms the caches for
        files and byte code, is not counted.

    Returns:
      dict from name to a list of dicts, one of each run: what the command printed in its last line
      as JSON, and, measured from outside, "s" from its start to its end, and "MB" of memory at its
      peak.
    """
    runs = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            runs[name].append(measured(command))
    return {name: results[1:] for name, results in runs.items()}


def measured(command):
    """Runs a command, and returns a dict of what it printed as JSON and what it took."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = status  # or Popen would wait for it again
        out.seek(0)
        err.seek(0)
        if status:
            sys.exit(f"{command} failed:\n{err.read().decode()}")
        lines = out.read().decode().splitlines()
    outside = {"s, whole process": seconds, "MB at the peak": usage.ru_maxrss * 1024 / 1e6}
    return {**(json.loads(lines[-1]) or {}), **outside}


def report(runs):
    """Prints, for each quantity, the median of each program, the range, and how it compares.

    The ratio is to the first program's median.
    """
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    width = max(map(len, runs))
    for what in next(iter(runs.values()))[0]:
        print(f"\n{what:<{width}}{'median':>10}{'lowest':>10}{'highest':>10}{'ratio':>8}")
        first = None
        for name, results in runs.items():
            values = [result[what] for result in results if what in result]
            if values:
                median = statistics.median(values)
                first = first or median
                columns = "".join(f"{v:>10.4g}" for v in (median, min(values), max(values)))
                print(f"{name:<{width}}{columns}{median / first:>8.2f}")


def processor():
    """Returns the processor's name, and the widest vectors that it has."""
    if not os.path.exists(CPUINFO):
        return platform.machine()
    with open(CPUINFO) as file:
        facts = dict(re.findall(r"^(.+?)\t+: (.+)$", file.read(), re.MULTILINE))
    flags = facts.get("flags", "").split()
    widest = [name for name in ("avx512_vnni", "avx512f", "avx2", "avx") if name in flags]
    return f"{facts.get('model name', platform.machine())} ({(widest or ['no AVX'])[0]})"
