from robust import checkpoints as checkpoints_module
from robust.checkpoints import Checkpoints
from robust.errors import CheckpointError

import pytest
import tensorflow.compat.v1 as tf


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
