"""Keeps a training safe: saves it, finds it again, and goes on where it stopped."""

import contextlib
import os

import tensorflow as tf

PREFIX = "model.ckpt"


class CheckpointError(ValueError):
    """A checkpoint that does not fit the model, or cannot be read."""


class Checkpoints:
    """The checkpoints of one training, in its log folder.

    Made after the graph is built. Of the checkpoints it writes, the last five are kept; other files
    in the folder are left alone.

    Args:
      log_dir: path of a folder that is there.
    """

    def __init__(self, log_dir):
        self._prefix = os.path.join(log_dir, PREFIX)
        self._log_dir = log_dir
        self._saver = tf.train.Saver()
        self._global_step = tf.train.get_or_create_global_step()

    def restore_or_initialize(self, sess):
        """Restores the last checkpoint into a session or, without one, initializes its variables.

        Returns:
          number of training steps already done.

        Raises:
          CheckpointError: the checkpoint holds other variables than the model.
        """
        prefix = self.latest()
        if prefix is None:
            sess.run(tf.global_variables_initializer())
            return 0
        _check_fit(prefix)
        self._saver.restore(sess, prefix)
        step = int(sess.run(self._global_step))
        print(f"resuming at step {step} from {prefix}")
        return step

    def save(self, sess):
        """Saves all variables and returns the path prefix to restore them from."""
        return self._saver.save(sess, self._prefix, global_step=self._global_step)

    def latest(self):
        """Returns the path prefix of the last checkpoint, or None."""
        return tf.train.latest_checkpoint(self._log_dir)

    @contextlib.contextmanager
    def kept(self, sess):
        """Saves a training that is interrupted inside, and names what a failed one left good.

        Raises:
          KeyboardInterrupt: after the checkpoint is written.
          FloatingPointError: with the last checkpoint, which was written before the failure.
        """
        try:
            yield
        except KeyboardInterrupt:
            print(f"saved as {self.save(sess)}")
            raise
        except FloatingPointError as error:
            kept = self.latest()
            raise FloatingPointError(
                f"{error}; {'the last good checkpoint is ' + kept if kept else 'nothing was saved'}"
            ) from error


def _check_fit(prefix):
    try:
        found = dict(tf.train.list_variables(prefix))
    except (tf.errors.OpError, ValueError) as error:
        raise CheckpointError(f"{prefix}: cannot be read ({str(error).splitlines()[0]})") from error
    for variable in tf.global_variables():
        name, expected = variable.op.name, variable.shape.as_list()
        if found.get(name) != expected:
            what = f"{name} with shape {found[name]}" if name in found else f"no {name}"
            raise CheckpointError(
                f"{prefix}: holds {what}, but this model has {name} with shape {expected}; give "
                "the flags it was trained with, or another --log_dir"
            )
