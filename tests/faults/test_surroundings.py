"""Each script from where, and into what, people start it."""

import os
import pathlib
import shutil

import pytest

from short_runs import ROOT, finish, start, wait_for

SCRIPTS = {
    "mnist_softmax": ["--max_steps=20"],
    "mnist_deep": ["--max_steps=2", "--batch_size=5"],
    "fully_connected_feed": ["--max_steps=20"],
    "mnist_layers_estimator": ["--max_steps=2", "--batch_size=5"],
}
PACKAGES = ["input_data", "mnist", "training", "digits"]
OWN_MODULES = [
    *(path.stem for path in pathlib.Path(ROOT).glob("*.py")),
    *(
        f"{package}.{path.stem}"
        for package in PACKAGES
        for path in pathlib.Path(ROOT, package).glob("*.py")
    ),
]


def assert_runs(process):
    code, _, err = finish(process)
    assert code == 0, err
    assert "Traceback" not in err


@pytest.mark.parametrize("script, flags", SCRIPTS.items())
def test_a_script_runs_from_an_empty_folder(script, flags, tmp_path):
    assert_runs(start(script, *flags, cwd=str(tmp_path)))
    assert {path.name for path in tmp_path.iterdir()} <= {"logs"}


@pytest.mark.parametrize("script, flags", SCRIPTS.items())
@pytest.mark.parametrize("folder", ["mein Ördner 数字", "[course] *?\\, {1}"])
def test_a_script_runs_from_a_clone_below_any_folder(script, flags, folder, tmp_path):
    root = tmp_path / folder
    root.mkdir()
    for path in pathlib.Path(ROOT).glob("*.py"):
        shutil.copy(str(path), str(root))
    for package in PACKAGES:
        shutil.copytree(os.path.join(ROOT, package), str(root / package))
    assert_runs(start(script, *flags, root=str(root), cwd=str(root)))


@pytest.mark.parametrize("script, flags", SCRIPTS.items())
def test_a_script_runs_in_the_c_locale(script, flags, tmp_path):
    folder = tmp_path / "Ördner"
    folder.mkdir()
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    assert_runs(start(script, *flags, cwd=str(folder), env=environment, fresh=True))


@pytest.mark.parametrize("script, flags", SCRIPTS.items())
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&-"])
def test_a_script_runs_with_closed_streams(script, flags, closed, tmp_path):
    shell = ["sh", "-c", f'exec "$0" "$@" {closed}']
    assert_runs(start(script, *flags, before=shell, cwd=str(tmp_path)))


@pytest.mark.parametrize("script, flags", SCRIPTS.items())
def test_a_script_whose_output_nobody_reads_on_ends_quietly(script, flags, tmp_path):
    process = start(script, *flags, cwd=str(tmp_path))
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait() in (0, 141)
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


@pytest.mark.parametrize("script, flags", SCRIPTS.items())
def test_a_script_gives_no_warnings_of_its_own(script, flags, tmp_path):
    warnings = ",".join(f"error:::{module}" for module in OWN_MODULES)
    environment = {**os.environ, "PYTHONWARNINGS": warnings}
    assert_runs(start(script, *flags, cwd=str(tmp_path), env=environment, fresh=True))


@pytest.mark.parametrize("script, flags", SCRIPTS.items())
def test_two_runs_share_a_data_folder(script, flags, mnist_dir, tmp_path):
    runs = [
        start(script, *flags, f"--data_dir={mnist_dir}", fake_data=False, cwd=str(tmp_path))
        for _ in range(2)
    ]
    for run in runs:
        assert_runs(run)


@pytest.mark.parametrize("script", ["mnist_deep", "fully_connected_feed", "mnist_layers_estimator"])
def test_a_second_training_in_a_folder_is_refused_and_leaves_it_alone(script, tmp_path):
    flag = "--model_dir" if script == "mnist_layers_estimator" else "--log_dir"
    flags = ["--max_steps=100000", f"{flag}={tmp_path}", "--batch_size=5"]
    first = start(script, *flags)
    wait_for(tmp_path / "checkpoint", first)
    code, out, err = finish(start(script, *flags))
    assert first.poll() is None
    assert code == 1
    assert f"{tmp_path}: another process works in this folder" in err.splitlines()[-1]
    assert "resuming" not in out
    assert len(list(tmp_path.glob("events.*"))) == 1
