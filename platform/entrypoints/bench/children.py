"""The processes of a run: the product's own, and short-lived tools. None outlives the run."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

import entrypoints
from entrypoints.bench.errors import BenchFailed
from entrypoints.embedded.log import tail
from entrypoints.embedded.processes import free_port
from entrypoints.up.child import spawn, terminate
from kernel import crypto
from kernel.settings import Settings

MASTER_SECRET: Final = "of the measured processes only: they hold nothing that is secret"  # noqa: S105
PATIENCE_SECONDS: Final = 30.0
TOOL_SECONDS: Final = 300.0
PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Product:
    """The running product: where it answers, and the process group of the API."""

    port: int
    api_group: int


def product_environment(config: Settings, *, database_url: str, logs: Path) -> dict[str, str]:
    """This function will give the environment of the product's processes, as in production.

    The roles' password stays that of `config`: it belongs to the whole server.
    """
    rooms = str(Path(entrypoints.__file__).parents[1])
    inherited = os.environ  # noqa: TID251 - children need what this process was started with
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, (rooms, inherited.get("PYTHONPATH", "")))),
        "DATABASE_URL": database_url,
        "REDIS_URL": config.redis_url,
        "KAMENG_ENVIRONMENT": "production",
        "KAMENG_MASTER_SECRET": MASTER_SECRET,
        "KAMENG_ROLE_PASSWORD": crypto.role_password(config),
        "KAMENG_STRIPE_WEBHOOK_SECRET": "whsec_of_nobody",
        "KAMENG_DATA_DIR": str(logs),
    }


@asynccontextmanager
async def running_product(environment: Mapping[str, str], logs: Path) -> AsyncIterator[Product]:
    """This function will run one API process and one worker, and end them after."""
    port = free_port()
    command = [sys.executable, "-m", "entrypoints.cli"]
    serve = [*command, "serve", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    log = logs / "api.log"
    api = await spawn(serve, environment=environment, log_file=log)
    try:
        worker = await spawn(
            [*command, "worker"], environment=environment, log_file=logs / "worker.log"
        )
        try:
            await _until_healthy(port, api, log)
            yield Product(port=port, api_group=api.pid)
        finally:
            await terminate(worker)
    finally:
        await terminate(api)


async def _until_healthy(port: int, api: asyncio.subprocess.Process, log: Path) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient(trust_env=False) as http:
            while api.returncode is None:
                try:
                    if (await http.get(f"http://127.0.0.1:{port}/healthz")).is_success:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        pass
    raise BenchFailed(f"The API did not become ready. The end of its log:\n{tail(log)}")


async def run_tool(
    command: Sequence[str], *, environment: Mapping[str, str], log_file: Path
) -> str:
    """This function will run a program to its end and return what it has printed.

    Raises `BenchFailed` with the end of its output when it fails.
    """
    await asyncio.to_thread(log_file.unlink, missing_ok=True)
    child = await spawn(command, environment=environment, log_file=log_file)
    try:
        async with asyncio.timeout(TOOL_SECONDS):
            code = await child.wait()
    except TimeoutError:
        code = -1
    finally:
        await terminate(child)
    if code != 0:
        raise BenchFailed(f"{command[0]} failed. The end of its output:\n{tail(log_file)}")
    return await asyncio.to_thread(log_file.read_text, errors="replace")


async def run_module(
    name: str, *, arguments: Sequence[Path], environment: Mapping[str, str], log_file: Path
) -> str:
    """This function will run one of our own modules in a process of its own."""
    command = [sys.executable, "-m", name, *map(str, arguments)]
    return await run_tool(command, environment=environment, log_file=log_file)
