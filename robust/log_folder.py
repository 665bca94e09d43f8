"""Makes the folder of a training, prints its name, and locks it against other trainings."""

import contextlib
import os
import re
import shlex
import shutil
import time

from robust.command_line import as_typed
from robust.signals import offer_to_resume

from input_data.folder_lock import folder_lock

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
      the absolute path of the folder.

    Raises:
      OSError: the folder cannot be made or written to.
    """
    if "{time}" in log_dir:
        log_dir = new_folder(log_dir)
        offer_to_resume(as_typed(f"--log_dir={log_dir}"))
    else:
        log_dir = writable_folder(log_dir)
        offer_to_resume(as_typed())
    print(f"logs and checkpoints are in {log_dir}")
    print(f"to see the graph and the curves: uv run tensorboard --logdir={shlex.quote(log_dir)}")
    return log_dir


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


def new_folder(template):
    """Makes a new folder for a path with {time}, and returns its absolute path."""
    first = os.path.abspath(template.replace("{time}", time.strftime("%Y%m%d-%H%M%S")))
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
