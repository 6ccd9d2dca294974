"""The embedded Valkey. It keeps nothing on disk: the product may lose it at any moment."""

import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

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

START_SECONDS = 15.0
STOP_SECONDS = 10.0
ANSWER_SECONDS = 2.0
START_ATTEMPTS = 3
MEMORY_BYTES: Final = 256 * 1024 * 1024


@dataclass(slots=True)
class Valkey:
    """One server that answers at 127.0.0.1 to whoever has the password."""

    home: Path
    program: Path
    account: Account
    memory: Memory
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.home / "valkey.log"

    def url(self) -> str:
        """Return the URL of database 0 on this server."""
        password = quote(self.memory.valkey_password, safe="")
        return f"redis://:{password}@127.0.0.1:{self.memory.valkey_port}/0"

    def ensure_running(self) -> bool:
        """Return True when it started the server, False when it ran already.

        Errors: EngineFailed with the end of the server's log.
        """
        if self._answers():
            return False
        for _ in range(START_ATTEMPTS):
            self.stop()  # one that hangs; there is nothing in it to lose
            if not port_is_free(self.memory.valkey_port):
                self.memory.valkey_port = free_port()
            self.memory.save()
            self.process = self._launch()
            wait_until(self._answers_or_ended, timeout_seconds=START_SECONDS)
            if self._answers():
                return True
        raise EngineFailed(f"Valkey does not start. The end of its log:\n{tail(self.log)}")

    def is_alive(self) -> bool:
        """Say whether the server's process is there, busy or not."""
        return bool(self._processes())

    def stop(self) -> None:
        """Stop the server, whoever started it, and wait until it is gone.

        Errors: EngineFailed when it cannot be stopped.
        """
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal_all(self._processes(), number)
            if wait_until(self._is_gone, timeout_seconds=STOP_SECONDS):
                break
        else:
            raise EngineFailed(f"Valkey does not stop; see {self.log}.")
        if self.process is not None:
            self.process.wait()

    def _processes(self) -> list[int]:
        """The server works in the home itself, PostgreSQL in its data directory below."""
        return processes_in(self.home)

    def _is_gone(self) -> bool:
        return not self._processes()

    def _answers(self) -> bool:
        with self._client() as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def _client(self) -> redis.Redis:
        return redis.Redis(
            host="127.0.0.1",
            port=self.memory.valkey_port,
            password=self.memory.valkey_password,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )

    def _configuration(self) -> str:
        return "\n".join(
            (
                "bind 127.0.0.1",
                f"port {self.memory.valkey_port}",
                f"requirepass {self.memory.valkey_password}",
                'save ""',
                "appendonly no",
                f"maxmemory {MEMORY_BYTES}",
                "maxmemory-policy volatile-lru",
                "daemonize no",
            )
        )

    def _launch(self) -> subprocess.Popen[bytes]:
        """The configuration goes through standard input: arguments can be read by everybody."""
        with open_log(self.log) as log, tempfile.TemporaryFile() as configuration:
            configuration.write(self._configuration().encode() + b"\n")
            configuration.seek(0, os.SEEK_SET)
            return self.account.launch(
                [self.program, "-"], cwd=self.home, log=log, stdin=configuration
            )

    def _answers_or_ended(self) -> bool:
        ended = self.process is not None and self.process.poll() is not None
        return ended or self._answers()
