"""What can go wrong while measuring."""


class BenchFailed(Exception):
    """A measurement would not be worth its name; the message says why, to a person."""
