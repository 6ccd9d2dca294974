"""The command itself: one supervisor a data directory."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from entrypoints.embedded import erase_engines, stop_engines
from entrypoints.up.errors import UpFailed
from entrypoints.up.plan import API_PORT, SANDBOX_PORT, demo_plan
from entrypoints.up.progress import Progress
from entrypoints.up.supervisor import supervise

LOCK_NAME = "up.lock"


def up(
    *,
    data_dir: Path,
    api_port: int = API_PORT,
    sandbox_port: int = SANDBOX_PORT,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Start the demo, serve until Ctrl-C, stop everything, and return 0.

    It returns 1, with a sentence on the terminal, when something cannot be started.
    """
    progress = Progress()
    data_dir = data_dir.absolute()
    # Others may walk through (the engines' account does); every file in it is closed to them.
    data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    try:
        with the_only_supervisor(data_dir):
            plan = demo_plan(
                data_dir,
                api_port=api_port,
                sandbox_port=sandbox_port,
                given=os.environ if environment is None else environment,
            )
            return supervise(plan, progress)
    except (UpFailed, OSError) as error:
        progress.fail(str(error))
        return 1


def down(*, data_dir: Path, erase: bool = False) -> None:
    """Stop what a killed `up` left running, and with `erase` forget all of it.

    Errors: UpFailed while an `up` is running for the directory.
    """
    data_dir = data_dir.absolute()
    if not data_dir.exists():
        return
    with the_only_supervisor(data_dir):
        if not erase:
            stop_engines(data_dir)
            return
        erase_engines(data_dir)
        shutil.rmtree(data_dir)


@contextmanager
def the_only_supervisor(data_dir: Path) -> Iterator[None]:
    """Hold the directory against a second supervisor.

    Errors: UpFailed when one runs already. The kernel lets go of the lock of one that was killed.
    """
    with (data_dir / LOCK_NAME).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise UpFailed(
                f"kameng is already running for {data_dir} (process {lock.read().strip()})."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
