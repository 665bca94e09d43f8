"""Trains an Estimator as one of the processes of the cluster that TF_CONFIG describes."""

import contextlib
import os
import signal

from training.explained_import import tf

from training import checkpoints, loop
from training.estimator import (
    StopOnSignal,
    explained_failures,
    export,
    hooks_for,
    resume,
)
from training.process import UserError

EVALUATION_SECONDS = 60  # at least, between two evaluations


class ClusterError(UserError):
    """TF_CONFIG does not describe a cluster in the form that TensorFlow needs."""


def run_config(flags):
    """Returns tf.estimator.RunConfig for the folder of a training. It reads TF_CONFIG.

    In a cluster's parameter server, it does not return: it stores variables until it is killed.

    Args:
      flags: parsed flags, with log_dir, export_dir and seed.

    Raises:
      ClusterError: TF_CONFIG is not JSON, or lacks something, or the folder is none that all tasks
        of a cluster can share.
      UserError: TensorFlow misreads the path of export_dir.
      OSError: the folder cannot be made or written to.
    """
    if flags.export_dir:
        checkpoints.path_for_tensorflow(flags.export_dir)
    if "{time}" in flags.log_dir and "TF_CONFIG" in os.environ:
        raise ClusterError(
            "TF_CONFIG is set: name with --model_dir the folder that all tasks share"
        )
    model_dir = checkpoints.prepare(flags.log_dir)
    try:
        config = tf.estimator.RunConfig(
            model_dir, flags.seed, save_checkpoints_steps=loop.STEPS_PER_CHECKPOINT
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ClusterError(
            f"TF_CONFIG does not describe a cluster and a task of it ({error}); "
            "docs/engineering/distributed.md shows what it looks like"
        ) from error
    if is_distributed(config) and not os.path.isabs(model_dir):
        raise ClusterError(
            f"{os.path.abspath(model_dir)}: TensorFlow misreads this path, which all tasks "
            "share; name another --model_dir, whose path has none of * ? [ \\ ,"
        )
    if config.task_type == "ps":
        _serve_variables(config)
    return config


def is_distributed(config):
    """Returns whether a RunConfig belongs to one of several processes."""
    # An evaluator's configuration does not contain the cluster.
    return bool(config.cluster_spec.jobs) or config.task_type == "evaluator"


def _serve_variables(config):
    # It waits in C++, where Python does not call signal handlers.
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    server = tf.train.Server(
        config.cluster_spec, config.task_type, config.task_id, protocol=config.protocol
    )
    server.join()


def train_and_evaluate(classifier, train_input_fn, test, flags, hooks):
    """Runs the chief, a worker or the evaluator of a distributed training.

    Args:
      classifier: tf.estimator.Estimator, made with the result of run_config.
      train_input_fn: function that provides the training batches.
      test: DataSet that the evaluator evaluates.
      flags: parsed flags, with max_steps and export_dir.
      hooks: list of tf.estimator.SessionRunHook.

    Raises:
      CheckpointError: the checkpoint in the folder does not fit the network, or no other can be
        written.
      FolderInUseError: another chief trains in the folder.
      FloatingPointError: the loss stopped being a finite number.
      KeyboardInterrupt: after a checkpoint is written.
    """
    eval_input_fn = tf.estimator.inputs.numpy_input_fn(
        {"x": test.images}, test.labels.astype("int32"), batch_size=100, shuffle=False
    )
    eval_spec = tf.estimator.EvalSpec(
        eval_input_fn, steps=None, start_delay_secs=0, throttle_secs=EVALUATION_SECONDS
    )
    with contextlib.ExitStack() as stack:
        if classifier.config.task_type == "chief":
            stack.enter_context(checkpoints.alone_in(classifier.model_dir))
            resume(classifier)
        stack.enter_context(explained_failures(classifier))
        stop = stack.enter_context(StopOnSignal())
        hooks = [*hooks, *hooks_for(classifier, stop)]
        train_spec = tf.estimator.TrainSpec(train_input_fn, flags.max_steps, hooks)
        tf.estimator.train_and_evaluate(classifier, train_spec, eval_spec)
    if classifier.config.is_chief:
        export(classifier, flags.export_dir)
