import os
import re
import signal
import subprocess
import sys
import threading

import pytest
import tensorflow.compat.v1 as tf

from forked_process import ForkedProcess
from idx_files import TRAIN_IMAGES
from pseudo_terminal import Terminal
from short_runs import AS_SCRIPT, FAKE_EXAMPLES, ROOT, wait_until
from training import script
from training.checkpoints import first_line
from training.process import wrapped


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


@script.takes_flags(lambda argv: tuple(argv))
def built(flags):
    tf.InteractiveSession()
    return flags, tf.get_default_graph(), tf.get_default_session()


def test_a_main_takes_a_list_of_arguments_and_returns_what_it_returns():
    assert built(["a", "b"])[0] == ("a", "b")


def test_each_main_has_a_graph_of_its_own_and_closes_its_session():
    with tf.Graph().as_default() as mine, tf.Session() as sess:
        _, first, session = built([])
        _, second, _ = built([])
        assert len({mine, first, second}) == 3
        assert tf.get_default_session() is sess
        assert sess.run(tf.constant(3)) == 3
    with pytest.raises(RuntimeError, match="closed"):
        session.run(tf.constant(0))


SIGNALS = [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")]
SELF = "import os, signal\ndef end(): os.kill(os.getpid(), signal.{})\n"


@pytest.mark.parametrize("sent, code, said", SIGNALS)
@pytest.mark.parametrize(
    "moment",
    [
        "end()",
        # Python drops what is raised in a destructor, and prints it.
        "type('Late', (), {'__del__': lambda self: end()})()",
        # tqdm's destructor fails where its constructor has not come to its end.
        "import tqdm; tqdm.tqdm.__init__ = lambda *a, **k: end(); tqdm.tqdm(range(3))",
        "import threading; threading.Timer(0.05, end).start(); __import__('time').sleep(9)",
    ],
    ids=["in main", "in a destructor", "in tqdm's constructor", "while it sleeps"],
)
def test_a_signal_at_any_moment_of_a_script_ends_in_one_line(moment, sent, code, said):
    done = run_python(
        AS_SCRIPT + SELF.format(sent) + "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"from training import script\ndef main():\n    {moment}\n    print('too late')\n"
        "print('printed before')\nscript.run(main)"
    )
    assert (done.returncode, done.stderr) == (code, f"-c: {said}\n")
    assert done.stdout == "printed before\n"


@pytest.mark.parametrize(
    "run",
    [
        "runpy.run_path(path, run_name='__main__')",
        "threading.Thread(target=runpy.run_path, args=(path, None, '__main__')).start()",
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.instance().run_line_magic('run', f'{path} {\" \".join(sys.argv[1:])}')",
    ],
    ids=["runpy", "runpy in a thread", "%run"],
)
def test_a_script_runs_in_a_process_that_is_not_its_own_and_leaves_the_signals_alone(run, tmp_path):
    process = ForkedProcess(
        "import io, os, runpy, signal, sys, threading\n"
        "import input_data.data_set\n"
        f"input_data.data_set.FAKE_EXAMPLES = {FAKE_EXAMPLES}\n"
        f"path = {ROOT + '/mnist_softmax.py'!r}\n"
        "handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]\n"
        "stdout, sys.stdout = sys.stdout, io.StringIO()\n"
        f"{run}\n"
        "for thread in set(threading.enumerate()) - {threading.main_thread()}:\n"
        "    thread.join() if not thread.daemon else None\n"
        "print(sys.stdout.getvalue(), file=stdout)\n"
        "print(handlers == [signal.getsignal(number) for number in (2, 15)], file=stdout)",
        "--fake_data", "--max_steps=2",
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
    )  # fmt: skip
    out, err = process.communicate()
    assert re.search(r"^accuracy on the test images:\n0\.\d+\n\nTrue\n$", out, re.MULTILINE), err
    assert process.returncode == 0


def test_an_error_in_another_thread_is_told(capsys):
    def fail():
        raise OSError("full")

    def run():
        with pytest.raises(SystemExit):
            script.run(fail)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert capsys.readouterr().err.endswith("error: full\n")


@pytest.mark.parametrize("error", ["OSError('full')", "FloatingPointError('full')"])
def test_an_error_of_a_users_making_ends_in_one_line_and_an_exit_code(error):
    done = run_python(f"from training import script\ndef main(): raise {error}\nscript.run(main)")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_an_error_of_our_own_making_keeps_its_traceback():
    done = run_python("from training import script\ndef main(): raise KeyError\nscript.run(main)")
    assert "Traceback" in done.stderr


def test_the_message_of_tensorflows_error_is_found_beside_the_location_in_the_graph():
    with tf.Graph().as_default(), tf.Session() as sess:
        failing = tf.debugging.Assert(False, ["disk full"])
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            sess.run(failing)
    assert first_line(caught.value) == "assertion failed: [disk full]"
    assert first_line(OSError("one\ntwo")) == "one"
    assert first_line(IndexError()) == "IndexError"


START = "train.py: error: "
LONG = (
    "logs/run: cannot be written to (No space left on device); make room on the disk, or name "
    "another folder:\nuv run train.py --log_dir=elsewhere --batch_size=100 --seed=0"
)


def test_a_long_error_is_wrapped_into_what_failed_and_what_to_do():
    assert wrapped(START, LONG, 60) == (
        "train.py: error: logs/run: cannot be written to (No space\n"
        "    left on device);\n"
        "  make room on the disk, or name another folder:\n"
        "uv run train.py --log_dir=elsewhere --batch_size=100 --seed=0"
    )


def test_an_error_that_fits_into_the_terminal_is_one_line():
    error = LONG.partition("\n")[0]
    assert wrapped(START, error, len(START + error) + 1) == START + error


def shown_on_a_terminal(columns, *arguments):
    """Runs Python, and returns the lines that it writes to a terminal of that width."""
    command = [sys.executable, *arguments]
    with Terminal(columns) as terminal, subprocess.Popen(command, cwd=ROOT, stderr=terminal.device):
        return terminal.watch()


def test_an_error_is_wrapped_on_a_terminal_only():
    program = (
        "from training import script\n"
        "def main(): raise OSError('/a: is full; ' + 99 * 'word ' + '; mend it')\n"
        "script.run(main)"
    )
    assert run_python(program).stderr.count("\n") == 1
    shown = shown_on_a_terminal(70, "-c", program)
    assert shown[0] == "-c: error: /a: is full;"
    assert shown[-1] == "  mend it"
    assert max(map(len, shown)) <= 70


def test_a_missing_package_is_told_in_wrapped_lines_on_a_terminal():
    # -S leaves out the packages that are installed.
    shown = shown_on_a_terminal(80, "-S", "mnist_softmax.py")
    assert shown[0].startswith("mnist_softmax.py: error: TensorFlow 1.15 or 2.21 is needed")
    assert any(line.startswith("  `uv run ") for line in shown)
    assert "Traceback" not in "".join(shown)


def test_a_download_that_is_interrupted_leaves_nothing_behind(server, tmp_path):
    server.answers[f"/{TRAIN_IMAGES}"] = [server.stall]
    process = ForkedProcess(
        AS_SCRIPT + "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from training import script\nfrom input_data import read_data_sets\n"
        f"def main(): read_data_sets({str(tmp_path)!r}, source_url={server.url!r})\n"
        "script.run(main)"
    )
    wait_until(lambda: server.requests, process)
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1] == "-c: interrupted\n"
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
