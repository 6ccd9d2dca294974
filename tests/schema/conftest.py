"""Fixtures of the schema tests: the same shops as the isolation tests have."""

from isolation.fixtures import api, offline, quiet, town, towns, written

__all__ = ["api", "offline", "quiet", "town", "towns", "written"]
