"""The product's processes, forked: a start costs a tenth of a second instead of three.

Each is forked from one process that has the product's modules imported already and holds no thread
and no connection. It becomes the very command that `subprocess.Popen` would run, in the same
environment and folder, with the same signals and exit codes.
"""

import multiprocessing
import os
import resource
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "entrypoints.asgi",
        "entrypoints.cli",
        "entrypoints.keys_command",
        "entrypoints.serve",
        "entrypoints.worker",
        "sandbox.stripe.app",
        "uvicorn",
        "uvicorn.lifespan.on",
        "uvicorn.loops.auto",
        "uvicorn.protocols.http.auto",
        "uvicorn.protocols.websockets.auto",
    ]
)


class Fork:
    """One forked process, handled as a `subprocess.Popen` is."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        """Start `[python, "-m", module, *arguments]`; what it says is added to the log."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._process = _FORKS.Process(target=_live, args=(list(command), dict(env), log, files))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Its exit code; None while it runs, and -n if signal n has ended it."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; `TimeoutError` if it does not come within so many seconds."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout} seconds")
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)


def _live(
    command: list[str], environment: Mapping[str, str], log: Path, files: tuple[int, int]
) -> None:
    """Become `python -m …`, with so many open files allowed."""
    from kernel.settings import settings  # noqa: PLC0415 - read in the fork, after it is one

    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, files)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    settings.cache_clear()
    sys.argv = command[2:]
    runpy.run_module(command[2], run_name="__main__", alter_sys=True)
