"""Lets one process at a time work in a folder. A lock leaves no file, and ends with its process."""

import contextlib
import os

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


class FolderInUseError(OSError):
    """Another process works in the folder."""


@contextlib.contextmanager
def folder_lock(folder, wait=True):
    """Holds a folder; a context manager.

    Args:
      folder: path of a folder that is there.
      wait: wait until nobody else holds it.

    Yields:
      whether the folder is held: False on systems that cannot lock folders, as Windows.

    Raises:
      FolderInUseError: another process holds the folder, and wait is False.
    """
    if fcntl is None:
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor, folder, wait)
    finally:
        os.close(descriptor)


def _lock(descriptor, folder, wait):
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        raise FolderInUseError(
            f"{folder}: another process works in this folder; wait for its end, or name another "
            "folder"
        ) from error
    except OSError:  # some network file systems have no locks
        return False
    return True
