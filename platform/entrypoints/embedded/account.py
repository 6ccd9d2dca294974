"""The system account that the engines run as."""

import atexit
import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

UNPRIVILEGED = "nobody"

# The engines see nothing of our environment: no secrets, and the same words in every language.
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

# A server outlives the object that started it, and may outlive this process.
_launched: list[subprocess.Popen[bytes]] = []


def reap() -> None:
    """Forget the servers that have ended, whoever has stopped them; no zombie is left of them."""
    _launched[:] = [server for server in _launched if server.poll() is None]


def _let_go() -> None:
    """Leave the servers that still run to others: a handle without an end is reported as lost."""
    reap()
    for server in _launched:
        server.returncode = 0


atexit.register(_let_go)


@dataclass(frozen=True, slots=True)
class Account:
    """The account the engines run as: our own, or another where we are root.

    PostgreSQL refuses to run as root, so root lends its servers to an unprivileged account.
    """

    user_id: int
    group_id: int
    is_other: bool

    @classmethod
    def choose(cls) -> Self:
        """Take our own account, or as root the system's unprivileged one."""
        if os.geteuid() != 0:
            return cls(user_id=os.geteuid(), group_id=os.getegid(), is_other=False)
        entry = pwd.getpwnam(UNPRIVILEGED)
        return cls(user_id=entry.pw_uid, group_id=entry.pw_gid, is_other=True)

    def own(self, path: Path) -> None:
        """Make `path` this account's. Errors: OSError where it may not."""
        if self.is_other:
            os.chown(path, self.user_id, self.group_id)

    def run(
        self, command: Sequence[str | Path], *, cwd: Path, timeout_seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` as this account and return its output, in any case."""
        return subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
            **self._identity(),
        )

    def launch(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        log: IO[bytes],
        stdin: IO[bytes] | int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a server as this account, in a session of its own.

        A terminal's Ctrl-C must not reach it: its clients are stopped first, then it is.
        """
        server: subprocess.Popen[bytes] = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env=ENVIRONMENT,
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self._identity(),
        )
        reap()
        _launched.append(server)
        return server

    def _identity(self) -> dict[str, Any]:
        if not self.is_other:
            return {}
        return {"user": self.user_id, "group": self.group_id, "extra_groups": []}
