"""Saves the variables of a training, and finds the checkpoint to resume from."""

import os
import re

from robust.errors import CheckpointError, first_line
from robust.log_folder import path_for_tensorflow

import tensorflow.compat.v1 as tf

PREFIX = "model.ckpt"
CHECKPOINTS_KEPT = 5
# The errors of a damaged checkpoint. TensorFlow 2 raises an IndexError where one is cut short.
UNREADABLE = (tf.errors.OpError, IndexError)


class Checkpoints:
    """The checkpoints of one training, in its log folder.

    Create it after the graph is complete; the graph must have a global step. The last five
    checkpoints are kept. Other files in the folder are left alone.

    Args:
      log_dir: path of an existing folder, from log_folder.prepare.
    """

    def __init__(self, log_dir):
        self._log_dir = log_dir
        # With relative paths, the folder can be moved and still be resumed.
        self._saver = tf.train.Saver(max_to_keep=CHECKPOINTS_KEPT, save_relative_paths=True)
        self._global_step = global_step()
        self._latest = None

    def restore_or_initialize(self, sess):
        """Restores the last checkpoint into a session or, without one, initializes its variables.

        Returns:
          number of training steps already done.

        Raises:
          CheckpointError: see latest_usable.
        """
        self._latest = latest_usable(self._log_dir)
        if self._latest is None:
            sess.run(tf.global_variables_initializer())
            return 0
        self._saver.restore(sess, self._latest)
        # Keep five checkpoints of all runs together, not five of each run.
        prefixes = _newest_first(self._log_dir)
        kept = prefixes[prefixes.index(self._latest) :][:CHECKPOINTS_KEPT]
        self._saver.recover_last_checkpoints(kept[::-1])
        return announce(self._latest)

    def save(self, sess):
        """Saves all variables, and returns the path prefix to restore them from.

        Raises:
          CheckpointError: the folder cannot be written to.
        """
        prefix = os.path.join(self._log_dir, PREFIX)
        try:
            self._latest = self._saver.save(sess, prefix, global_step=self._global_step)
        except (tf.errors.OpError, OSError) as error:
            raise CheckpointError(
                f"{self._log_dir}: cannot save a checkpoint ({first_line(error)}); make room, or "
                f"name another folder. {what_is_left(self._latest)}"
            ) from error
        return self._latest

    def latest(self):
        """Returns the path prefix of the last checkpoint saved or restored, or None."""
        return self._latest


def global_step():
    """Returns the variable of the default graph that counts the training steps, or None.

    On TensorFlow 2, tf.train.get_global_step does not accept one made by tf.Variable.
    """
    for variable in tf.global_variables():
        if variable.op.name == tf.GraphKeys.GLOBAL_STEP:
            return variable
    return None


def latest_usable(log_dir):
    """Returns the path prefix of a folder's last checkpoint, or None if there is none.

    A damaged checkpoint is skipped, with a message, and the one before it is used.

    Raises:
      CheckpointError: the checkpoint holds other variables than the default graph, or none can be
        read.
      UserError: TensorFlow misreads the folder's path.
    """
    log_dir = path_for_tensorflow(log_dir)
    problems = []
    for prefix in _newest_first(log_dir):
        try:
            _check(prefix)
        except UNREADABLE as error:
            problems.append(f"{prefix} cannot be read ({first_line(error)})")
            continue
        for problem in problems:
            print(f"{problem}: left out, the one before it is used")
        return prefix
    if problems:
        raise CheckpointError(
            f"{problems[0]}, nor any checkpoint before it; name another folder to start anew"
        )
    return None


def what_is_left(prefix):
    """Returns a sentence that names the checkpoint from which a failed training can resume.

    Args:
      prefix: path prefix of the last checkpoint, or None.
    """
    return "Nothing was saved" if prefix is None else f"The last good checkpoint is {prefix}"


def announce(prefix):
    """Prints the checkpoint from which training resumes, and returns its step."""
    step = int(tf.train.load_variable(prefix, tf.GraphKeys.GLOBAL_STEP))
    print(f"resuming at step {step} from {prefix}")
    return step


def announce_the_end(max_steps):
    """Prints that all steps are done already."""
    print(f"nothing left to train: --max_steps is {max_steps}")


def choose(log_dir, prefix):
    """Writes a checkpoint into the folder's file "checkpoint", so that TensorFlow resumes it."""
    prefixes = _newest_first(log_dir)
    if prefix != _chosen(log_dir):
        older = prefixes[prefixes.index(prefix) :]
        tf.train.update_checkpoint_state(log_dir, prefix, older[::-1])


def _newest_first(log_dir):
    """Returns the prefixes of the checkpoints in a folder, from the one to resume to the oldest."""
    if not os.path.isdir(log_dir):
        return []
    matches = (re.fullmatch(rf"{PREFIX}-([0-9]+)\.index", name) for name in os.listdir(log_dir))
    steps = sorted((int(match.group(1)) for match in matches if match), reverse=True)
    newest_first = [os.path.join(log_dir, f"{PREFIX}-{step}") for step in steps]
    # The folder may have been moved.
    chosen = os.path.join(log_dir, os.path.basename(_chosen(log_dir)))
    return newest_first[newest_first.index(chosen) :] if chosen in newest_first else newest_first


def _chosen(log_dir):
    """Returns the prefix in the file "checkpoint", which a user may have edited, or ""."""
    try:
        state = tf.train.get_checkpoint_state(log_dir)
    except ValueError:  # not text, or empty
        state = None
    return state.model_checkpoint_path if state else ""


def _check(prefix):
    """Reads a whole checkpoint, to verify its checksums, and compares it with the default graph."""
    reader = tf.train.load_checkpoint(prefix)
    found = reader.get_variable_to_shape_map()
    for variable in tf.global_variables():
        name, expected = variable.op.name, variable.shape.as_list()
        if found.get(name) != expected:
            what = f"{name} with shape {found[name]}" if name in found else f"no {name}"
            raise CheckpointError(
                f"{prefix}: holds {what}, but this model has {name} with shape {expected}; give "
                "the flags it was trained with, or another folder"
            )
    for name in found:
        reader.get_tensor(name)
