"""Runs scripts on few fake digits, with a checkpoint after every five steps."""

import os
import re
import subprocess
import sys
import time

from forked_process import ForkedProcess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FAKE_EXAMPLES = 500
# Before code that ends its process as a script does.
AS_SCRIPT = f"""
import sys
vars(sys.modules["__main__"]).update(__file__={ROOT + "/mnist_softmax.py"!r}, __loader__="Python")
"""
SHORTENED = """
import importlib, signal, sys
# What is started in the background ignores Ctrl-C, and so would what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {root!r})
import input_data.data_set
from training import cluster, loop, script as scripts
script = importlib.import_module({script!r})
input_data.data_set.FAKE_EXAMPLES = {examples}
loop.STEPS_PER_CHECKPOINT = {checkpoint_steps}
cluster.EVALUATION_SECONDS = 1
sys.argv[0] = {script!r} + ".py"
scripts.run(script.main)
"""
# Those of the present test, for conftest.py to end if the test fails on the way.
STARTED = []
# Takes from root the right to write everywhere, and is not needed by others.
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


def start(
    script,
    *flags,
    before=(),
    checkpoint_steps=5,
    fake_data=True,
    root=ROOT,
    fresh=False,
    **options,
):
    """Starts a script in a process of its own.

    Args:
      script: its module's name.
      *flags: its flags.
      before: a command that runs another.
      checkpoint_steps: steps per checkpoint.
      fake_data: give the flag --fake_data.
      root: the folder of the project to start it from.
      fresh: start Python anew, rather than as a fork in which TensorFlow is imported. A command
        before it, and another root, need that, too.
      **options: for subprocess.Popen.
    """
    code = AS_SCRIPT + SHORTENED.format(
        root=root, script=script, examples=FAKE_EXAMPLES, checkpoint_steps=checkpoint_steps
    )
    flags = [*["--fake_data"] * fake_data, *flags]
    if fresh or before or root != ROOT:
        process = subprocess.Popen(
            [*before, sys.executable, "-u", "-c", code, *flags],
            universal_newlines=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )
    else:
        process = ForkedProcess(code, *flags, **options)
    STARTED.append(process)
    return process


def finish(process):
    """Waits for a process and returns its exit code, its output and its errors."""
    out, err = process.communicate()
    return process.returncode, out, err


def start_unprivileged(script, *flags, **options):
    """Starts a script that cannot write where permissions forbid it."""
    return start(script, *flags, before=UNPRIVILEGED if os.geteuid() == 0 else (), **options)


def wait_until(condition, process):
    """Waits until a function returns something true, while a process runs."""
    while not condition():
        assert process.poll() is None, finish(process)
        time.sleep(0.01)


def wait_for(path, process):
    """Waits until a running process has made a file or a folder."""
    wait_until(lambda: os.path.exists(path), process)


def wait_for_step(folder, step, process):
    """Waits until a running training has saved a step, or a later one that pushed it out."""

    def saved():
        names = (re.fullmatch(r"model\.ckpt-(\d+)\.meta", name) for name in os.listdir(str(folder)))
        return any(int(name.group(1)) >= step for name in names if name)

    wait_until(saved, process)
