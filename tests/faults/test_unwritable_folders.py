import re

import pytest

from drawn_digits import brushed
from short_runs import finish, start, start_unprivileged

LOG_FLAGS = {
    "mnist_softmax": "--log_dir",
    "mnist_deep": "--log_dir",
    "fully_connected_feed": "--log_dir",
    "mnist_layers_estimator": "--model_dir",
}


@pytest.fixture
def read_only(tmp_path):
    folder = tmp_path / "read only"
    folder.mkdir(mode=0o555)
    return folder


def assert_refused(process, folder):
    code, _, err = finish(process)
    assert code == 1
    assert "Traceback" not in err
    error = re.search("^.*: error: .*", err, re.MULTILINE).group()
    assert str(folder) in error
    assert "name another" in error


@pytest.mark.parametrize("script, flag", LOG_FLAGS.items())
@pytest.mark.parametrize("below", ["", "/new/folder"])
def test_a_log_folder_that_cannot_be_written_to_is_refused(read_only, script, flag, below):
    folder = f"{read_only}{below}"
    assert_refused(start_unprivileged(script, f"{flag}={folder}", "--max_steps=1"), folder)


def test_without_a_log_dir_a_current_folder_that_cannot_be_written_to_is_refused(read_only):
    process = start_unprivileged("fully_connected_feed", "--max_steps=1", cwd=str(read_only))
    assert_refused(process, "logs")


def test_a_data_folder_that_cannot_be_written_to_is_refused(read_only):
    process = start_unprivileged("mnist_softmax", f"--data_dir={read_only}", fake_data=False)
    assert_refused(process, read_only)


def test_an_export_folder_that_cannot_be_written_to_is_refused(tmp_path, read_only):
    flags = ["--max_steps=1", "--batch_size=5", f"--model_dir={tmp_path}/model"]
    process = start_unprivileged("mnist_layers_estimator", *flags, f"--export_dir={read_only}")
    assert_refused(process, read_only)


def test_a_read_only_model_can_be_used_to_classify(tmp_path):
    model = tmp_path / "model"
    flags = ["--max_steps=1", "--batch_size=5", f"--model_dir={model}"]
    code, _, err = finish(start("mnist_layers_estimator", *flags))
    assert code == 0, err
    model.chmod(0o555)
    brushed(3, (100, 100), 0, 255, thickness=0.1).save(str(tmp_path / "3.png"))
    process = start_unprivileged(
        "classify_digits", str(model), str(tmp_path / "3.png"), fake_data=False
    )
    code, out, err = finish(process)
    assert (code, err) == (0, "")
    assert f"{tmp_path}/3.png: " in out
