"""Starts code in forks of one process that has TensorFlow imported, which takes seconds each time.

A fork runs the scripts as a process of their own does: with its own arguments, environment, folder,
streams and signals, and with an exit code. What depends on how Python itself starts (its options,
its locale, closed streams, an import that fails) needs a fresh process.
"""

import contextlib
import fcntl
import io
import multiprocessing
import os
import subprocess
import sys
import termios
import threading
from multiprocessing import forkserver
from multiprocessing.connection import Connection

FORKS = multiprocessing.get_context("forkserver")
IMPORTED = ["pytest", "tensorflow", "imported_scripts"]


class ForkedProcess:
    """Runs code in a fork; used like subprocess.Popen.

    Args:
      code: Python source, run as `python -u -c` would run it.
      *arguments: what sys.argv holds after its first item.
      cwd: path of the folder to work in.
      env: dict of the whole environment; None for that of the tests.
      stdout, stderr: as for subprocess.Popen: PIPE, DEVNULL, or a file. Ctrl-C on a terminal that
        is one of them interrupts the fork.
    """

    def __init__(
        self,
        code,
        *arguments,
        cwd=None,
        env=None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ):
        ensure_server()
        self.stdout, out = _stream(stdout)
        self.stderr, err = _stream(stderr)
        environment = dict(os.environ if env is None else env)
        self._process = FORKS.Process(
            target=_run, args=(code, arguments, cwd or os.getcwd(), environment, out, err)
        )
        self._process.start()
        self.pid = self._process.pid
        out.close()
        err.close()

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self._process.exitcode

    def wait(self, timeout=None):
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("a fork", timeout)
        return self.returncode

    def communicate(self):
        """Waits for the end, and returns all that was printed to stdout and stderr."""
        texts = ["", ""]

        def read(place, stream):
            texts[place] = stream.read()
            stream.close()

        readers = [
            threading.Thread(target=read, args=(place, stream))
            for place, stream in enumerate((self.stdout, self.stderr))
            if stream and not stream.closed
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        self.wait()
        return tuple(texts)

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        if self.poll() is None:
            self._process.kill()


def ensure_server():
    """Starts the process that forks, unless it runs."""
    FORKS.set_forkserver_preload(IMPORTED)
    # As a script sets it before it imports TensorFlow, which reads it then.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    path = os.environ.get("PYTHONPATH")
    # Python 3.7 does not hand its sys.path to the server.
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        forkserver.ensure_running()
    finally:
        if path is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = path


def _stream(target):
    """Returns the end that the tests read, or None, and the one that the fork writes to."""
    if target == subprocess.PIPE:
        reader, writer = os.pipe()
        return open(reader, encoding="utf-8", newline=None), Connection(writer, readable=False)
    if target == subprocess.DEVNULL:
        return None, Connection(os.open(os.devnull, os.O_WRONLY), readable=False)
    return None, Connection(os.dup(target.fileno()), readable=False)


def _run(code, arguments, folder, environment, out, err):
    for number, stream in ((1, out), (2, err)):
        os.dup2(stream.fileno(), number)
        stream.close()
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(number, "w", closefd=False), "utf-8", write_through=True)
        for number in (1, 2)
    )
    for terminal in filter(os.isatty, (1, 2)):
        with contextlib.suppress(OSError):  # done for the other stream
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
