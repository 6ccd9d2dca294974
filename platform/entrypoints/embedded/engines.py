"""Both engines together, and the one lock under which they are started."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from entrypoints.embedded.account import Account
from entrypoints.embedded.errors import EngineFailed
from entrypoints.embedded.home import choose_home, find_programs
from entrypoints.embedded.memory import FILE_NAME, Memory
from entrypoints.embedded.postgres import Postgres
from entrypoints.embedded.valkey import Valkey


@dataclass(slots=True)
class Engines:
    """The URLs of both engines, and whether this start had to start them.

    An engine that was given by URL belongs to somebody else and is never stopped.
    """

    database_url: str
    redis_url: str
    started_postgres: bool = False
    started_valkey: bool = False
    postgres: Postgres | None = None
    valkey: Valkey | None = None

    def start(self) -> None:
        """Start what does not run yet and note the URLs.

        Errors: EngineFailed with a reason that a person can act on.
        """
        if self.valkey is not None:
            self.started_valkey = self.valkey.ensure_running()
            self.redis_url = self.valkey.url()
        if self.postgres is not None:
            self.started_postgres = self.postgres.ensure_running()
            self.database_url = self.postgres.url()

    def stop(self) -> None:
        """Stop the embedded engines, also those found running, and wait.

        Errors: EngineFailed when one does not stop.
        """
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()

    def revive(self) -> list[str]:
        """Start again what has died and return the names, usually none.

        Errors: EngineFailed when an engine cannot come back at the address its clients know.
        """
        revived = []
        if self.postgres is not None and not self.postgres.is_alive():
            self.postgres.ensure_running()
            revived.append("PostgreSQL")
        if self.valkey is not None and not self.valkey.is_alive():
            self.valkey.ensure_running()
            revived.append("Valkey")
        moved = (self.postgres is not None and self.postgres.url() != self.database_url) or (
            self.valkey is not None and self.valkey.url() != self.redis_url
        )
        if moved:
            raise EngineFailed("Another program has taken an engine's port. Please start again.")
        return revived


def start_engines(
    data_dir: Path, *, database_url: str = "", redis_url: str = "", durable: bool = True
) -> Engines:
    """Make PostgreSQL and Valkey answer, and return where.

    An engine whose URL is given is taken as it is; the other one is started in `data_dir`, or
    found there still running. `durable=False` switches PostgreSQL's disk syncs off, for tests.

    Errors: EngineFailed with a reason that a person can act on.
    """
    engines = Engines(database_url=database_url, redis_url=redis_url)
    if database_url and redis_url:
        return engines
    account = Account.choose()
    data_dir = data_dir.absolute()
    # The engines' account walks through here; what is inside is closed to it file by file.
    data_dir.mkdir(mode=0o711 if account.is_other else 0o700, parents=True, exist_ok=True)
    with _only_one_at_a_time(data_dir):
        memory = Memory.of(data_dir)
        home = choose_home(data_dir, remembered=memory.home, account=account)
        memory.home = str(home)
        memory.save()
        programs = find_programs(home, account)
        if not redis_url:
            engines.valkey = Valkey(
                home=home, program=programs.valkey_server, account=account, memory=memory
            )
        if not database_url:
            engines.postgres = Postgres(
                home=home,
                bin=programs.postgres_bin,
                account=account,
                memory=memory,
                durable=durable,
            )
        try:
            engines.start()
        except EngineFailed:
            engines.stop()  # one without the other is of no use
            raise
    return engines


def stop_engines(data_dir: Path) -> None:
    """Stop what a killed supervisor left running in `data_dir`, if anything.

    Errors: EngineFailed when one does not stop.
    """
    data_dir = data_dir.absolute()
    if not (data_dir / FILE_NAME).exists():
        return
    account = Account.choose()
    with _only_one_at_a_time(data_dir):
        memory = Memory.of(data_dir)
        home = Path(memory.home)
        Valkey(home=home, program=Path(), account=account, memory=memory).stop()
        Postgres(home=home, bin=Path(), account=account, memory=memory, durable=True).stop()


def erase_engines(data_dir: Path) -> None:
    """Stop the engines of `data_dir` and delete all that they have kept.

    Errors: EngineFailed when one does not stop; nothing is deleted then.
    """
    data_dir = data_dir.absolute()
    stop_engines(data_dir)
    memory = Memory.of(data_dir)
    if memory.home:
        shutil.rmtree(memory.home)
    memory.file.unlink(missing_ok=True)


@contextmanager
def _only_one_at_a_time(data_dir: Path) -> Iterator[None]:
    with (data_dir / "engines.lock").open("w") as lock:
        os.chmod(lock.fileno(), 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
