"""The folder of a training: its checkpoints, and the one to resume from."""

import contextlib
import os
import re
import shlex
import shutil
import time

from training.explained_import import tf

from input_data.folder_lock import folder_lock
from training.process import UserError, as_typed, offer_to_resume

PREFIX = "model.ckpt"
CHECKPOINTS_KEPT = 5
# The errors of a damaged checkpoint. TensorFlow 2 raises an IndexError where one is cut short.
UNREADABLE = (tf.errors.OpError, IndexError)
# TensorFlow takes the path of a checkpoint for a pattern, in which these characters have a meaning.
# On Windows, the last one separates folders.
IN_PATTERNS = frozenset("*?[\\") - {os.sep}
# TensorFlow writes these files first, and renames them when they are complete.
HALF_SAVED_FILE = re.compile(
    r"model\.ckpt-[0-9]+\.(index|data-[0-9]{5}-of-[0-9]{5})\.tempstate[0-9]+"
    r"|model\.ckpt-[0-9]+\.meta\.tmp[0-9a-f]{32}|(checkpoint|graph\.pbtxt)\.tmp[0-9a-f]{32}"
)
HALF_SAVED_FOLDER = re.compile(r"model\.ckpt-[0-9]+_temp(_[0-9a-f]{32})?")


class CheckpointError(UserError):
    """A checkpoint does not fit the model, cannot be read, or cannot be written."""


def first_line(error):
    """Returns the first line of an error's message or, without one, the error's name.

    TensorFlow adds the location in the graph: 1.15 below the message, and 2.21 above it.
    """
    lines = str(error).splitlines() or [type(error).__name__]
    below_the_location = [
        line for node, line in zip(lines, lines[1:]) if node.startswith("Node: '")
    ]
    return (below_the_location or lines)[0]


class Checkpoints:
    """The checkpoints of one training, in its log folder.

    Create it after the graph is complete; the graph must have a global step. The last five
    checkpoints are kept. Other files in the folder are left alone.

    Args:
      log_dir: path of an existing folder, from prepare.
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


def prepare(log_dir):
    """Makes a folder for event files, and prints the command that shows them.

    On Ctrl-C and SIGTERM, a script then prints the command that resumes.

    Args:
      log_dir: path. If it contains {time}, each call makes a new folder.

    Returns:
      the path of the folder: absolute, unless TensorFlow or TensorBoard would misread that.

    Raises:
      UserError: they would misread any path of the folder.
      OSError: the folder cannot be made or written to.
    """
    path = os.path.abspath(log_dir.replace("{time}", time.strftime("%Y%m%d-%H%M%S")))
    path = path_for_tensorflow(path, IN_PATTERNS | {","})  # TensorBoard takes a list of folders
    if "{time}" in log_dir:
        path = new_folder(path)
        offer_to_resume(as_typed(f"--log_dir={path}"))
    else:
        writable_folder(path)
        offer_to_resume(as_typed())
    print(f"logs and checkpoints are in {path}")
    print(f"to see the graph and the curves: uv run tensorboard --logdir={shlex.quote(path)}")
    return path


def path_for_tensorflow(folder, misread=IN_PATTERNS):
    """Returns a path of a folder without characters that TensorFlow misreads.

    It is the given path or, if that has such characters, the path from the current folder. So a
    training in the current folder works, whatever the folders above it are called.

    Args:
      folder: path.
      misread: set of the characters.

    Raises:
      UserError: both paths have such characters.
    """
    if misread.isdisjoint(folder):
        return folder
    relative = os.path.relpath(folder)
    found = (misread | {":"}).intersection(relative)  # TensorBoard takes "a:b" for a folder b
    if found:
        sign = min(found)
        raise UserError(
            f"{folder}: TensorFlow or TensorBoard misreads a path with {sign} in it; name another "
            f"folder, or start inside the one whose name has the {sign}"
        )
    return relative


def writable_folder(folder):
    """Makes a folder if it does not exist, and returns its absolute path.

    Raises:
      OSError: the folder cannot be made or written to.
    """
    folder = os.path.abspath(folder)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(f"{folder}: is a file, expected a folder; name another folder")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{folder}: cannot make this folder ({error.strerror}); name another folder"
        ) from error
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder}: cannot write to this folder; name another folder")
    return folder


def new_folder(first):
    """Makes a new folder, and returns its path. If there is one already, a number is added."""
    writable_folder(os.path.dirname(first))
    folder, number = first, 1
    while True:
        try:
            os.mkdir(folder)
            return folder
        except FileExistsError:  # another run started in the same second
            number += 1
            folder = f"{first}-{number}"


@contextlib.contextmanager
def alone_in(log_dir):
    """Locks a folder against other trainings, and removes the partial files of a killed one.

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
