"""Child processes that never outlive their supervisor."""

import asyncio
import ctypes
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from entrypoints.embedded.log import open_log

PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 10.0

_libc = ctypes.CDLL(None, use_errno=True)


async def spawn(
    command: Sequence[str], *, environment: Mapping[str, str], log_file: Path
) -> Process:
    """Start a child that the kernel kills when this process dies.

    The child leads a session of its own, so that a terminal's Ctrl-C reaches the supervisor
    alone, which then stops its children in order. Call it from the main thread: the kernel's
    bond is to the thread that forked.
    """
    with open_log(log_file) as log:
        return await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,  # what it writes beside the secrets is as private as they are
            preexec_fn=_die_with(os.getpid()),
        )


async def terminate(child: Process, *, grace_seconds: float = GRACE_SECONDS) -> None:
    """Ask a child to end, wait, and then end it and all it has started."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(child.wait(), grace_seconds)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


def _die_with(parent: int) -> Callable[[], None]:
    """Runs in the child between fork and exec: no imports, no locks, two system calls."""

    def bind() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the bond was made
            os._exit(1)

    return bind
