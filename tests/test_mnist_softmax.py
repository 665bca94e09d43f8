import os
import re
import shlex
import subprocess
import sys

import numpy
import pytest
import tensorflow.compat.v1 as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mnist_deep
import mnist_softmax
import script_graph
from short_runs import finish, start
from training.checkpoints import CheckpointError

SCRIPT = os.path.abspath(mnist_softmax.__file__)
# A proxy where nothing listens, for a machine without network wherever the test runs.
OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}


def run(*flags, cwd, **environment):
    return subprocess.run(
        [sys.executable, SCRIPT, *flags],
        cwd=str(cwd),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def run_fork(*flags, **options):
    """Runs the script in a fork, where it does not matter how Python starts."""
    return finish(start("mnist_softmax", *flags, fake_data=False, **options))


def softmax(logits):
    exponentials = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def load(sess, W, b):
    for variable, value in zip(tf.trainable_variables(), (W, b)):
        variable.load(value, sess)


@pytest.fixture
def step():
    """One batch and the variables before and after the script's training step on it."""
    random_state = numpy.random.RandomState(0)
    xs = random_state.rand(100, 784).astype(numpy.float32)
    ys = numpy.eye(10)[random_state.randint(10, size=100)]
    W = random_state.normal(scale=0.1, size=(784, 10))
    b = random_state.normal(scale=0.1, size=10)
    with tf.Graph().as_default(), tf.Session() as sess:
        model = script_graph.build(mnist_softmax)
        variables = tf.trainable_variables()
        load(sess, W, b)
        feed_dict = {model.x: xs, model.y_: ys}
        before = sess.run([model.y, model.cross_entropy, model.accuracy], feed_dict)
        sess.run(model.train_step, feed_dict)
        after = sess.run(variables)
    return xs.astype(float), ys, W, b, before, after


def test_probabilities_loss_and_accuracy_are_those_of_numpy(step):
    xs, ys, W, b, (y, cross_entropy, accuracy), _ = step
    expected = softmax(xs @ W + b)
    numpy.testing.assert_allclose(y, expected, rtol=1e-4)
    numpy.testing.assert_allclose(
        cross_entropy, -(ys * numpy.log(expected)).sum(axis=1).mean(), rtol=1e-5
    )
    right = expected.argmax(axis=1) == ys.argmax(axis=1)
    assert accuracy == pytest.approx(right.mean())


def test_a_training_step_is_that_of_numpy(step):
    xs, ys, W, b, _, (W_after, b_after) = step
    error = softmax(xs @ W + b) - ys
    numpy.testing.assert_allclose(W_after, W - 0.5 * xs.T @ error / 100, atol=1e-6)
    numpy.testing.assert_allclose(b_after, b - 0.5 * error.mean(axis=0), atol=1e-6)


def test_the_model_starts_from_zeros_and_has_7850_parameters():
    with tf.Graph().as_default(), tf.Session() as sess:
        model = script_graph.build(mnist_softmax)
        sess.run(tf.global_variables_initializer())
        values = sess.run(tf.trainable_variables())
    assert [value.shape for value in values] == [(784, 10), (10,)]
    assert sum(value.size for value in values) == 7850
    assert not any(value.any() for value in values)
    assert model.y.shape.as_list() == [None, 10]


def test_a_confident_wrong_answer_gives_a_finite_loss():
    with tf.Graph().as_default(), tf.Session() as sess:
        model = script_graph.build(mnist_softmax)
        load(sess, numpy.zeros((784, 10)), [1000.0] + [0.0] * 9)
        feed_dict = {model.x: numpy.zeros((1, 784)), model.y_: [[0.0, 1.0] + [0.0] * 8]}
        assert sess.run(model.cross_entropy, feed_dict) == pytest.approx(1000)


def test_a_run_on_fake_data_learns_says_so_and_is_quiet(tmp_path):
    done = run("--fake_data", "--max_steps=300", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, said, last = done.stdout.splitlines()
    assert "Fake data" in first
    assert said == "accuracy on the test images:"
    assert 0.85 < float(last) < 1
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_gives_the_same_number(capsys, monkeypatch):
    monkeypatch.setattr("input_data.data_set.FAKE_EXAMPLES", 500)

    def accuracy(*flags):
        mnist_softmax.main(["--fake_data", "--max_steps=20", "--batch_size=10", *flags])
        return capsys.readouterr().out

    assert accuracy("--seed=1") == accuracy("--seed=1")
    assert accuracy("--seed=1") != accuracy("--seed=2")


def test_event_files_hold_the_graph_the_loss_and_the_accuracy(tmp_path, capsys):
    log_dir = tmp_path / "new" / "logs"
    mnist_softmax.main(["--fake_data", "--max_steps=50", f"--log_dir={log_dir}"])
    events = EventAccumulator(str(log_dir))
    events.Reload()
    assert "W" in {node.name for node in events.Graph().node}
    losses = events.Scalars("cross_entropy")
    assert [event.step for event in losses] == [0, 10, 20, 30, 40]
    assert losses[-1].value < losses[0].value
    assert 0 <= events.Scalars("accuracy")[-1].value <= 1


def test_a_folder_is_resumed_and_the_batches_are_those_that_come_next(run_shortly, tmp_path):
    def train(folder, steps):
        flags = [f"--max_steps={steps}", f"--log_dir={tmp_path / folder}", "--seed=0"]
        return run_shortly(mnist_softmax, *flags)

    train("parts", 20)
    out = train("parts", 50)
    assert f"resuming at step 20 from {tmp_path}/parts/model.ckpt-20" in out
    train("whole", 50)
    parts, whole = (
        tf.train.load_variable(f"{tmp_path}/{folder}/model.ckpt-50", "W")
        for folder in ("parts", "whole")
    )
    numpy.testing.assert_array_equal(parts, whole)


def test_a_training_of_another_script_is_left_alone(run_shortly, tmp_path):
    run_shortly(mnist_deep, "--max_steps=1", "--batch_size=2", f"--log_dir={tmp_path}")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CheckpointError, match="model.ckpt-1: holds no W"):
        run_shortly(mnist_softmax, "--max_steps=1", f"--log_dir={tmp_path}")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "flags",
    [
        ["--no_such_flag"],
        ["--max_step=3"],
        ["--max_steps=0"],
        ["--max_steps=-5"],
        ["--max_steps=many"],
        ["--batch_size=0"],
        ["--learning_rate=nan"],
        ["--learning_rate=-1"],
        ["--seed=-1"],
        ["extra"],
    ],
    ids=" ".join,
)
def test_flags_that_make_no_sense_are_refused_with_a_usage_message(flags, capsys):
    with pytest.raises(SystemExit) as caught:
        mnist_softmax.main(flags)
    assert caught.value.code == 2
    assert "usage: " in capsys.readouterr().err


def test_without_network_the_error_ends_in_a_command_that_runs(tmp_path, monkeypatch):
    monkeypatch.delenv("UV", raising=False)  # of `uv run pytest`
    done = run("--data_dir=data", cwd=tmp_path, **OFFLINE)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "data") in done.stderr
    command = done.stderr.splitlines()[-1]
    assert shlex.split(command) == [sys.executable, SCRIPT, "--data_dir=data", "--fake_data"]
    code, _, _ = run_fork(*shlex.split(command)[2:], "--max_steps=10", cwd=str(tmp_path))
    assert code == 0


def test_a_damaged_file_ends_in_one_line(small_folder):
    path = small_folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(b"<html>")
    code, _, err = run_fork(f"--data_dir={small_folder}", env={**os.environ, **OFFLINE})
    assert (code, err.count("\n")) == (1, 1)
    assert str(path) in err


@pytest.mark.parametrize("log_dir", ["file", "file/below"])
def test_a_log_dir_that_cannot_be_made_ends_in_one_line(tmp_path, log_dir):
    (tmp_path / "file").write_text("mine")
    code, _, err = run_fork("--fake_data", f"--log_dir={log_dir}", cwd=str(tmp_path))
    assert (code, err.count("\n")) == (1, 1)
    assert "file" in err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_training_that_diverges_ends_in_one_line():
    code, _, err = run_fork("--fake_data", "--learning_rate=1e38")
    assert (code, err.count("\n")) == (1, 1)
    assert "diverged" in err


def test_tensorflows_messages_can_be_turned_back_on(tmp_path):
    done = run("--fake_data", "--max_steps=1", cwd=tmp_path, TF_CPP_MIN_LOG_LEVEL="0")
    assert "cpu_feature_guard.cc:" in done.stderr


def test_a_run_on_the_real_files_prints_what_the_docstring_shows(mnist_dir, tmp_path):
    done = run(f"--data_dir={mnist_dir}", "--seed=0", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    shown = mnist_softmax.__doc__.split()[-1]
    assert re.fullmatch(r"accuracy on the test images:\n0\.\d{1,4}\n", done.stdout)
    assert float(done.stdout.split()[-1]) == pytest.approx(float(shown), abs=0.002)


def test_a_small_folder_of_files_is_refused_in_one_line(small_folder):
    code, _, err = run_fork(f"--data_dir={small_folder}")
    assert (code, err.count("\n")) == (1, 1)
    assert f"{small_folder}: validation_size is 5000, expected 0 to" in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a full device")
def test_an_output_that_cannot_be_written_ends_in_one_line(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, SCRIPT, "--fake_data", "--max_steps=1"],
            cwd=str(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "error: cannot write: the disk is full; make room" in done.stderr
