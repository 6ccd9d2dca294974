"""`kameng up`: everything on one machine, started in order, watched, stopped without a trace."""

from entrypoints.up.command import down, up

__all__ = ["down", "up"]
