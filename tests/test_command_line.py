import gc
import itertools
import os
import shlex
import subprocess
import sys

import pytest

from mnist import command_line

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run_python(code, *options, **environment):
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_no_garbage_is_sought_while_a_script_imports(monkeypatch):
    monkeypatch.setattr(gc, "freeze", lambda: None)  # for good, in the process of the tests
    for module, sought in (("__main__", False), ("mnist_softmax", True)):
        with command_line.explained_imports(module):
            assert gc.isenabled() == sought
        assert gc.isenabled()


def parse(*flags):
    parser = command_line.flag_parser("A script.", max_steps=7, batch_size=5, learning_rate=0.5)
    return parser.parse_args(flags)


@pytest.mark.parametrize(
    "flag, text, value",
    [
        ("max_steps", "1000", 1000),
        ("batch_size", "60000", 60000),
        ("learning_rate", "1e-4", 1e-4),
        ("seed", "0", 0),
        ("data_dir", "a folder", "a folder"),
    ],
)
def test_flags_take_values_that_make_sense(flag, text, value):
    assert getattr(parse(f"--{flag}={text}"), flag) == value


@pytest.mark.parametrize(
    "flag, text",
    [
        *itertools.product(["max_steps"], ["0", "-1", "1.5", "1e3", "ten", "", "9" * 30]),
        *itertools.product(["batch_size"], ["0", "60001", "-3", "2.5"]),
        *itertools.product(["learning_rate"], ["0", "-0.5", "nan", "inf", "fast", ""]),
        *itertools.product(["seed"], ["-1", "0.5", str(2**31 - 1), "x"]),
    ],
)
def test_flags_refuse_values_that_make_no_sense(flag, text, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(f"--{flag}={text}")
    assert caught.value.code == 2
    assert f"argument --{flag}: " in capsys.readouterr().err


def test_help_shows_the_default_of_every_flag_that_has_one(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    shown = " ".join(capsys.readouterr().out.split())
    for default in ("MNIST_data", "7", "5", "0.5"):
        assert f"(default: {default})" in shown
    assert "None" not in shown


def test_a_log_dir_is_made_and_its_command_can_be_pasted(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command_line.prepare_log_dir("new/with space") == f"{tmp_path}/new/with space"
    assert (tmp_path / "new" / "with space").is_dir()
    command = shlex.split(capsys.readouterr().out.splitlines()[-1].split(": ", 1)[1])
    assert command == ["uv", "run", "tensorboard", f"--logdir={tmp_path}/new/with space"]


def test_without_a_log_dir_a_new_one_is_made_and_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (command_line.prepare_log_dir(None, "mnist_deep") for _ in range(2))
    assert first != second
    assert os.path.dirname(first) == f"{tmp_path}/logs"
    assert f"logs and checkpoints are in {first}\n" in capsys.readouterr().out


def test_others_may_read_a_new_log_dir_if_they_may_read_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    log_dir = command_line.prepare_log_dir(None, "some_script")
    assert os.stat(log_dir).st_mode == os.stat(str(tmp_path / "other")).st_mode


def test_a_tilde_in_a_path_stands_for_home(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert parse("--data_dir=~/MNIST").data_dir == "/somewhere/MNIST"


def test_an_empty_path_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse("--data_dir=")
    assert "argument --data_dir: is empty, expected a path" in capsys.readouterr().err


SIGNALS = [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")]
SELF = "import os, signal\ndef end(): os.kill(os.getpid(), signal.{})\n"


@pytest.mark.parametrize("sent, code, said", SIGNALS)
def test_a_signal_while_a_script_imports_ends_in_one_line(sent, code, said):
    done = run_python(
        SELF.format(sent) + "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from mnist import command_line\n"
        "with command_line.explained_imports('__main__'): end()"
    )
    assert (done.returncode, done.stderr) == (code, f"-c: {said}\n")


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
        SELF.format(sent) + "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"from mnist import command_line\ndef main():\n    {moment}\n    print('too late')\n"
        "print('printed before')\ncommand_line.run(main)"
    )
    assert (done.returncode, done.stderr) == (code, f"-c: {said}\n")
    assert done.stdout == "printed before\n"


def test_a_log_dir_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    # Asked of the system through os.access, because root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=str(tmp_path)):
        command_line.prepare_log_dir(str(tmp_path))


def test_a_missing_tensorflow_is_told_in_one_line():
    # -S leaves out the packages that are installed.
    code = "import runpy; runpy.run_path('mnist_softmax.py', run_name='__main__')"
    done = run_python(code, "-S")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "TensorFlow 1.15" in done.stderr
    assert "No module named" in done.stderr
    assert "README.md" in done.stderr


def test_a_tensorflow_of_another_version_is_told_with_its_version(tmp_path):
    (tmp_path / "tensorflow.py").write_text("__version__ = '2.4.0'")
    done = run_python(
        "from mnist.command_line import explained_imports\n"
        "with explained_imports('__main__'):\n"
        "    import tensorflow",
        PYTHONPATH=str(tmp_path),
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "this is TensorFlow 2.4.0" in done.stderr


def test_a_failing_import_of_a_module_stays_an_import_error():
    with pytest.raises(ImportError, match="TensorFlow 1.15"), command_line.explained_imports("m"):
        import no_such_module  # noqa: F401


@pytest.mark.parametrize("error", ["OSError('full')", "FloatingPointError('full')"])
def test_an_error_of_a_users_making_ends_in_one_line_and_an_exit_code(error):
    done = run_python(
        f"from mnist import command_line\ndef main(): raise {error}\ncommand_line.run(main)"
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_an_error_of_our_own_making_keeps_its_traceback():
    done = run_python(
        "from mnist import command_line\ndef main(): raise KeyError\ncommand_line.run(main)"
    )
    assert "Traceback" in done.stderr
