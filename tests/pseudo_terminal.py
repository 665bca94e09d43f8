"""Starts commands on a pseudo-terminal, whose text a test reads."""

import fcntl
import os
import pty
import struct
import subprocess
import termios


def start_on_a_terminal(command, columns, **options):
    """Starts a command that writes its errors to a terminal.

    Args:
      command: list of the program and its arguments.
      columns: width of the terminal, which has 24 rows.
      **options: for subprocess.Popen.

    Returns:
      the process, and the file descriptor from which its errors are read, to be closed.
    """
    terminal, end_of_command = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    process = subprocess.Popen(command, stderr=end_of_command, **options)
    os.close(end_of_command)
    return process, terminal
