"""Processes of one training on loopback: parameter server, chief, worker and evaluator."""

import json
import os
import signal
import socket
import time

from short_runs import start

SCRIPT = "mnist_layers_estimator"
PATIENCE_SECONDS = 240


class LocalCluster:
    """Starts, kills and restarts the tasks of a cluster; kills what is left at the end of `with`.

    Args:
      folder: path of the folder for the model and for what the tasks print.
      *flags: flags for all tasks.
      **options: how to start all tasks, as for short_runs.start.
    """

    def __init__(self, folder, *flags, **options):
        self.model_dir = os.path.join(str(folder), "model")
        self._folder = str(folder)
        self._flags = [f"--model_dir={self.model_dir}", *flags]
        self._cluster = {task: [f"127.0.0.1:{free_port()}"] for task in ("ps", "chief", "worker")}
        self._options = options
        self._tasks = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for task in self._tasks:
            self.kill(task)

    def start(self, *tasks, max_steps, **options):
        for task in tasks:
            config = {"cluster": self._cluster, "task": {"type": task, "index": 0}}
            with open(self._path(task), "a") as log:
                self._tasks[task] = start(
                    SCRIPT,
                    *self._flags,
                    f"--max_steps={max_steps}",
                    env={**os.environ, "TF_CONFIG": json.dumps(config)},
                    stdout=log,
                    stderr=log,
                    **self._options,
                    **options,
                )

    def kill(self, task):
        self._tasks[task].kill()
        self._tasks[task].wait()

    def terminate(self, task):
        self._tasks[task].send_signal(signal.SIGTERM)
        return self._tasks[task].wait(PATIENCE_SECONDS)

    def wait(self, task):
        """Waits for the end of a task and returns its exit code."""
        return self._tasks[task].wait(PATIENCE_SECONDS)

    def log(self, task):
        with open(self._path(task)) as log:
            return log.read()

    def wait_for(self, condition):
        """Waits until a function returns something true, and returns that."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.1)
        raise TimeoutError("\n".join(self.log(task)[-2000:] for task in self._tasks))

    def _path(self, task):
        return os.path.join(self._folder, f"{task}.log")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
