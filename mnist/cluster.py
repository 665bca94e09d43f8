"""Reads from the environment what part a process has in a training on several machines."""

import tensorflow as tf

from mnist.user_error import UserError


class ClusterError(UserError):
    """A cluster that TF_CONFIG does not describe as TensorFlow needs it."""


def run_config(**options):
    """Returns tf.estimator.RunConfig, which reads TF_CONFIG.

    Args:
      **options: arguments of RunConfig.

    Raises:
      ClusterError: TF_CONFIG is not JSON, or lacks something.
    """
    try:
        return tf.estimator.RunConfig(**options)
    except (ValueError, TypeError, AttributeError) as error:
        raise ClusterError(
            f"TF_CONFIG does not describe a cluster and a task of it ({error}); "
            "docs/distributed.md shows what it looks like"
        ) from error


def is_distributed(config):
    """Tells whether a RunConfig is that of a process among several."""
    # An evaluator is told nothing of the others.
    return bool(config.cluster_spec.jobs) or config.task_type == "evaluator"
