"""What a script tells its user in one line, instead of a traceback."""


class UserError(ValueError):
    """Something that a user can cause, and mend; the message says how."""
