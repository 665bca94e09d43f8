"""Reads the snippets of a walk-through, pastes them into a prompt, and compares what comes back.

A walk-through is a Markdown file. Each ```python block is pasted as it stands; the ```text block
after it, if there is one, is what the prompt shows. In that, "..." stands for anything, numbers
with a decimal point are learned or measured and agree within a tolerance (0.02, or that of
```text tolerance=0.1), and all else is exact.
"""

import collections
import os
import re
import sys

import pexpect

from short_runs import ROOT

TOLERANCE = 0.02
END = "the end of snippet"
NUMBER = r"(?<![\w.])-?\d+(?:\.\d*)?(?:e[-+]?\d+)?(?!\w)"

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
    """A Python prompt on a pseudo-terminal, in a folder of its own.

    Args:
      folder: path of the folder to work in.
    """

    def __init__(self, folder):
        self._prompt = pexpect.spawn(
            sys.executable,
            ["-q"],  # without arguments, a path with a space would be taken apart
            cwd=str(folder),
            env={**os.environ, "PYTHONPATH": ROOT, "TERM": "dumb"},
            encoding="utf-8",
            echo=False,
            dimensions=(50, 1000),
            timeout=None,  # training takes as long as it takes
        )
        self._prompt.expect_exact(">>> ")
        self._count = 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._prompt.close(force=True)

    def paste(self, code):
        """Pastes a snippet and the blank line after it, and returns what is shown."""
        self._count += 1
        for line in [*code.splitlines(), "", f'print("{END}", {self._count})']:
            self._prompt.sendline(line)
        self._prompt.expect(f"{END} {self._count}\r?\n")
        # What is typed is not echoed, so what is shown follows the prompts in the same line.
        shown = self._prompt.before.replace("\r", "")
        return re.sub(r"^(>>> |\.\.\. )+", "", shown, flags=re.MULTILINE).strip()


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
