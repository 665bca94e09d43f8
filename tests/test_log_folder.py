import os
import shlex
import string

from robust import log_folder
from robust.checkpoints import latest_usable
from robust.errors import UserError

import pytest
import tensorflow.compat.v1 as tf
from tensorboard.backend import application

MISREAD = set("*?[\\,")
NAMES = [
    *(name for sign in " \t\n" + string.punctuation.replace("/", "")
      for name in (f"{sign}a", f"a{sign}b", f"a{sign}")),
    "e[2]", "[course]", "{a,b}", "--x", "~root", "gs:x", "C:", "%s%d", "...", "n" * 200, "Ördner",
    "数字", "\N{GRINNING FACE}",
]  # fmt: skip
# What TensorFlow takes for the folder of the name "a*b" and the others.
TAKEN_FOR_THEM = ["axb", "ab", "ax", "xa", "a", "e2", "c"]


class SmallTraining:
    """A training of one variable, with TensorFlow's own means."""

    def __init__(self, sess):
        self._sess = sess
        self._step = tf.train.create_global_step()
        self._saver = tf.train.Saver(max_to_keep=2, save_relative_paths=True)

    def save(self, folder, steps):
        os.makedirs(folder, exist_ok=True)
        self._saver.set_last_checkpoints([])
        for step in steps:
            self._step.load(step, self._sess)
            self._saver.save(self._sess, os.path.join(folder, "model.ckpt"), step)

    def restored(self, folder):
        self._saver.restore(self._sess, tf.train.latest_checkpoint(folder))
        return self._sess.run(self._step)


@pytest.fixture
def training():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield SmallTraining(sess)


def shown_by_tensorboard(logdir):
    """Returns the folders that TensorBoard reads."""
    # From version 2 on, it takes the flag for one folder.
    parse = getattr(application, "parse_event_files_spec", lambda logdir: {logdir})
    return {os.path.realpath(folder) for folder in parse(logdir)}


def command_in(printed):
    return shlex.split(printed.split("curves: ", 1)[1])


def saved_steps(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".index"))


def test_a_log_dir_is_made_and_its_command_can_be_pasted(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert log_folder.prepare("new/with space") == f"{tmp_path}/new/with space"
    assert (tmp_path / "new" / "with space").is_dir()
    assert command_in(capsys.readouterr().out) == [
        "uv",
        "run",
        "tensorboard",
        f"--logdir={tmp_path}/new/with space",
    ]


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


def test_in_a_folder_of_any_name_a_training_is_saved_and_resumed_or_it_is_refused(
    training, tmp_path, capsys
):
    for name in TAKEN_FOR_THEM:
        training.save(str(tmp_path / "in" / name), [1])
    refused = []
    for name in NAMES:
        folder = str(tmp_path / "in" / name)
        try:
            assert log_folder.prepare(folder) == folder
        except UserError as error:
            assert str(error).startswith(f"{folder}: ")
            assert not os.path.exists(folder)
            refused.append(name)
            continue
        (logdir,) = command_in(capsys.readouterr().out)[3:]
        assert shown_by_tensorboard(logdir[len("--logdir=") :]) == {os.path.realpath(folder)}
        training.save(folder, [1, 2, 3])
        assert saved_steps(folder) == ["model.ckpt-2.index", "model.ckpt-3.index"], name
        assert training.restored(folder) == 3
        assert latest_usable(folder) == f"{folder}/model.ckpt-3"
    assert refused == [name for name in NAMES if MISREAD.intersection(name)]
    for name in TAKEN_FOR_THEM:
        assert saved_steps(str(tmp_path / "in" / name)) == ["model.ckpt-1.index"]


def test_below_the_current_folder_a_training_works_whatever_is_above(
    training, tmp_path, capsys, monkeypatch
):
    for number, name in enumerate(name for name in NAMES if MISREAD.intersection(name)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        for given in ("logs/run-{time}", f"{tmp_path}/{name}/given"):
            folder = log_folder.prepare(given)
            (logdir,) = command_in(capsys.readouterr().out)[3:]
            assert shown_by_tensorboard(logdir[len("--logdir=") :]) == {os.path.realpath(folder)}
            training.save(folder, range(number, number + 3))
            assert training.restored(folder) == number + 2
            found = latest_usable(os.path.abspath(folder))
            assert os.path.abspath(found) == f"{os.path.abspath(folder)}/model.ckpt-{number + 2}"
        with pytest.raises(UserError, match="misreads a path with : in it"):
            log_folder.prepare("a:b")


def test_a_checkpoint_in_a_folder_that_tensorflow_misreads_is_not_looked_for(
    training, tmp_path, monkeypatch
):
    training.save(str(tmp_path / "run"), [1])
    (tmp_path / "run").rename(tmp_path / "run[1]")
    with pytest.raises(UserError, match=r"run\[1\]: .* misreads a path with \[ in it"):
        latest_usable(str(tmp_path / "run[1]"))
    monkeypatch.chdir(tmp_path / "run[1]")
    assert latest_usable(".") == "./model.ckpt-1"
