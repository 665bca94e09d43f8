"""Keeps a training safe: saves it, finds it again, and goes on where it stopped."""

import contextlib
import os
import re
import shutil

import tensorflow as tf

from input_data.folder_lock import folder_lock
from mnist.divergence import check_finite
from mnist.stop_on_signal import DeferredSignals
from mnist.user_error import UserError

PREFIX = "model.ckpt"
CHECKPOINTS_KEPT = 5
# What TensorFlow writes first, and renames when it is whole.
HALF_SAVED_FILE = re.compile(
    rf"{PREFIX}-[0-9]+\.(index|data-[0-9]{{5}}-of-[0-9]{{5}})\.tempstate[0-9]+"
    rf"|{PREFIX}-[0-9]+\.meta\.tmp[0-9a-f]{{32}}|(checkpoint|graph\.pbtxt)\.tmp[0-9a-f]{{32}}"
)
HALF_SAVED_FOLDER = re.compile(rf"{PREFIX}-[0-9]+_temp_[0-9a-f]{{32}}")
UNREADABLE = (
    tf.errors.DataLossError,
    tf.errors.OutOfRangeError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
)


class CheckpointError(UserError):
    """A checkpoint that does not fit the model, or cannot be read."""


class Checkpoints:
    """The checkpoints of one training, in its log folder.

    Made after the graph is built. Of the checkpoints it writes, the last five are kept; other files
    in the folder are left alone.

    Args:
      log_dir: path of a folder that is there.
    """

    def __init__(self, log_dir):
        self._log_dir = log_dir
        # With relative paths, a folder can be moved and resumed where it is then.
        self._saver = tf.train.Saver(max_to_keep=CHECKPOINTS_KEPT, save_relative_paths=True)
        self._global_step = tf.train.get_or_create_global_step()
        self._latest = None

    @contextlib.contextmanager
    def training(self, sess, max_steps, data_set, batch_size):
        """Holds the folder for a training that goes on where the last one stopped.

        A training that is interrupted inside is saved; of one that fails, what is left is named.

        Args:
          sess: session whose variables are restored or, without a checkpoint, initialized.
          max_steps: at which step training is to end.
          data_set: DataSet that training takes its batches from; those of the steps that are done
            are left out.
          batch_size: examples per step.

        Yields:
          StepsLeft: the steps that are left to do, none after a finished run.

        Raises:
          CheckpointError: see latest_usable; or an interrupted training cannot be saved.
          FolderInUseError: another process trains in the folder.
          KeyboardInterrupt: after Ctrl-C or SIGTERM, and after the checkpoint is written.
          FloatingPointError: with the last checkpoint, which was written before the failure.
        """
        with alone_in(self._log_dir), DeferredSignals() as signals:
            steps = StepsLeft(self.restore_or_initialize(sess), max_steps, signals)
            if steps:
                for _ in range(steps.start):
                    data_set.next_batch(batch_size)
            else:
                announce_the_end(max_steps)
            try:
                yield steps
            except KeyboardInterrupt:
                print(f"saved as {self.save(sess)}")
                raise
            except FloatingPointError as error:
                raise FloatingPointError(f"{error}. {self._what_is_left()}") from error

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
        # Five are kept of all runs together, not of each run.
        prefixes = _newest_first(self._log_dir)
        kept = prefixes[prefixes.index(self._latest) :][:CHECKPOINTS_KEPT]
        self._saver.recover_last_checkpoints(kept[::-1])
        return announce(self._latest)

    def save(self, sess, loss=None, feed_dict=None):
        """Saves all variables.

        Args:
          sess: session to save the variables of.
          loss: float32 tensor of shape [] that must be finite with the values to save.
          feed_dict: what the loss needs to be fed.

        Returns:
          the path prefix to restore them from.

        Raises:
          FloatingPointError: the loss is not finite; nothing is saved.
          CheckpointError: the folder cannot be written to.
        """
        if loss is not None:
            loss_value, step = sess.run([loss, self._global_step], feed_dict)
            check_finite(loss_value, step)
        prefix = os.path.join(self._log_dir, PREFIX)
        try:
            self._latest = self._saver.save(sess, prefix, global_step=self._global_step)
        except (tf.errors.OpError, OSError) as error:
            raise CheckpointError(
                f"{self._log_dir}: cannot save a checkpoint ({first_line(error)}); make room, or "
                f"name another folder. {self._what_is_left()}"
            ) from error
        return self._latest

    def latest(self):
        """Returns the path prefix that was saved to or restored from last, or None."""
        return self._latest

    def _what_is_left(self):
        if self._latest is None:
            return "Nothing was saved"
        return f"The last good checkpoint is {self._latest}"


class StepsLeft:
    """The numbers of the steps that a training has left to do, to be iterated over.

    Args:
      start: the first step.
      stop: the step after the last one.
      signals: DeferredSignals; once it has received one, no further step begins.
    """

    def __init__(self, start, stop, signals):
        self.start, self.stop = start, stop
        self._signals = signals

    def __len__(self):
        return max(0, self.stop - self.start)

    def __iter__(self):
        """Yields the numbers.

        Raises:
          KeyboardInterrupt: before the first step that begins after Ctrl-C or SIGTERM.
        """
        for step in range(self.start, self.stop):
            if self._signals.received:
                raise KeyboardInterrupt
            yield step


@contextlib.contextmanager
def alone_in(log_dir):
    """Keeps other trainings out of a folder, and removes what one that was killed left half saved.

    Raises:
      FolderInUseError: another process trains in the folder.
    """
    with folder_lock(log_dir, wait=False) as held:
        if held:
            _remove_half_saved(log_dir)
        yield


def _remove_half_saved(log_dir):
    for name in os.listdir(log_dir):
        path = os.path.join(log_dir, name)
        if HALF_SAVED_FILE.fullmatch(name):
            os.remove(path)
        elif HALF_SAVED_FOLDER.fullmatch(name):
            shutil.rmtree(path)


def latest_usable(log_dir):
    """Returns the path prefix of a folder's last checkpoint, or None if there is none.

    In place of a checkpoint that is damaged the one before it is taken, and this is said.

    Raises:
      CheckpointError: the checkpoint holds other variables than the default graph, or none can be
        read.
    """
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


def announce(prefix):
    """Says from which checkpoint training goes on, and returns its step."""
    step = int(tf.train.load_variable(prefix, tf.GraphKeys.GLOBAL_STEP))
    print(f"resuming at step {step} from {prefix}")
    return step


def announce_the_end(max_steps):
    """Says why nothing is trained."""
    print(f"nothing left to train: --max_steps is {max_steps}")


def choose(log_dir, prefix):
    """Makes a checkpoint the one that TensorFlow resumes, in its own file in that folder."""
    prefixes = _newest_first(log_dir)
    if prefix != os.path.join(log_dir, _chosen(log_dir)):
        older = prefixes[prefixes.index(prefix) :]
        tf.train.update_checkpoint_state(log_dir, prefix, older[::-1])


def _newest_first(log_dir):
    """Returns the prefixes of the checkpoints in a folder, from the one to resume to the oldest."""
    if not os.path.isdir(log_dir):
        return []
    matches = (re.fullmatch(rf"{PREFIX}-([0-9]+)\.index", name) for name in os.listdir(log_dir))
    steps = sorted((int(match.group(1)) for match in matches if match), reverse=True)
    newest_first = [os.path.join(log_dir, f"{PREFIX}-{step}") for step in steps]
    chosen = os.path.join(log_dir, _chosen(log_dir))
    return newest_first[newest_first.index(chosen) :] if chosen in newest_first else newest_first


def _chosen(log_dir):
    """Returns the name in TensorFlow's file of the last checkpoint, which a user may have set."""
    try:
        state = tf.train.get_checkpoint_state(log_dir)
    except ValueError:  # not text, or empty
        state = None
    return os.path.basename(state.model_checkpoint_path) if state else ""


def _check(prefix):
    """Reads a checkpoint through, for its checksums, and compares it with the default graph."""
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


def first_line(error):
    """Returns the first line of an error; in TensorFlow's, the rest is the place in the graph."""
    return str(error).splitlines()[0]
