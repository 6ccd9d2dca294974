"""One PostgreSQL and one Valkey for all tests, and databases made from a template.

With DATABASE_URL and REDIS_URL the tests use those servers; without them, embedded ones that the
first test process starts, the others share, and the last one to end stops and erases.
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from entrypoints.embedded import Engines, erase_engines, start_engines
from entrypoints.embedded.sql import fetch_value

ROOT = Path(__file__).parent.parent
DATA_DIR = ROOT / ".kameng" / "tests"
PREFIX = "kameng_test_"
REDIS_DATABASES = range(1, 16)


@dataclass(frozen=True, slots=True)
class SharedEngines:
    """What a test may use: the server's URL, and one Redis database of this process alone."""

    database_url: str
    redis_url: str


_held = ExitStack()
"""What this process holds until `release_engines`."""


@cache
def test_engines() -> SharedEngines:
    """Return the engines, taken at the first call and held from then on."""
    atexit.register(release_engines)
    return _held.enter_context(shared_engines())


def release_engines() -> None:
    """Let go of the engines; the last process to do so stops them."""
    _held.close()
    test_engines.cache_clear()


@contextmanager
def shared_engines() -> Iterator[SharedEngines]:
    """Share the engines between all test processes of this checkout."""
    given = Engines(
        database_url=os.environ.get("DATABASE_URL", ""), redis_url=os.environ.get("REDIS_URL", "")
    )
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        users = stack.enter_context((DATA_DIR / "users.lock").open("w"))
        fcntl.flock(users, fcntl.LOCK_SH)
        engines = start_engines(
            DATA_DIR,
            database_url=given.database_url,
            redis_url=given.redis_url,
            durable=False,
        )
        number = _take_redis_database(stack)
        try:
            yield SharedEngines(
                database_url=engines.database_url,
                redis_url=_with_path(engines.redis_url, str(number)),
            )
        finally:
            if _is_last(users):
                _leave_nothing(engines)


def template_database(
    engines: SharedEngines, *, fingerprint: str, build: Callable[[str], None]
) -> str:
    """Return the name of a template that `build(url)` has filled once.

    `fingerprint` tells one template from another: the migrations' text, for example.
    """
    digest = hashlib.sha256(fingerprint.encode()).hexdigest()[:12]
    name = f"{PREFIX}template_{digest}"
    with (DATA_DIR / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = "select 1 from pg_database where datname = $1"
        if fetch_value(engines.database_url, found, name) is None:
            draft = f"{name}_draft"
            _run(engines, f'drop database if exists "{draft}" with (force)')
            _run(engines, f"create database \"{draft}\" template template0 encoding 'UTF8'")
            build(_with_path(engines.database_url, draft))
            _run(engines, f'alter database "{draft}" rename to "{name}"')
    return name


@contextmanager
def fresh_database(engines: SharedEngines, *, template: str = "template0") -> Iterator[str]:
    """Make a database, hand out its URL, and drop it afterwards."""
    name = PREFIX + secrets.token_hex(6)
    _run(engines, f'create database "{name}" template "{template}" strategy file_copy')
    try:
        yield _with_path(engines.database_url, name)
    finally:
        _run(engines, f'drop database "{name}" with (force)')


def _take_redis_database(stack: ExitStack) -> int:
    """Numbered databases are few: each process holds one by a lock that dies with it."""
    for number in REDIS_DATABASES:
        lock = (DATA_DIR / f"redis-{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        stack.callback(lock.close)
        return number
    raise RuntimeError(f"More than {len(REDIS_DATABASES)} test processes share one Redis.")


def _is_last(users: IO[str]) -> bool:
    """Nobody else holds the lock; and nobody can take it until this process has tidied up."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _leave_nothing(engines: Engines) -> None:
    if engines.postgres is None:
        _drop_all(SharedEngines(engines.database_url, engines.redis_url))
    erase_engines(DATA_DIR)


def _drop_all(engines: SharedEngines) -> None:
    first = "select min(datname) from pg_database where starts_with(datname, $1)"
    while name := fetch_value(engines.database_url, first, PREFIX):
        _run(engines, f'drop database "{name}" with (force)')


def _run(engines: SharedEngines, statement: str) -> None:
    fetch_value(engines.database_url, statement)


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
