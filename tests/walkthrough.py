"""Reads the snippets of a walk-through, pastes them into a prompt, and compares what comes back.

A walk-through is a Markdown file. Each ```python block is pasted as it stands; the ```text block
after it, if there is one, is what the prompt shows. In that, "..." stands for anything, numbers
with a decimal point are learned or measured and agree within a tolerance (0.02, or that of
```text tolerance=0.1), and all else is exact.
"""

import collections
import os
import re
import signal
import sys

import pexpect
import pyte

from short_runs import ROOT

TOLERANCE = 0.02
NUMBER = r"(?<![\w.])-?\d+(?:\.\d*)?(?:e[-+]?\d+)?(?!\w)"

# How the pages start IPython, beside what keeps the tests' own from asking and from colours.
OPTIONS = ["--no-autoindent", "--colors=NoColor"]

Snippet = collections.namedtuple("Snippet", ["line", "code", "expected", "tolerance"])


def read_snippets(path):
    """Returns the snippets of a walk-through in order."""
    with open(path) as page:
        text = page.read()
    snippets = []
    for match in re.finditer(r"^```(\w*) *([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        language, options, content = match.groups()
        if language == "python":
            line = text[: match.start()].count("\n") + 1
            snippets.append(Snippet(line, content, "", TOLERANCE))
        elif language == "text":
            tolerance = re.search(r"tolerance=([0-9.]+)", options)
            snippets[-1] = snippets[-1]._replace(
                expected=content.strip(),
                tolerance=float(tolerance.group(1)) if tolerance else TOLERANCE,
            )
    return snippets


class Prompt:
    """The prompt that the pages name, IPython's, on a terminal that pastes in brackets.

    Args:
      folder: path of the folder to work in.
    """

    ROWS, COLUMNS = 5000, 300

    def __init__(self, folder):
        self._screen = pyte.Screen(self.COLUMNS, self.ROWS)
        self._stream = pyte.Stream(self._screen)
        self._prompt = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", "--no-banner", "--no-confirm-exit", *OPTIONS],
            cwd=str(folder),
            env={
                **os.environ,
                "PYTHONPATH": ROOT,
                "IPYTHONDIR": os.path.join(str(folder), ".ipython"),
                "TERM": "xterm-256color",
                "PROMPT_TOOLKIT_NO_CPR": "1",  # no terminal answers where its cursor is
            },
            encoding="utf-8",
            dimensions=(self.ROWS, self.COLUMNS),
            timeout=None,  # training takes as long as it takes
        )
        self._count = 1
        self._row = self._wait_for_prompt()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        # Alone, close waits a tenth of a second for the end, which a busy machine exceeds.
        self._prompt.kill(signal.SIGKILL)
        self._prompt.wait()
        self._prompt.close()

    def _wait_for_prompt(self):
        """Waits for the prompt of the next number, and returns its row on the screen."""
        prompt = f"In [{self._count}]:"
        while True:
            self._stream.feed(self._prompt.read_nonblocking(1 << 16, None))
            if self._line(self._screen.cursor.y).startswith(prompt):
                return self._screen.cursor.y

    def _line(self, row):
        cells = self._screen.buffer[row]
        return "".join(cells[column].data for column in range(self.COLUMNS)).rstrip()

    def paste(self, code):
        """Pastes a block as a terminal does, presses Enter, and returns what is shown."""
        self._prompt.send(f"\x1b[200~{code}\x1b[201~\r")
        self._count += 1
        end = self._wait_for_prompt()
        lines = [self._line(row) for row in range(self._row, end)]
        self._row = end
        # What was pasted is echoed, each line behind a prompt.
        shown = lines[len(code.splitlines()) :]
        text = "\n".join(line for line in shown if line.strip() != "...:")
        return re.sub(r"^Out\[\d+\]:\s?", "", text, flags=re.MULTILINE).strip()


def difference(snippet, shown, numbers_too):
    """Returns what distinguishes what a snippet shows from what the page says, or None.

    Args:
      snippet: Snippet.
      shown: what the prompt showed.
      numbers_too: compare numbers, not only where they stand.
    """
    pattern, numbers = "", []
    for piece in re.split(rf"(\.\.\.|{NUMBER}|\s+)", snippet.expected):
        if piece == "...":
            pattern += r"[\s\S]*?"
        elif re.fullmatch(NUMBER, piece):
            pattern += f"({NUMBER})"
            numbers.append(piece)
        else:
            pattern += r"\s+" if piece.isspace() else re.escape(piece)
    match = re.fullmatch(pattern, shown)
    if not match:
        return f"line {snippet.line} says:\n{snippet.expected}\nbut this was shown:\n{shown}"
    for expected, found in zip(numbers, match.groups()) if numbers_too else ():
        learned = "." in expected or "e" in expected
        if abs(float(expected) - float(found)) > (snippet.tolerance if learned else 0):
            return f"line {snippet.line} says {expected}, but {found} was shown:\n{shown}"
    return None
