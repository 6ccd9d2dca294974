"""Fixtures of the isolation tests."""

from isolation.fixtures import api, offline, quiet, town, towns

__all__ = ["api", "offline", "quiet", "town", "towns"]
