"""Gives back tf.estimator and tf.layers, which TensorFlow 2.16 removed.

The import of this module puts both into tensorflow.compat.v1, unless TensorFlow still has them.

- tf.estimator is from the package tensorflow-estimator, whose last version was made for TensorFlow
  2.15. Only the names that the tutorials use are there.
- tf.layers is still in TensorFlow, as tensorflow.python.layers.layers. Its public name leads to
  Keras 3, which does not have it.
"""

import importlib.util
import sys
import types

from training.explained_import import explained_failure, tf


def _put_in_place(name, **members):
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(members)


def _estimator():
    """Returns tf.estimator, without what needs Keras, a TPU or tf.distribute."""
    package = importlib.util.find_spec("tensorflow_estimator")
    if package is None:
        raise ImportError("`pip install tensorflow-estimator` is needed")
    # Without running the package's __init__, which imports what TensorFlow no longer has.
    sys.modules[package.name] = importlib.util.module_from_spec(package)
    # A decorator that would publish the names in TensorFlow.
    _put_in_place(
        "tensorflow_estimator.python.estimator.estimator_export",
        estimator_export=lambda *names, **options: lambda symbol: symbol,
    )
    # What TensorFlow 2.15 has here, for a RunConfig without tf.distribute.
    _put_in_place(
        "tensorflow.python.distribute.estimator_training",
        init_run_config=lambda config, tf_config: (
            config._init_distributed_setting_from_environment_var(tf_config),
            config._maybe_overwrite_session_config_for_distributed_training(),
        ),
        should_run_distribute_coordinator=lambda config: False,
    )
    from tensorflow_estimator.python.estimator import estimator, model_fn, run_config, training
    from tensorflow_estimator.python.estimator.export import export
    from tensorflow_estimator.python.estimator.inputs import numpy_io

    return types.SimpleNamespace(
        Estimator=estimator.Estimator,
        EstimatorSpec=model_fn.EstimatorSpec,
        EvalSpec=training.EvalSpec,
        LoggingTensorHook=tf.train.LoggingTensorHook,
        ModeKeys=model_fn.ModeKeys,
        NanLossDuringTrainingError=tf.train.NanLossDuringTrainingError,
        RunConfig=run_config.RunConfig,
        SessionRunArgs=tf.train.SessionRunArgs,
        SessionRunHook=tf.train.SessionRunHook,
        TrainSpec=training.TrainSpec,
        export=export,
        inputs=numpy_io,
        train_and_evaluate=training.train_and_evaluate,
    )


if not hasattr(tf, "estimator"):
    with explained_failure():
        try:
            from tensorflow.python.layers import layers

            tf.estimator, tf.layers = _estimator(), layers
        except (ImportError, AttributeError) as error:
            raise ImportError(f"tf.estimator for {tf.__version__}: {error}") from error
