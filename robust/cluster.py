"""Trains an Estimator as one of the processes of the cluster that TF_CONFIG describes."""

import contextlib
import os
import signal

from robust import log_folder
from robust.errors import UserError
from robust.estimator import (
    StopOnSignal,
    explained_failures,
    hooks_for,
    resume,
)

import tensorflow.compat.v1 as tf


class ClusterError(UserError):
    """TF_CONFIG does not describe a cluster in the form that TensorFlow needs."""


def run_config(**options):
    """Returns tf.estimator.RunConfig, which reads TF_CONFIG.

    Args:
      **options: arguments of RunConfig.

    Raises:
      ClusterError: TF_CONFIG is not JSON, or lacks something, or model_dir is a relative path in a
        cluster, whose tasks may have other current folders.
    """
    try:
        config = tf.estimator.RunConfig(**options)
    except (ValueError, TypeError, AttributeError) as error:
        raise ClusterError(
            f"TF_CONFIG does not describe a cluster and a task of it ({error}); "
            "docs/distributed.md shows what it looks like"
        ) from error
    if is_distributed(config) and config.model_dir and not os.path.isabs(config.model_dir):
        raise ClusterError(
            f"{os.path.abspath(config.model_dir)}: TensorFlow misreads this path, which all tasks "
            "share; name another --model_dir, whose path has none of * ? [ \\ ,"
        )
    return config


def is_distributed(config):
    """Returns whether a RunConfig belongs to one of several processes."""
    # An evaluator's configuration does not contain the cluster.
    return bool(config.cluster_spec.jobs) or config.task_type == "evaluator"


def serve_variables(config):
    """Runs a parameter server, which stores variables for the workers, until it is killed."""
    # It waits in C++, where Python does not call signal handlers.
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    server = tf.train.Server(
        config.cluster_spec, config.task_type, config.task_id, protocol=config.protocol
    )
    server.join()


def train_and_evaluate(classifier, train_spec, eval_spec):
    """Runs the chief, a worker or the evaluator of a distributed training.

    Args:
      classifier: tf.estimator.Estimator, made with the result of run_config.
      train_spec: tf.estimator.TrainSpec.
      eval_spec: tf.estimator.EvalSpec.

    Raises:
      CheckpointError: the checkpoint in the folder does not fit the network, or no other can be
        written.
      FolderInUseError: another chief trains in the folder.
      FloatingPointError: the loss stopped being a finite number.
      KeyboardInterrupt: after a checkpoint is written.
    """
    with contextlib.ExitStack() as stack:
        if classifier.config.task_type == "chief":
            stack.enter_context(log_folder.alone_in(classifier.model_dir))
            resume(classifier)
        stack.enter_context(explained_failures(classifier))
        stop = stack.enter_context(StopOnSignal())
        hooks = (*train_spec.hooks, *hooks_for(classifier, stop))
        train_spec = train_spec._replace(hooks=hooks)
        tf.estimator.train_and_evaluate(classifier, train_spec, eval_spec)
