"""Fixtures of the isolation tests."""

from isolation.fixtures import api, offline, quiet, town

__all__ = ["api", "offline", "quiet", "town"]
