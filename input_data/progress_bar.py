"""A progress bar in one row of a terminal."""

from tqdm import tqdm


class ProgressBar(tqdm):
    """A bar that is never longer than a row, and is removed at its end."""

    def __init__(self, *args, **options):
        super().__init__(*args, leave=False, dynamic_ncols=True, **options)

    @staticmethod
    def status_printer(file):
        """Returns a function that shows a text in place of the one before.

        The cursor then waits at the start of the row. What the terminal itself shows there, such as
        ^C, is overwritten by the next text.
        """
        length = 0

        def show(text):
            nonlocal length
            file.write(f"\r{text.ljust(length)}\r")
            file.flush()
            length = len(text)

        return show
