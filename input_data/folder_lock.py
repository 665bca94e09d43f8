"""Locks a folder for one process. A lock leaves no file, and ends with its process."""

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
    """A context manager that locks a folder.

    Args:
      folder: path of an existing folder.
      wait: whether to wait while another process has the lock.

    Yields:
      whether the folder is locked: False on systems without such locks, such as Windows.

    Raises:
      FolderInUseError: another process has the lock, and wait is False.
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
