import os

import pytest
import tensorflow as tf

from mnist.checkpoints import CheckpointError, Checkpoints


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


def test_a_checkpoint_that_cannot_be_read_is_refused(session, tmp_path):
    prefix = train_in(tmp_path, 1)
    with open(prefix + ".index", "wb") as f:
        f.write(b"not an index")
    build()
    with pytest.raises(CheckpointError, match="cannot be read"):
        Checkpoints(str(tmp_path)).restore_or_initialize(session)


def test_an_interrupted_training_is_saved(session, tmp_path, capsys):
    _, train_step = build()
    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.restore_or_initialize(session)
    with pytest.raises(KeyboardInterrupt), checkpoints.kept(session):
        session.run(train_step)
        raise KeyboardInterrupt
    assert capsys.readouterr().out == f"saved as {checkpoints.latest()}\n"
    assert tf.train.load_variable(checkpoints.latest(), "weights").tolist() == [1, 1, 1]


def test_a_training_that_diverges_keeps_the_checkpoint_before(session, tmp_path):
    _, train_step = build()
    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.restore_or_initialize(session)
    prefix = checkpoints.save(session)
    refused = pytest.raises(FloatingPointError, match=f"bad loss; .*{prefix}")
    with refused, checkpoints.kept(session):
        session.run(train_step)
        raise FloatingPointError("bad loss")
    assert checkpoints.latest() == prefix
    assert os.path.exists(prefix + ".index")
    assert tf.train.load_variable(prefix, "weights").tolist() == [0, 0, 0]
