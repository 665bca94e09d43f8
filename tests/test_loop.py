import argparse
import os
import re
import signal
import threading

import numpy
import pytest
import tensorflow.compat.v1 as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from forked_process import ForkedProcess
from input_data import DataSet
from input_data.folder_lock import FolderInUseError
from short_runs import AS_SCRIPT, STARTED, finish
from training import loop as training_module
from training.checkpoints import CheckpointError, Checkpoints
from training.estimator import StopOnSignal
from training.loop import DeferredSignals, EventFile, Training


@pytest.fixture
def sess():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield sess


def data_of(numbers):
    numbers = numpy.array(numbers)
    return DataSet(numbers[:, numpy.newaxis], numbers, dtype="uint8", reshape=False, seed=0)


class Model:
    """Adds what is fed to a weight; the loss is 1 / (8 - weight) before that."""

    def __init__(self):
        self.x = tf.placeholder(tf.float32, [None, 1])
        self.weight = tf.Variable(0.0, name="weight", use_resource=False)
        self.loss = 1 / (8 - self.weight)
        with tf.control_dependencies([self.loss]):
            self.train_op = self.weight.assign_add(tf.reduce_sum(self.x))


def flags_for(folder, max_steps=5):
    log_dir = folder and str(folder)
    return argparse.Namespace(log_dir=log_dir, max_steps=max_steps, batch_size=1)


def train(folder, max_steps=5, numbers=(1,) * 9, during=lambda training, step: None, **options):
    """Trains in a graph of its own; returns the steps that were done and the last weight."""
    done = []
    data_set = data_of(numbers)
    with tf.Graph().as_default(), tf.Session() as sess:
        model = Model()
        with Training(sess, model.loss, flags_for(folder, max_steps), **options) as training:
            for step in training.steps(data_set):
                images, _ = data_set.next_batch(1)
                training.run(model.train_op, feed_dict={model.x: images})
                done.append(step)
                during(training, step)
        return done, sess.run(model.weight)


def saved_steps(folder):
    return sorted(int(path.stem.split("-")[1]) for path in folder.glob("model.ckpt-*.index"))


def weight_in(prefix):
    return tf.train.load_variable(str(prefix), "weight")


def test_without_a_folder_a_training_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert train(None) == ([0, 1, 2, 3, 4], 5)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


def test_a_training_is_saved_at_its_end_and_says_so(tmp_path, capsys):
    train(tmp_path)
    assert saved_steps(tmp_path) == [5]
    assert weight_in(tmp_path / "model.ckpt-5") == 5
    assert capsys.readouterr().out.endswith(f"checkpoint {tmp_path}/model.ckpt-5\n")


def test_a_training_is_saved_every_so_often(tmp_path, monkeypatch):
    monkeypatch.setattr(training_module, "STEPS_PER_CHECKPOINT", 2)
    train(tmp_path)
    assert saved_steps(tmp_path) == [2, 4, 5]


def test_a_training_goes_on_where_the_last_one_stopped(tmp_path, capsys):
    train(tmp_path, 3)
    assert train(tmp_path, 5) == ([3, 4], 5)
    assert f"resuming at step 3 from {tmp_path}/model.ckpt-3\n" in capsys.readouterr().out


def test_the_batches_of_a_resumed_training_are_those_that_come_next(tmp_path):
    numbers = [1, 2, 4, 8, 16, 32]
    _, whole = train(tmp_path / "whole", 5, numbers)
    train(tmp_path / "parts", 3, numbers)
    assert train(tmp_path / "parts", 5, numbers)[1] == whole
    assert whole not in (31, 63)  # which the order of the file would give


def test_nothing_left_to_train_is_said(tmp_path, capsys):
    train(tmp_path, 3)
    assert train(tmp_path, 2) == ([], 3)
    assert "nothing left to train: --max_steps is 2\n" in capsys.readouterr().out
    assert saved_steps(tmp_path) == [3]


def test_steps_left_are_those_that_no_earlier_run_has_done(sess, tmp_path):
    train(tmp_path, 3)
    model = Model()
    for max_steps, left in ((5, 2), (3, 0), (2, 0)):
        with Training(sess, model.loss, flags_for(tmp_path, max_steps)) as training:
            assert training.steps_left == left


def test_a_run_returns_what_the_session_would_return(sess, tmp_path):
    model = Model()
    for folder in (tmp_path, None):
        with Training(sess, model.loss, flags_for(folder)) as training:
            feed_dict = {model.x: [[1]]}
            assert training.run(model.train_op.op, feed_dict) is None
            fetched = training.run([model.train_op.op, {"loss": model.loss}], feed_dict)
            assert fetched == [None, {"loss": numpy.float32(1 / 7)}]


@pytest.mark.parametrize("own", [True, False])
def test_each_step_is_counted_once_whoever_counts_it(sess, tmp_path, own):
    variable = tf.Variable(3.0)
    loss = variable * variable
    step = tf.Variable(0, name="global_step", trainable=False) if own else None
    train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)
    with Training(sess, loss, flags_for(tmp_path)) as training:
        for _ in training.steps(data_of([1])):
            training.run(train_op, feed_dict={})
    assert tf.train.load_variable(str(tmp_path / "model.ckpt-5"), "global_step") == 5


def test_a_loss_that_is_not_finite_ends_a_training_with_its_step(tmp_path):
    with pytest.raises(FloatingPointError, match="the loss is inf at step 8: .*--learning_rate"):
        train(None, 20)


def test_a_training_that_diverges_names_the_checkpoint_before(tmp_path, monkeypatch):
    with pytest.raises(FloatingPointError, match="Nothing was saved"):
        train(tmp_path, 20)
    assert saved_steps(tmp_path) == []
    monkeypatch.setattr(training_module, "STEPS_PER_CHECKPOINT", 3)
    last = f"The last good checkpoint is {tmp_path}/model.ckpt-6"
    with pytest.raises(FloatingPointError, match=last):
        train(tmp_path, 20)
    assert saved_steps(tmp_path) == [3, 6]


def test_weights_whose_loss_is_not_finite_are_not_saved(tmp_path):
    with pytest.raises(FloatingPointError, match="the loss is inf at step 8"):
        train(tmp_path, 8)
    assert saved_steps(tmp_path) == []


@pytest.mark.usefixtures("ctrl_c_interrupts")
@pytest.mark.parametrize("saved, left", [(3, "{}/model.ckpt-6"), (1000, "Nothing was saved")])
def test_an_interrupt_in_the_step_that_diverges_saves_nothing_and_names_what_is_left(
    tmp_path, monkeypatch, saved, left
):
    monkeypatch.setattr(training_module, "STEPS_PER_CHECKPOINT", saved)

    def interrupt(training, step):
        if step == 7:
            os.kill(os.getpid(), signal.SIGINT)

    said = f"the loss is inf at step 8: .*{left.format(tmp_path)}$"
    with pytest.raises(FloatingPointError, match=said):
        train(tmp_path, 20, during=interrupt)
    assert 8 not in saved_steps(tmp_path)


# Sends the signal in the middle of the step, after which the weights have diverged.
TOLD_TO_END_IN_THE_FIRST_STEP = """
import os, signal
from training import script
from training.loop import Training
import fully_connected_feed
signal.signal(signal.SIGINT, signal.default_int_handler)
run = Training.run
def run_and_send(*arguments, **options):
    os.kill(os.getpid(), signal.{sent})
    return run(*arguments, **options)
Training.run = run_and_send
script.run(fully_connected_feed.main)
"""


@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM"])
def test_a_script_that_is_told_to_end_in_the_step_that_diverges_says_so(tmp_path, sent):
    code = AS_SCRIPT + TOLD_TO_END_IN_THE_FIRST_STEP.format(sent=sent)
    flags = ["--fake_data", "--learning_rate=1e38", f"--log_dir={tmp_path}"]
    STARTED.append(ForkedProcess(code, *flags))
    code, _, err = finish(STARTED[-1])
    assert code == 1
    assert re.fullmatch(r".*: error: the loss is \w+ at step 1: .*\. Nothing was saved\n", err)
    assert saved_steps(tmp_path) == []


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_an_interrupt_before_the_first_step_leaves_what_is_saved(tmp_path, capsys):
    def interrupted():
        with tf.Graph().as_default(), tf.Session() as sess:
            training = Training(sess, Model().loss, flags_for(tmp_path))
            with pytest.raises(KeyboardInterrupt), training:
                os.kill(os.getpid(), signal.SIGINT)
                next(training.steps(data_of([1])))
        return capsys.readouterr().out

    assert interrupted().endswith("\nNothing was saved\n")
    train(tmp_path, 3)
    assert interrupted().endswith(f"\nsaved as {tmp_path}/model.ckpt-3\n")
    assert saved_steps(tmp_path) == [3]


def test_before_the_first_step_there_is_nothing_to_save(sess, tmp_path, capsys):
    with Training(sess, Model().loss, flags_for(tmp_path)) as training:
        training.save()
    assert saved_steps(tmp_path) == []
    assert "\ncheckpoint" not in capsys.readouterr().out


def test_steps_that_are_neither_counted_nor_checked_are_an_error(sess, tmp_path):
    model = Model()
    training = Training(sess, model.loss, flags_for(tmp_path))
    with pytest.raises(RuntimeError, match="Training.run must run the steps"), training:
        for _ in training.steps(data_of([1])):
            sess.run(model.train_op, {model.x: [[1]]})


def test_a_checkpoint_can_be_saved_at_any_step_and_is_announced_once(tmp_path, capsys):
    def save(training, step):
        if step in (1, 4):
            training.save()

    train(tmp_path, during=save)
    assert saved_steps(tmp_path) == [2, 5]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("checkpoint")]
    assert lines == [f"checkpoint {tmp_path}/model.ckpt-{step}" for step in (2, 5)]


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_a_training_that_a_signal_ends_is_saved_after_its_step(tmp_path, capsys):
    done = []

    def interrupt(training, step):
        done.append(step)
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, during=interrupt)
    assert done == [0, 1, 2]
    assert capsys.readouterr().out.endswith(f"saved as {tmp_path}/model.ckpt-3\n")
    assert weight_in(tmp_path / "model.ckpt-3") == 3


def test_a_summary_is_written_every_ten_steps_as_of_that_step(sess, tmp_path):
    model = Model()
    tf.summary.scalar("curve", model.weight)
    data_set = data_of([0] * 9)
    flags = flags_for(tmp_path, 25)
    with Training(sess, model.loss, flags, tf.summary.merge_all()) as training:
        for step in training.steps(data_set):
            model.weight.load(-step, sess)
            training.run(model.train_op, feed_dict={model.x: [[0]]})
            if step == 7:
                training.add_scalar("own", 70)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(point.step, point.value) for point in events.Scalars("curve")] == [
        (0, 0), (10, -10), (20, -20),
    ]  # fmt: skip
    assert [(point.step, point.value) for point in events.Scalars("own")] == [(7, 70)]


def test_what_is_added_without_a_folder_goes_nowhere(sess):
    model = Model()
    with Training(sess, model.loss, flags_for(None), tf.summary.merge_all()) as training:
        training.add_scalar("own", 1)
        training.add_summary(b"", 0)
        training.save()


def test_a_second_training_in_a_folder_is_refused(tmp_path):
    def train_again(training, step):
        with pytest.raises(FolderInUseError, match=str(tmp_path)):
            train(tmp_path)

    train(tmp_path, 1, during=train_again)
    train(tmp_path, 2)


def test_a_folder_that_is_refused_is_free_again(sess, tmp_path):
    train(tmp_path, 1)
    model = Model()
    tf.Variable(1.0, name="other")
    with pytest.raises(CheckpointError, match="holds no other"):
        Training(sess, model.loss, flags_for(tmp_path)).__enter__()
    train(tmp_path, 2)


def test_checkpoints_of_before_are_resumed(tmp_path):
    # Written as the scripts wrote them when their training steps counted themselves.
    with tf.Graph().as_default(), tf.Session() as sess:
        model = Model()
        step = tf.train.get_or_create_global_step()
        checkpoints = Checkpoints(str(tmp_path))
        sess.run(tf.global_variables_initializer())
        sess.run([model.train_op, step.assign(4)], {model.x: [[4]]})
        checkpoints.save(sess)
    assert train(tmp_path, 5) == ([4], 5)


def test_without_a_terminal_nothing_is_shown(capsys):
    train(None)
    assert capsys.readouterr() == ("", "")


def write(folder, steps, first_step=0):
    with tf.Graph().as_default() as graph:
        tf.constant(0, name="something")
        with EventFile(str(folder), graph, first_step) as events:
            for step in steps:
                events.add_scalar("loss", 100 + step, step)


def read(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_scalars_are_read_back_with_their_steps(tmp_path):
    write(tmp_path, range(3))
    points = read(tmp_path).Scalars("loss")
    assert [(point.step, point.value) for point in points] == [(0, 100), (1, 101), (2, 102)]


def test_the_graph_is_read_back(tmp_path):
    write(tmp_path, [])
    assert [node.name for node in read(tmp_path).Graph().node] == ["something"]


def test_what_lies_beyond_the_step_that_is_resumed_is_forgotten(tmp_path):
    write(tmp_path, range(5))
    write(tmp_path, range(3, 6), first_step=3)
    assert [point.step for point in read(tmp_path).Scalars("loss")] == [0, 1, 2, 3, 4, 5]


def test_events_that_were_lost_are_noticed(tmp_path):
    lost = pytest.raises(OSError, match="could not be written whole")
    with tf.Graph().as_default() as graph, lost, EventFile(str(tmp_path), graph) as events:
        events.add_scalar("loss", 1, 0)
        events._writer.flush()
        (path,) = tmp_path.iterdir()
        # As a full disk leaves it, which the writer does not report.
        os.truncate(str(path), os.path.getsize(str(path)) - 5)


@pytest.fixture
def in_the_background():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_training_in_the_background_goes_on_through_ctrl_c(in_the_background):
    with StopOnSignal() as stop:
        stop.after_create_session(None, None)
        os.kill(os.getpid(), signal.SIGINT)
        stop.after_run(None, None)  # would ask the context that it is not given to stop
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_a_signal_waits_for_the_end_of_what_must_not_be_interrupted():
    done = []
    with pytest.raises(KeyboardInterrupt), DeferredSignals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        done.append("all of it")
    assert done


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_a_second_signal_does_not_wait():
    reached = []
    with pytest.raises(KeyboardInterrupt), DeferredSignals():
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("after the first")
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("after the second")
    assert reached == ["after the first"]


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_an_error_is_told_rather_than_a_signal_before_it():
    with pytest.raises(FloatingPointError), DeferredSignals():
        os.kill(os.getpid(), signal.SIGINT)
        raise FloatingPointError


def test_outside_the_main_thread_handlers_are_left_alone():
    held = []

    def hold():
        with DeferredSignals() as signals:
            held.append(signals.received)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert held == [None]
    assert signal.getsignal(signal.SIGINT) == before
