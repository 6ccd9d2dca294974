"""What a start that failed says."""


class UpFailed(RuntimeError):
    """The start cannot go on; the message says why and where to look."""
