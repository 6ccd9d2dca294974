"""Which processes are running, asked of /proc: a process id in a file proves nothing."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

PAUSE_SECONDS = 0.05


def processes_in(directory: Path) -> list[int]:
    """Return the ids of the processes whose working directory this is.

    A PostgreSQL server and each of its children work in their data directory, which identifies
    them surely: ids are used again, and names are shared.
    """
    target = os.path.realpath(directory)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _working_directory(entry) == target:
            found.append(int(entry.name))
    return found


def signal_all(process_ids: list[int], number: signal.Signals) -> None:
    """Signal each process; one that is gone already is no error."""
    for process_id in process_ids:
        try:
            os.kill(process_id, number)
        except ProcessLookupError:
            continue


def wait_until(condition: Callable[[], bool], *, timeout_seconds: float) -> bool:
    """Wait for `condition` and return whether it came true in time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Say whether a server could listen on 127.0.0.1 at this port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _working_directory(process: Path) -> str | None:
    try:
        return os.readlink(process / "cwd")
    except OSError:  # gone meanwhile, or another account's
        return None
