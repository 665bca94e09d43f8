"""A small file system in memory stands for a disk that fills up."""

import subprocess
import sys

import pytest
import tensorflow.compat.v1 as tf

from idx_files import small_mnist
from local_server import LocalServer
from short_runs import ROOT, finish, start

SCRIPTS = {"fully_connected_feed": "--log_dir", "mnist_layers_estimator": "--model_dir"}
FULL = "No space left on device"


@pytest.fixture
def disk(tmp_path):
    """Mounts a file system of so many kilobytes, and returns its path."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(kilobytes, *options):
        size = ",".join([*options, f"size={kilobytes}k"])
        command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"only root may mount a file system: {done.stderr}")
        return folder

    yield mount
    subprocess.run(["umount", "--lazy", str(folder)], stderr=subprocess.DEVNULL)


def shrink(folder, kilobytes):
    """Leaves a mounted file system so many kilobytes beyond what is in it."""
    used = int(subprocess.check_output(["df", "--output=used", "-k", str(folder)]).split()[-1])
    size = f"remount,size={used + kilobytes}k"
    subprocess.run(["mount", "-o", size, str(folder)], check=True)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def last_line(text):
    assert "Traceback" not in text
    return text.splitlines()[-1]


def test_a_download_onto_a_full_disk_is_one_error_and_leaves_nothing(disk):
    folder = disk(8)
    with LocalServer() as server:
        source_url = server.serve(small_mnist())
        code = (
            "import input_data\n"
            f"try: input_data.read_data_sets({str(folder)!r}, source_url={source_url!r})\n"
            "except input_data.DownloadError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    assert f"cannot write to the folder {folder}: {FULL}" in done.stdout
    assert contents(folder) == {}


@pytest.mark.parametrize("script, flag", SCRIPTS.items())
def test_a_checkpoint_that_does_not_fit_is_one_error_and_the_one_before_stays(script, flag, disk):
    folder = disk(200000)
    flags = ["--batch_size=5", f"{flag}={folder}"]
    code, _, err = finish(start(script, "--max_steps=5", *flags))
    assert code == 0, err
    before = {name: data for name, data in contents(folder).items() if "ckpt-5" in name}
    shrink(folder, kilobytes=300)
    code, _, err = finish(start(script, "--max_steps=10", *flags))
    assert code == 1
    line = last_line(err)
    assert f"{folder}: " in line
    assert FULL in line
    assert f"The last good checkpoint is {folder}/model.ckpt-5" in line
    after = contents(folder)
    assert {name: after[name] for name in before} == before
    shrink(folder, kilobytes=200000)
    code, out, err = finish(start(script, "--max_steps=10", *flags))
    assert code == 0, err
    assert "resuming at step 5" in out
    assert tf.train.latest_checkpoint(str(folder)) == f"{folder}/model.ckpt-10"


def test_an_event_file_that_does_not_fit_is_one_error(disk):
    folder = disk(200000)
    flags = ["--max_steps=5", "--hidden1=1", "--hidden2=1", f"--log_dir={folder}"]
    code, _, err = finish(start("fully_connected_feed", *flags))
    assert code == 0, err
    shrink(folder, kilobytes=8)
    # With nothing left to train, no checkpoint is saved, but the graph is written again.
    code, _, err = finish(start("fully_connected_feed", *flags))
    assert code == 1
    assert "000000005: could not be written whole" in last_line(err)


def test_an_export_that_does_not_fit_is_one_error(tmp_path, disk):
    folder = disk(1000)
    flags = ["--max_steps=5", f"--model_dir={tmp_path}/model", "--batch_size=5"]
    code, _, err = finish(start("mnist_layers_estimator", *flags, f"--export_dir={folder}"))
    assert code == 1
    assert f"{folder}: cannot export" in last_line(err)
    assert FULL in last_line(err)


def test_figures_that_do_not_fit_are_one_error(tmp_path, disk):
    folder = disk(4)
    code, _, err = finish(start("mnist_softmax", "--max_steps=5", f"--log_dir={tmp_path}/run"))
    assert code == 0, err
    flags = [f"{tmp_path}/run", f"--figures_dir={folder}"]
    code, _, err = finish(start("draw_figures", *flags))
    assert code == 1
    assert FULL in last_line(err)
