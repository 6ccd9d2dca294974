"""What an engine that cannot be started says."""


class EngineFailed(RuntimeError):
    """An engine could not be set up, started or stopped; the message says what to do about it."""
