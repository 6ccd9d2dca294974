"""Fixtures of the canaries: the application in this process, without a network."""

from isolation.fixtures import api, offline, quiet, written

__all__ = ["api", "offline", "quiet", "written"]
