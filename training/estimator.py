"""Trains an Estimator in its folder, and resumes the training that is there."""

import contextlib
import math

from training.explained_import import tf

from training import checkpoints, removed_from_tensorflow  # noqa: F401, tf.estimator
from training.checkpoints import CheckpointError, first_line
from training.loop import DeferredSignals


class StopOnSignal(DeferredSignals, tf.estimator.SessionRunHook):
    """A hook that ends an Estimator's training after the current step, so that it is saved.

    It is also a context manager, and works inside `with`. An exception in the middle of a step
    would end the training unsaved.
    """

    def __init__(self):
        super().__init__()
        self._training = False

    def _receive(self, number, handle):
        # Before training begins there is no step to wait for.
        if not self._training:
            handle()
        else:
            super()._receive(number, handle)

    def after_create_session(self, session, coord):
        self._training = True

    def after_run(self, run_context, run_values):
        if self.received:
            run_context.request_stop()


class StopWhereLossIsNotFinite(tf.estimator.SessionRunHook):
    """A hook that ends a training if the loss is not finite; TensorFlow's own checks NaN only."""

    def begin(self):
        self._loss = tf.losses.get_losses()[-1]

    def before_run(self, run_context):
        return tf.estimator.SessionRunArgs(self._loss)

    def after_run(self, run_context, run_values):
        _check_finite(run_values.results)


class SaveNoneWhereLossIsNotFinite(tf.train.CheckpointSaverListener):
    """Ends a training instead of saving it if the loss of the next batch is not finite."""

    def begin(self):
        self._loss = tf.losses.get_losses()[-1]
        self._started = False

    def before_save(self, session, global_step_value):
        if self._started:  # the first save is before any step
            with contextlib.suppress(tf.errors.OutOfRangeError):  # there is no next batch
                _check_finite(session.run(self._loss))
        self._started = True


def _check_finite(loss):
    if not math.isfinite(loss):
        raise tf.estimator.NanLossDuringTrainingError


def hooks_for(classifier, stop):
    """Returns the hooks of a training that is saved only where its loss is finite.

    Args:
      classifier: tf.estimator.Estimator, whose configuration says how often to save.
      stop: StopOnSignal.
    """
    hooks = [StopWhereLossIsNotFinite(), stop]
    if classifier.config.is_chief:
        # In place of the same hook that TensorFlow would add without the listener.
        hooks.append(
            tf.train.CheckpointSaverHook(
                classifier.model_dir,
                save_secs=classifier.config.save_checkpoints_secs,
                save_steps=classifier.config.save_checkpoints_steps,
                listeners=[SaveNoneWhereLossIsNotFinite()],
            )
        )
    return hooks


def last_checkpoint(classifier):
    """Returns the path prefix of the last usable checkpoint, or None.

    Args:
      classifier: tf.estimator.Estimator of images of shape [784] under "x".

    Raises:
      CheckpointError: it does not fit the network, or none can be read.
    """
    with tf.Graph().as_default():
        tf.train.create_global_step()
        images = tf.placeholder(tf.float32, [None, 784])
        labels = tf.placeholder(tf.int32, [None])
        classifier.model_fn({"x": images}, labels, tf.estimator.ModeKeys.TRAIN, classifier.config)
        return checkpoints.latest_usable(classifier.model_dir)


def resume(classifier):
    """Makes TensorFlow resume from the last usable checkpoint, and prints its name.

    The folder must be locked by checkpoints.alone_in.

    Returns:
      number of training steps already done.

    Raises:
      CheckpointError: see last_checkpoint.
    """
    prefix = last_checkpoint(classifier)
    if prefix is None:
        return 0
    checkpoints.choose(classifier.model_dir, prefix)
    return checkpoints.announce(prefix)


@contextlib.contextmanager
def explained_failures(classifier):
    """Turns TensorFlow's errors during a training into those of the other scripts.

    Raises:
      FloatingPointError: the loss stopped being a finite number.
      CheckpointError: the folder cannot be written to.
    """
    try:
        yield
    except tf.estimator.NanLossDuringTrainingError as error:
        raise FloatingPointError(
            "the loss is not finite: training diverged; try a smaller --learning_rate. "
            f"{checkpoints.what_is_left(classifier.latest_checkpoint())}"
        ) from error
    except tf.errors.ResourceExhaustedError as error:
        raise CheckpointError(
            f"{classifier.model_dir}: training cannot go on ({first_line(error)}); "
            f"make room. {checkpoints.what_is_left(last_checkpoint(classifier))}"
        ) from error


@contextlib.contextmanager
def resumed(classifier, max_steps):
    """A context manager: inside, classifier.train resumes the last training in its folder.

        with resumed(classifier, max_steps) as hooks:
            classifier.train(input_fn, max_steps=max_steps, hooks=hooks)

    At its end, it prints the last checkpoint.

    Args:
      classifier: tf.estimator.Estimator of images of shape [784] under "x".
      max_steps: the step at which training ends.

    Yields:
      list of tf.estimator.SessionRunHook.

    Raises:
      CheckpointError: the checkpoint in the folder does not fit the network, or no other can be
        written; or there is none in the end, so that TensorFlow would evaluate initial weights.
      FolderInUseError: another process trains in the folder.
      FloatingPointError: the loss stopped being a finite number.
      KeyboardInterrupt: after a checkpoint is written.
    """
    with checkpoints.alone_in(classifier.model_dir), explained_failures(classifier):
        if resume(classifier) >= max_steps:
            checkpoints.announce_the_end(max_steps)
            yield []
            return
        with StopOnSignal() as stop:
            yield hooks_for(classifier, stop)
            if classifier.latest_checkpoint() is None:
                raise CheckpointError(
                    f"{classifier.model_dir}: TensorFlow finds no checkpoint here, so it would "
                    "evaluate a network without training; train again with another --model_dir"
                )
            print(f"checkpoint {classifier.latest_checkpoint()}")


def export(classifier, export_dir):
    """Writes a SavedModel into a new subfolder of a folder, and prints its name.

    Its input is named x: images, float32 of shape [batch, 784].

    Args:
      classifier: tf.estimator.Estimator of images of shape [784] under "x".
      export_dir: path of the folder, or None to export nothing.

    Raises:
      CheckpointError: the folder cannot be written to.
    """
    if not export_dir:
        return

    def serving_input_receiver_fn():
        x = tf.placeholder(tf.float32, [None, 784], name="x")
        return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})

    resource_variables = tf.resource_variables_enabled()
    # TensorFlow 1.15 cannot load those of TensorFlow 2.
    tf.disable_resource_variables()
    try:
        path = classifier.export_saved_model(
            checkpoints.path_for_tensorflow(export_dir), serving_input_receiver_fn
        )
    except (tf.errors.OpError, OSError) as error:
        raise CheckpointError(
            f"{export_dir}: cannot export to this folder ({first_line(error)}); make room, or name "
            "another folder"
        ) from error
    finally:
        if resource_variables:
            tf.enable_resource_variables()
    print(f"exported to {path.decode()}")
