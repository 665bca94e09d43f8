import os
import shlex

from robust import log_folder

import pytest


def test_a_log_dir_is_made_and_its_command_can_be_pasted(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert log_folder.prepare("new/with space") == f"{tmp_path}/new/with space"
    assert (tmp_path / "new" / "with space").is_dir()
    command = shlex.split(capsys.readouterr().out.splitlines()[-1].split(": ", 1)[1])
    assert command == ["uv", "run", "tensorboard", f"--logdir={tmp_path}/new/with space"]


def test_without_a_log_dir_a_new_one_is_made_and_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (log_folder.prepare("logs/mnist_deep-{time}") for _ in range(2))
    assert first != second
    assert os.path.dirname(first) == f"{tmp_path}/logs"
    assert f"logs and checkpoints are in {first}\n" in capsys.readouterr().out


def test_others_may_read_a_new_log_dir_if_they_may_read_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    log_dir = log_folder.prepare("logs/some_script-{time}")
    assert os.stat(log_dir).st_mode == os.stat(str(tmp_path / "other")).st_mode


def test_a_log_dir_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    # Asked of the system through os.access, because root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=str(tmp_path)):
        log_folder.prepare(str(tmp_path))
