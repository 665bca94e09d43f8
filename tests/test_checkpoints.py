import os
import shlex
import string

import pytest
import tensorflow.compat.v1 as tf
from tensorboard.backend import application

from training import checkpoints
from training import checkpoints as checkpoints_module
from training.checkpoints import CheckpointError, Checkpoints, latest_usable
from training.process import UserError


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield sess


def build(size=3):
    """A model whose training step adds 1 to its weights and to the global step."""
    weights = tf.Variable(tf.zeros([size]), name="weights")
    global_step = tf.train.get_or_create_global_step()
    return weights, tf.group(weights.assign_add(tf.ones([size])), global_step.assign_add(1))


def train_in(folder, steps):
    """Trains in a graph of its own and returns the prefix of the checkpoint."""
    with tf.Graph().as_default(), tf.Session() as sess:
        _, train_step = build()
        checkpoints = Checkpoints(str(folder))
        checkpoints.restore_or_initialize(sess)
        for _ in range(steps):
            sess.run(train_step)
        return checkpoints.save(sess)


def test_without_a_checkpoint_a_training_starts_from_initial_values(session, tmp_path, capsys):
    weights, _ = build()
    assert Checkpoints(str(tmp_path)).restore_or_initialize(session) == 0
    assert session.run(weights).tolist() == [0, 0, 0]
    assert capsys.readouterr().out == ""


def test_with_a_checkpoint_a_training_goes_on_and_says_so(session, tmp_path, capsys):
    prefix = train_in(tmp_path, 7)
    weights, _ = build()
    assert Checkpoints(str(tmp_path)).restore_or_initialize(session) == 7
    assert session.run(weights).tolist() == [7, 7, 7]
    assert capsys.readouterr().out == f"resuming at step 7 from {prefix}\n"


def test_a_checkpoint_is_named_by_its_step(tmp_path):
    assert train_in(tmp_path, 7) == str(tmp_path / "model.ckpt-7")


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for _ in range(8):
        train_in(tmp_path, 1)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_checkpoint_of_other_sizes_is_refused_with_both_sizes(session, tmp_path):
    prefix = train_in(tmp_path, 1)
    build(size=4)
    with pytest.raises(CheckpointError) as caught:
        Checkpoints(str(tmp_path)).restore_or_initialize(session)
    assert f"{prefix}: holds weights with shape [3]" in str(caught.value)
    assert "weights with shape [4]" in str(caught.value)


def test_a_checkpoint_of_another_model_is_refused(session, tmp_path):
    train_in(tmp_path, 1)
    tf.Variable(tf.zeros([3]), name="biases")
    with pytest.raises(CheckpointError, match="holds no biases"):
        Checkpoints(str(tmp_path)).restore_or_initialize(session)


def damage(path, how):
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut short": data[: len(data) // 2], "empty": b""}.get(how, b"x" * 200))


@pytest.mark.parametrize("how", ["cut short", "empty", "overwritten", "missing"])
@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
def test_instead_of_a_damaged_checkpoint_the_one_before_it_is_used(
    session, tmp_path, capsys, part, how
):
    before, damaged = train_in(tmp_path, 3), train_in(tmp_path, 4)
    capsys.readouterr()
    damage(tmp_path / f"model.ckpt-7.{part}", how)
    weights, _ = build()
    checkpoints = Checkpoints(str(tmp_path))
    assert checkpoints.restore_or_initialize(session) == 3
    assert checkpoints.latest() == before
    assert session.run(weights).tolist() == [3, 3, 3]
    out = capsys.readouterr().out
    assert out.endswith(f"resuming at step 3 from {before}\n")
    if (part, how) != ("index", "missing"):  # without its index it is none at all
        assert out.startswith(f"{damaged} cannot be read (")
        assert "the one before it is used\n" in out


def test_where_no_checkpoint_can_be_read_the_folder_is_refused(session, tmp_path):
    prefix = train_in(tmp_path, 1)
    damage(tmp_path / "model.ckpt-1.index", "overwritten")
    build()
    with pytest.raises(CheckpointError, match=f"{prefix} cannot be read .* another folder"):
        Checkpoints(str(tmp_path)).restore_or_initialize(session)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"no such field: 1"])
def test_the_file_that_names_the_last_checkpoint_may_be_lost(session, tmp_path, content):
    train_in(tmp_path, 3)
    train_in(tmp_path, 4)
    (tmp_path / "checkpoint").unlink()
    if content is not None:
        (tmp_path / "checkpoint").write_bytes(content)
    build()
    assert Checkpoints(str(tmp_path)).restore_or_initialize(session) == 7


def test_a_checkpoint_that_the_user_sets_back_to_is_resumed(session, tmp_path):
    before = train_in(tmp_path, 3)
    train_in(tmp_path, 4)
    tf.train.update_checkpoint_state(str(tmp_path), before)
    build()
    assert Checkpoints(str(tmp_path)).restore_or_initialize(session) == 3


def test_a_folder_may_be_moved(session, tmp_path):
    (tmp_path / "old").mkdir()
    train_in(tmp_path / "old", 3)
    (tmp_path / "old").rename(tmp_path / "new")
    build()
    assert Checkpoints(str(tmp_path / "new")).restore_or_initialize(session) == 3


def test_in_a_folder_that_was_moved_tensorflow_finds_what_was_chosen(tmp_path):
    (tmp_path / "old").mkdir()
    chosen = train_in(tmp_path / "old", 3)
    train_in(tmp_path / "old", 4)
    checkpoints_module.choose(str(tmp_path / "old"), chosen)
    (tmp_path / "old").rename(tmp_path / "new")
    checkpoints_module.choose(str(tmp_path / "new"), str(tmp_path / "new" / "model.ckpt-3"))
    assert tf.train.latest_checkpoint(str(tmp_path / "new")) == f"{tmp_path}/new/model.ckpt-3"


def saved_steps(folder):
    return sorted(int(path.stem.split("-")[1]) for path in folder.glob("model.ckpt-*.index"))


def test_five_checkpoints_are_kept_of_all_runs_together(tmp_path):
    for _ in range(8):
        train_in(tmp_path, 1)
    assert saved_steps(tmp_path) == [4, 5, 6, 7, 8]


def test_checkpoints_after_the_one_that_the_user_sets_back_to_are_kept(tmp_path):
    first = train_in(tmp_path, 10)
    train_in(tmp_path, 20)
    tf.train.update_checkpoint_state(str(tmp_path), first)
    for _ in range(6):
        train_in(tmp_path, 1)
    assert saved_steps(tmp_path) == [12, 13, 14, 15, 16, 30]


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


def saved_files(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".index"))


def test_a_log_dir_is_made_and_its_command_can_be_pasted(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert checkpoints.prepare("new/with space") == f"{tmp_path}/new/with space"
    assert (tmp_path / "new" / "with space").is_dir()
    assert command_in(capsys.readouterr().out) == [
        "uv",
        "run",
        "tensorboard",
        f"--logdir={tmp_path}/new/with space",
    ]


def test_without_a_log_dir_a_new_one_is_made_and_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (checkpoints.prepare("logs/mnist_deep-{time}") for _ in range(2))
    assert first != second
    assert os.path.dirname(first) == f"{tmp_path}/logs"
    assert f"logs and checkpoints are in {first}\n" in capsys.readouterr().out


def test_others_may_read_a_new_log_dir_if_they_may_read_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    log_dir = checkpoints.prepare("logs/some_script-{time}")
    assert os.stat(log_dir).st_mode == os.stat(str(tmp_path / "other")).st_mode


def test_a_log_dir_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    # Asked of the system through os.access, because root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=str(tmp_path)):
        checkpoints.prepare(str(tmp_path))


def test_in_a_folder_of_any_name_a_training_is_saved_and_resumed_or_it_is_refused(
    training, tmp_path, capsys
):
    for name in TAKEN_FOR_THEM:
        training.save(str(tmp_path / "in" / name), [1])
    refused = []
    for name in NAMES:
        folder = str(tmp_path / "in" / name)
        try:
            assert checkpoints.prepare(folder) == folder
        except UserError as error:
            assert str(error).startswith(f"{folder}: ")
            assert not os.path.exists(folder)
            refused.append(name)
            continue
        (logdir,) = command_in(capsys.readouterr().out)[3:]
        assert shown_by_tensorboard(logdir[len("--logdir=") :]) == {os.path.realpath(folder)}
        training.save(folder, [1, 2, 3])
        assert saved_files(folder) == ["model.ckpt-2.index", "model.ckpt-3.index"], name
        assert training.restored(folder) == 3
        assert latest_usable(folder) == f"{folder}/model.ckpt-3"
    assert refused == [name for name in NAMES if MISREAD.intersection(name)]
    for name in TAKEN_FOR_THEM:
        assert saved_files(str(tmp_path / "in" / name)) == ["model.ckpt-1.index"]


def test_below_the_current_folder_a_training_works_whatever_is_above(
    training, tmp_path, capsys, monkeypatch
):
    for number, name in enumerate(name for name in NAMES if MISREAD.intersection(name)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        for given in ("logs/run-{time}", f"{tmp_path}/{name}/given"):
            folder = checkpoints.prepare(given)
            (logdir,) = command_in(capsys.readouterr().out)[3:]
            assert shown_by_tensorboard(logdir[len("--logdir=") :]) == {os.path.realpath(folder)}
            training.save(folder, range(number, number + 3))
            assert training.restored(folder) == number + 2
            found = latest_usable(os.path.abspath(folder))
            assert os.path.abspath(found) == f"{os.path.abspath(folder)}/model.ckpt-{number + 2}"
        with pytest.raises(UserError, match="misreads a path with : in it"):
            checkpoints.prepare("a:b")


def test_a_checkpoint_in_a_folder_that_tensorflow_misreads_is_not_looked_for(
    training, tmp_path, monkeypatch
):
    training.save(str(tmp_path / "run"), [1])
    (tmp_path / "run").rename(tmp_path / "run[1]")
    with pytest.raises(UserError, match=r"run\[1\]: .* misreads a path with \[ in it"):
        latest_usable(str(tmp_path / "run[1]"))
    monkeypatch.chdir(tmp_path / "run[1]")
    assert latest_usable(".") == "./model.ckpt-1"
