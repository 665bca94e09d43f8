import functools
import importlib
import os
import pathlib
import re
import subprocess
import sys

import pytest
import tensorflow.compat.v1 as tf

from short_runs import AS_SCRIPT, ROOT


def run_python(code, *options, **environment):
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def in_place_of_tensorflow(folder, source):
    (folder / "tensorflow" / "compat").mkdir(parents=True)
    (folder / "tensorflow" / "__init__.py").write_text(source)
    (folder / "tensorflow" / "compat" / "v1.py").write_text("__version__ = '2.30.0'")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("as_script, sought", [(AS_SCRIPT, False), ("", True)])
def test_no_garbage_is_sought_while_a_script_imports_tensorflow(tmp_path, as_script, sought):
    source = "import gc; print(gc.isenabled())"
    done = run_python(
        as_script + "import gc\nfrom training import explained_import\nprint(gc.isenabled())",
        **in_place_of_tensorflow(tmp_path, source),
    )
    assert done.stdout == f"{sought}\nTrue\n", done.stderr


def test_a_script_imports_tensorflow_without_what_only_others_need():
    done = run_python(
        AS_SCRIPT + "import sys\n"
        "from training import explained_import\n"
        "print({'keras', 'scipy', 'matplotlib'} & set(sys.modules))\n"
        "import scipy.sparse"
    )
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr


@pytest.mark.parametrize("script", ["mnist_softmax.py", "mnist_layers_estimator.py"])
def test_a_missing_tensorflow_is_told_in_one_line(script):
    # -S leaves out the packages that are installed.
    done = subprocess.run(
        [sys.executable, "-S", script], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "TensorFlow 1.15 or 2.21 is needed" in done.stderr
    assert "No module named" in done.stderr
    assert "`uv run " in done.stderr
    assert "README.md" in done.stderr


def test_a_tensorflow_without_the_interface_of_1_is_told_in_one_line(tmp_path):
    stand_in = in_place_of_tensorflow(tmp_path, "")
    (tmp_path / "tensorflow" / "compat" / "v1.py").unlink()
    done = run_python(AS_SCRIPT + "import training.loop", **stand_in)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No module named 'tensorflow.compat.v1'" in done.stderr


def test_a_failing_import_of_a_module_stays_an_import_error(tmp_path):
    stand_in = in_place_of_tensorflow(tmp_path, "raise TypeError('protobuf 4')")
    done = run_python(
        "try: import training.loop\nexcept ImportError as error: print('caught', error)",
        **stand_in,
    )
    assert done.stdout.startswith("caught TensorFlow 1.15 or 2.21 is needed")
    assert "protobuf 4" in done.stdout


def test_every_name_of_estimator_and_layers_that_scripts_and_pages_use_is_there():
    importlib.import_module("training.removed_from_tensorflow")
    sources = [
        path
        for pattern in ("*.py", "training/*.py", "docs/*.md")
        for path in pathlib.Path(ROOT).glob(pattern)
    ]
    text = "".join(path.read_text() for path in sources)
    names = set(re.findall(r"\btf\.((?:estimator|layers)(?:\.\w+)+)", text))
    assert len(names) > 15
    for name in names:
        functools.reduce(getattr, name.split("."), tf)


def test_a_tensorflow_that_lacks_what_is_given_back_is_told_with_its_version(tmp_path):
    stand_in = in_place_of_tensorflow(tmp_path, "")
    done = run_python(AS_SCRIPT + "from training import removed_from_tensorflow", **stand_in)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "2.30.0: No module named 'tensorflow.python'" in done.stderr
    assert "TensorFlow 1.15 or 2.21 is needed" in done.stderr


@pytest.mark.parametrize(
    "sent, code, said", [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")]
)
def test_a_signal_while_a_script_imports_ends_in_one_line(tmp_path, sent, code, said):
    source = f"import os, signal; os.kill(os.getpid(), signal.{sent})"
    done = run_python(
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"{AS_SCRIPT}import training.loop",
        **in_place_of_tensorflow(tmp_path, source),
    )
    assert (done.returncode, done.stderr) == (code, f"-c: {said}\n")


@pytest.mark.parametrize("script", sorted(path.name for path in pathlib.Path(ROOT).glob("*.py")))
def test_a_deleted_current_folder_is_told_in_one_line(script, tmp_path):
    path = os.path.join(ROOT, script)
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$0" "$1"', sys.executable, path],
        cwd=str(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = f"{script}: error: the current folder was deleted; change to one that exists\n"
    assert (done.returncode, done.stdout) == (1, said)


def test_a_program_of_the_users_in_the_clone_keeps_its_own_handlers_and_cleanup(tmp_path):
    (tmp_path / "training").symlink_to(os.path.join(ROOT, "training"))
    (tmp_path / "program.py").write_text(
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.signal(signal.SIGTERM, lambda *received: print('own handler'))\n"
        "try: import training.loop\n"
        "finally: print('cleaned up')"
    )
    source = "import os, signal\nfor number in (15, 2): os.kill(os.getpid(), number)"
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=str(tmp_path),
        env={**os.environ, **in_place_of_tensorflow(tmp_path, source)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "own handler\ncleaned up\n"
    assert done.stderr.endswith("KeyboardInterrupt\n")


def test_importing_a_script_changes_no_handler_and_leaves_the_users_log_level():
    done = run_python(
        "import os, signal\n"
        "before = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]\n"
        "import mnist_softmax\n"
        "print(before == [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)])\n"
        "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])",
        TF_CPP_MIN_LOG_LEVEL="3",
    )
    assert done.stdout == "True\n3\n", done.stderr
