"""Makes the folder of a training, prints its name, and locks it against other trainings."""

import contextlib
import os
import re
import shlex
import shutil
import time

from robust.command_line import as_typed
from robust.errors import UserError
from robust.signals import offer_to_resume

from input_data.folder_lock import folder_lock

# TensorFlow takes the path of a checkpoint for a pattern, in which these characters have a meaning.
# On Windows, the last one separates folders.
IN_PATTERNS = frozenset("*?[\\") - {os.sep}
# TensorFlow writes these files first, and renames them when they are complete.
HALF_SAVED_FILE = re.compile(
    r"model\.ckpt-[0-9]+\.(index|data-[0-9]{5}-of-[0-9]{5})\.tempstate[0-9]+"
    r"|model\.ckpt-[0-9]+\.meta\.tmp[0-9a-f]{32}|(checkpoint|graph\.pbtxt)\.tmp[0-9a-f]{32}"
)
HALF_SAVED_FOLDER = re.compile(r"model\.ckpt-[0-9]+_temp(_[0-9a-f]{32})?")


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
        raise UserError(
            f"{folder}: TensorFlow or TensorBoard misreads a path with {min(found)} in it; name "
            "another folder"
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
