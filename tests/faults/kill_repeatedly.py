"""Kills a script with SIGKILL at 20 random moments, starting it again each time.

    python kill_repeatedly.py FOLDER SCRIPT FLAG...

TensorFlow is imported once; each start is a fork of this process. Checkpoints and events are
written after each step, or each few, so that most kills meet one: every fourth kill comes at any
moment from the start, the others soon after the run has saved a step of its own. However fast the
machine, no run comes to its end before it is killed; only the last one has steps that end, ten more
than the folder holds. Prints what the script prints, and a line for each kill. The exit code is the
last run's.
"""

import importlib
import os
import random
import signal
import sys
import time

import tensorflow.compat.v1 as tf

from training import loop
from training import script as scripts

KILLS = 20
STEPS_WITHOUT_END = 10**9
STEPS_AFTER_KILLS = 10
EARLY_SECONDS = 1.5
LATE_SECONDS = 0.3


def child(script, max_steps):
    """Runs the script in a fork of this process and returns the fork's process number."""
    process = os.fork()
    if process:
        return process
    sys.argv.append(f"--max_steps={max_steps}")
    try:
        scripts.run(script.main)
    except SystemExit as end:
        print(end.code if isinstance(end.code, str) else "", file=sys.stderr)
        os._exit(1 if isinstance(end.code, str) else end.code or 0)
    sys.stdout.flush()
    os._exit(0)


def last_step(folder):
    """Returns the step of the folder's last checkpoint, or 0."""
    return int((tf.train.latest_checkpoint(folder) or "model.ckpt-0").rpartition("-")[2])


def main():
    folder, name, *flags = sys.argv[1:]
    random_state = random.Random(0)
    script = importlib.import_module(name)
    importlib.import_module("input_data.data_set").FAKE_EXAMPLES = 40
    loop.STEPS_PER_CHECKPOINT = int(os.environ.get("STEPS_PER_CHECKPOINT", "1"))
    loop.STEPS_PER_SUMMARY = 1
    sys.argv = [name + ".py", *flags]
    for attempt in range(KILLS):
        before = last_step(folder)
        process = child(script, STEPS_WITHOUT_END)
        if attempt % 4 == 0:
            time.sleep(random_state.uniform(0, EARLY_SECONDS))
        else:
            while last_step(folder) == before:
                if os.waitpid(process, os.WNOHANG) != (0, 0):
                    sys.exit("the script ended before it was killed")
                time.sleep(0.01)
            time.sleep(random_state.uniform(0, LATE_SECONDS))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        print("killed", flush=True)
    _, status = os.waitpid(child(script, last_step(folder) + STEPS_AFTER_KILLS), 0)
    sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main()
