"""The embedded PostgreSQL: made once, started, found again after a crash, stopped."""

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg

from entrypoints.embedded.account import Account
from entrypoints.embedded.errors import EngineFailed
from entrypoints.embedded.log import open_log, tail
from entrypoints.embedded.memory import Memory
from entrypoints.embedded.processes import (
    free_port,
    port_is_free,
    processes_in,
    signal_all,
    wait_until,
)
from entrypoints.embedded.sql import fetch_value

USER: Final = "kameng"
DATABASE: Final = "kameng"
INITDB_SECONDS = 120.0
START_SECONDS = 120.0  # recovery after a power cut reads the whole log again
STOP_SECONDS = 30.0
ORPHAN_SECONDS = 5.0
START_ATTEMPTS = 3

SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    # No socket in the file system: its path is limited to 107 bytes, a project's is not.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    # A container's /dev/shm is small, and a shop's statements are short.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    # Jobs and holds are updated all day: clean up early and often.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "1000",
    # A failing statement's text may hold what a buyer typed: it stays out of the log.
    "log_min_error_statement": "panic",
}
# For tests only: nothing needs to outlive the machine.
FORGETFUL_SETTINGS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


@dataclass(slots=True)
class Postgres:
    """One server and its data directory, `<home>/postgres`."""

    home: Path
    bin: Path
    account: Account
    memory: Memory
    durable: bool
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def url(self, database: str = DATABASE) -> str:
        """Return the owner's URL of one database on this server."""
        password = quote(self.memory.postgres_password, safe="")
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.memory.postgres_port}/{database}"

    def ensure_running(self) -> bool:
        """Return True when it started the server, False when it ran already.

        Errors: EngineFailed with the end of the server's log.
        """
        self._initialise_once()
        found = self._answers() or self._wait_for_a_starting_server()
        if not found:
            self._clear_what_a_crash_left()
            self._start()
        self._create_database_once()
        return not found

    def is_alive(self) -> bool:
        """Say whether the server's process is there, busy or not."""
        return self._postmaster() is not None

    def stop(self) -> None:
        """Stop the server, whoever started it, and wait until it is gone.

        Errors: EngineFailed when it cannot be stopped.
        """
        # SIGINT: end the sessions and write a checkpoint. SIGQUIT: stop now, recover at start.
        for number in (signal.SIGINT, signal.SIGQUIT):
            postmaster = self._postmaster()
            if postmaster is None:
                break
            signal_all([postmaster], number)
            if wait_until(self._is_gone, timeout_seconds=STOP_SECONDS):
                break
        if not wait_until(self._is_gone, timeout_seconds=ORPHAN_SECONDS):
            raise EngineFailed(f"PostgreSQL in {self.data} does not stop; see {self.log}.")
        if self.process is not None:
            self.process.wait()

    def _initialise_once(self) -> None:
        """Make the cluster beside its place and move it there whole: a kill leaves no half one."""
        if self.data.exists():
            return
        draft = self.home / "postgres.draft"
        shutil.rmtree(draft, ignore_errors=True)
        password_file = self.home / "postgres.password"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        self.account.own(password_file)
        password_file.write_text(self.memory.postgres_password)
        try:
            made = self.account.run(
                [
                    self.bin / "initdb",
                    f"--pgdata={draft}",
                    f"--username={USER}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--no-locale",
                    "--encoding=UTF8",
                    "--no-instructions",
                    *([] if self.durable else ["--no-sync"]),
                ],
                cwd=self.home,
                timeout_seconds=INITDB_SECONDS,
            )
        finally:
            password_file.unlink(missing_ok=True)
        if made.returncode != 0:
            raise EngineFailed(f"PostgreSQL could not be set up:\n{made.stderr.strip()}")
        draft.rename(self.data)

    def _answers(self) -> bool:
        """Whether it is our server that answers: the right password and the right directory."""
        try:
            directory = fetch_value(self.url("postgres"), "show data_directory")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return Path(directory).resolve() == self.data.resolve()

    def _wait_for_a_starting_server(self) -> bool:
        """A killed parent may have left a server that is still recovering or shutting down."""
        if self._postmaster() is None:
            return False
        wait_until(
            lambda: self._postmaster() is None or self._answers(), timeout_seconds=START_SECONDS
        )
        return self._answers()

    def _postmaster(self) -> int | None:
        """The server's process id, if a process of this data directory has it."""
        process_id = self._noted_process()
        return process_id if process_id in processes_in(self.data) else None

    def _noted_process(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _is_gone(self) -> bool:
        return not processes_in(self.data)

    def _clear_what_a_crash_left(self) -> None:
        """End sessions without a server, and drop a pid file whose number is somebody else's.

        PostgreSQL itself drops the file when the number is unused. It refuses to start while the
        number belongs to any process of its account, which after a reboot is mere chance.
        """
        if not wait_until(self._is_gone, timeout_seconds=ORPHAN_SECONDS):
            signal_all(processes_in(self.data), signal.SIGQUIT)
            if not wait_until(self._is_gone, timeout_seconds=ORPHAN_SECONDS):
                raise EngineFailed(f"Processes of a dead PostgreSQL still use {self.data}.")
        noted = self._noted_process()
        if noted is not None and Path(f"/proc/{noted}").exists():
            (self.data / "postmaster.pid").unlink()

    def _start(self) -> None:
        for _ in range(START_ATTEMPTS):
            if not port_is_free(self.memory.postgres_port):
                self.memory.postgres_port = free_port()
            self.memory.save()
            self.process = self._launch()
            wait_until(self._answers_or_ended, timeout_seconds=START_SECONDS)
            if self._answers():
                return
            if self.process.poll() is None:
                self.stop()
                break
        raise EngineFailed(f"PostgreSQL does not start. The end of its log:\n{tail(self.log)}")

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = SETTINGS | ({} if self.durable else FORGETFUL_SETTINGS)
        command: list[str | Path] = [self.bin / "postgres", "-D", self.data]
        command += ["-p", str(self.memory.postgres_port)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with open_log(self.log) as log:
            return self.account.launch(command, cwd=self.home, log=log)

    def _answers_or_ended(self) -> bool:
        ended = self.process is not None and self.process.poll() is not None
        return ended or (not port_is_free(self.memory.postgres_port) and self._answers())

    def _create_database_once(self) -> None:
        try:
            fetch_value(self.url("postgres"), f'create database "{DATABASE}" template template0')
        except asyncpg.DuplicateDatabaseError:
            return
