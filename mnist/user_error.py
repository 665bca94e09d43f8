"""Errors that a script reports in one line, without a traceback."""


class UserError(ValueError):
    """Something that a user can cause, and mend; the message says how."""
