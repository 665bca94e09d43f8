import os
import signal

import pytest
import tensorflow.compat.v1 as tf

import mnist_layers_estimator
from training import estimator


def model_fn(features, labels, mode):
    """Adds 1 to a weight in each step. The loss is 1 / (8 - weight), infinite after 8 steps."""
    weight = tf.get_variable("weight", [], initializer=tf.zeros_initializer())
    tf.losses.add_loss(1 / (8 - weight) + 0 * tf.reduce_mean(features["x"]))
    loss = tf.losses.get_losses()[-1]
    with tf.control_dependencies([loss]):
        step = tf.group(weight.assign_add(1), tf.train.get_global_step().assign_add(1))
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step)


def input_fn():
    return {"x": tf.zeros([1, 784])}, tf.zeros([1], tf.int32)


class InterruptAt(tf.estimator.SessionRunHook):
    """Sends Ctrl-C in the middle of the step that begins with a number of steps done."""

    def __init__(self, step):
        self._step = step

    def before_run(self, run_context):
        if run_context.session.run(tf.train.get_global_step()) == self._step:
            os.kill(os.getpid(), signal.SIGINT)


def train(folder, max_steps, save_every, hooks=(), input_fn=input_fn):
    config = tf.estimator.RunConfig(model_dir=str(folder), save_checkpoints_steps=save_every)
    classifier = tf.estimator.Estimator(model_fn, config=config)
    with estimator.resumed(classifier, max_steps) as more_hooks:
        classifier.train(input_fn, max_steps=max_steps, hooks=[*hooks, *more_hooks])


def saved_steps(folder):
    return sorted(int(path.stem.split("-")[1]) for path in folder.glob("model.ckpt-*.index"))


@pytest.mark.usefixtures("ctrl_c_interrupts")
@pytest.mark.parametrize(
    "max_steps, save_every, interrupted_at",
    [(20, 4, None), (8, 5, None), (20, 5, 7), (20, 5, 8)],
    ids=["a periodic save", "the end", "an interrupt", "an interrupt in the step after"],
)
def test_weights_whose_loss_is_not_finite_are_not_saved(
    tmp_path, max_steps, save_every, interrupted_at
):
    left = rf"The last good checkpoint is {tmp_path}/model\.ckpt-{save_every}$"
    with pytest.raises(FloatingPointError, match=left):
        train(tmp_path, max_steps, save_every, [InterruptAt(interrupted_at)])
    assert saved_steps(tmp_path) == [0, save_every]


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_an_interrupted_training_whose_loss_is_finite_is_saved(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, 20, 5, [InterruptAt(6)])
    assert capsys.readouterr().out == f"checkpoint {tmp_path}/model.ckpt-7\n"
    assert saved_steps(tmp_path) == [0, 5, 7]


def test_the_end_of_the_batches_ends_a_training_which_is_saved(tmp_path):
    def four_batches():
        return tf.data.Dataset.from_tensors(({"x": tf.zeros([1, 784])}, [0])).repeat(4)

    train(tmp_path, 20, 100, input_fn=four_batches)
    assert saved_steps(tmp_path) == [0, 4]


def test_a_network_without_training_is_not_evaluated(run_shortly, monkeypatch, tmp_path):
    monkeypatch.setattr(tf.estimator.Estimator, "train", lambda *arguments, **options: None)
    with pytest.raises(estimator.CheckpointError, match=f"{tmp_path}/run: TensorFlow finds no"):
        run_shortly(mnist_layers_estimator, "--model_dir=run", "--quiet")
