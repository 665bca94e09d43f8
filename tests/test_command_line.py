import argparse
import os
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


def refused(function, text):
    with pytest.raises((argparse.ArgumentTypeError, ValueError)):
        function(text)


def test_counts_are_whole_numbers_from_1_up():
    assert command_line.count("1000") == 1000
    for text in ("0", "-1", "1.5", "1e3", "ten", "", "9" * 30):
        refused(command_line.count, text)


def test_rates_are_finite_numbers_above_0():
    assert command_line.rate("1e-4") == 1e-4
    for text in ("0", "-0.5", "nan", "inf", "fast", ""):
        refused(command_line.rate, text)


def test_seeds_are_whole_numbers_that_numpy_and_tensorflow_take():
    assert command_line.seed("0") == 0
    for text in ("-1", "0.5", str(2**31 - 1), "x"):
        refused(command_line.seed, text)


def test_help_shows_the_default_of_every_flag_that_has_one(capsys):
    with pytest.raises(SystemExit):
        command_line.flag_parser("A script.").parse_args(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "(default: MNIST_data)" in shown
    assert "None" not in shown


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


@pytest.mark.parametrize(
    "error, code",
    [("OSError('full')", 1), ("FloatingPointError('full')", 1), ("KeyboardInterrupt()", 130)],
)
def test_an_error_of_a_users_making_ends_in_one_line_and_an_exit_code(error, code):
    done = run_python(
        f"from mnist import command_line\ndef main(): raise {error}\ncommand_line.run(main)"
    )
    assert done.returncode == code
    assert done.stderr.count("\n") == 1


def test_an_error_of_our_own_making_keeps_its_traceback():
    done = run_python(
        "from mnist import command_line\ndef main(): raise KeyError\ncommand_line.run(main)"
    )
    assert "Traceback" in done.stderr
