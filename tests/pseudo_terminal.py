"""A terminal whose screen a test reads as a person does."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import termios

import pyte


class _Screen(pyte.Screen):
    """A screen that knows which rows go on in the next one."""

    def __init__(self, *size):
        super().__init__(*size)
        self.going_on = set()

    def draw(self, text):
        for character in text:
            if self.cursor.x == self.columns:
                self.going_on.add(self.cursor.y)
            super().draw(character)


class Terminal:
    """A terminal with so many rows that none is lost.

    Args:
      columns: its width.

    Attributes:
      device: file to give to a process, as its stdout or stderr, before the first `watch`.
      received: bytes, all that was written to it.
    """

    ROWS = 200

    def __init__(self, columns):
        self._own_end, device = pty.openpty()
        fcntl.ioctl(device, termios.TIOCSWINSZ, struct.pack("4H", self.ROWS, columns, 0, 0))
        self.device = os.fdopen(device, "wb", buffering=0)
        self.received = b""
        self._screen = _Screen(columns, self.ROWS)
        self._stream = pyte.ByteStream(self._screen)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.device.close()
        os.close(self._own_end)

    def watch(self, until=None):
        """Returns the lines on the screen once they meet a condition, or after the process ends."""
        self.device.close()
        with contextlib.suppress(OSError):  # which Linux raises at the end
            while not (until and until(self.lines())):
                written = os.read(self._own_end, 1000)
                if not written:
                    break
                self.received += written
                self._stream.feed(written)
        return self.lines()

    def press(self, keys):
        """Presses keys, as b"\\x03" for Ctrl-C."""
        os.write(self._own_end, keys)

    def lines(self):
        """Returns the lines on the screen, each whole, down to the last that is not blank."""
        text = "".join(
            row if number in self._screen.going_on else f"{row.rstrip()}\n"
            for number, row in enumerate(self._screen.display)
        )
        return text.rstrip("\n").split("\n")


def shows_a_bar(lines):
    """Returns whether any line holds a progress bar, or what is left of one."""
    return any(re.search(r"\d%\||it/s|B/s|█", line) for line in lines)
