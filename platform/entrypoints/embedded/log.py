"""The engines' own log files."""

from pathlib import Path
from typing import BinaryIO

KEEP_BYTES = 10 * 1024 * 1024


def open_log(path: Path) -> BinaryIO:
    """Open a log to append to; one that has grown large is set aside once."""
    if path.exists() and path.stat().st_size > KEEP_BYTES:
        path.replace(path.with_suffix(".log.old"))
    return path.open("ab")


def tail(path: Path, *, lines: int = 12) -> str:
    """Return the last lines of a log, or say that there is none."""
    if not path.exists():
        return f"(no log at {path})"
    text = path.read_bytes()[-16_384:].decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
