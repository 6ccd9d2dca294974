"""The processes of a run: the product's own, and short-lived tools. None outlives the run."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

import entrypoints
from billing.payment_methods.stripe_events import NEEDED_EVENTS
from entrypoints.bench.errors import BenchFailed
from entrypoints.embedded.log import tail
from entrypoints.embedded.processes import free_port
from entrypoints.up.child import spawn, terminate
from kernel import crypto
from kernel.settings import Settings

MASTER_SECRET: Final = "of the measured processes: they hold no secrets"  # noqa: S105 - as it says
CHANNEL_KEY: Final = "sk_test_of_the_measured_processes"
WEBHOOK_SECRET: Final = "whsec_of_the_measured_processes"  # noqa: S105 - theirs alone
PATIENCE_SECONDS: Final = 30.0
TOOL_SECONDS: Final = 300.0
PAUSE_SECONDS: Final = 0.05
NO_CACHE: Final = {"KAMENG_RESPONSE_CACHE_BYTES": "0"}
"""Every answer is worked out anew."""
ONE_CONNECTION: Final = {"KAMENG_READ_POOL_SIZE": "1", "KAMENG_WRITE_POOL_SIZE": "1"}
"""What is recorded comes one after the other."""


@dataclass(frozen=True, slots=True)
class Channel:
    """The stand-in for Stripe: where it answers, and whom it calls."""

    port: int
    webhook_port: int

    @property
    def environment(self) -> dict[str, str]:
        """What the product must know to pay there."""
        return {"KAMENG_STRIPE_API_URL": f"http://127.0.0.1:{self.port}"}


@dataclass(frozen=True, slots=True)
class Product:
    """The running product: where it answers, and the process groups of its parts."""

    port: int
    api_group: int
    worker_group: int
    channel_port: int = 0
    channel_group: int | None = None


def command(*words: str) -> list[str]:
    """Give the words that start one of the product's own commands."""
    return [sys.executable, "-m", "entrypoints.cli", *words]


def product_environment(config: Settings, *, database_url: str, logs: Path) -> dict[str, str]:
    """Give the environment of the product's processes, as in production.

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
        "KAMENG_STRIPE_API_KEY": CHANNEL_KEY,
        "KAMENG_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "KAMENG_DATA_DIR": str(logs),
    }


@asynccontextmanager
async def running_product(
    environment: Mapping[str, str], logs: Path, *, with_channel: bool = False
) -> AsyncIterator[Product]:
    """Run one API process and one worker, and the stand-in for Stripe where it
    is asked for, and end them after."""
    port = free_port()
    async with AsyncExitStack() as stack:
        channel: Channel | None = None
        channel_group: int | None = None
        if with_channel:
            channel = Channel(free_port(), port)
            environment = {**environment, **channel.environment}
            channel_group = await stack.enter_async_context(
                running_channel(channel, environment, logs)
            )
        serve = command("serve", "--host", "127.0.0.1", "--port", str(port), "--workers", "1")
        log = logs / "api.log"
        api = await spawn(serve, environment=environment, log_file=log)
        stack.push_async_callback(terminate, api)
        worker = await spawn(
            command("worker"), environment=environment, log_file=logs / "worker.log"
        )
        stack.push_async_callback(terminate, worker)
        await until_healthy("API", port, api, log)
        yield Product(
            port=port,
            api_group=api.pid,
            worker_group=worker.pid,
            channel_port=channel.port if channel else 0,
            channel_group=channel_group,
        )


@asynccontextmanager
async def running_channel(
    channel: Channel, environment: Mapping[str, str], logs: Path
) -> AsyncIterator[int]:
    """Run the stand-in for Stripe, hand out its process group, and end it."""
    prefix = "KAMENG_SANDBOX_STRIPE_"
    environment = {
        **environment,
        f"{prefix}HOST": "127.0.0.1",
        f"{prefix}PORT": str(channel.port),
        f"{prefix}PUBLIC_URL": f"http://127.0.0.1:{channel.port}",
        f"{prefix}WEBHOOK_URL": f"http://127.0.0.1:{channel.webhook_port}/payments/stripe/webhook",
        f"{prefix}WEBHOOK_EVENTS": ",".join(NEEDED_EVENTS),
        f"{prefix}API_KEY": CHANNEL_KEY,
        f"{prefix}WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    log = logs / f"channel-{channel.port}.log"
    child = await spawn(
        [sys.executable, "-m", "sandbox.stripe"], environment=environment, log_file=log
    )
    try:
        await until_healthy("stand-in for Stripe", channel.port, child, log)
        yield child.pid
    finally:
        await terminate(child)


async def until_healthy(name: str, port: int, child: asyncio.subprocess.Process, log: Path) -> None:
    """Wait for a server's health; `BenchFailed` with its log's end if none."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient(trust_env=False) as http:
            while child.returncode is None:
                try:
                    if (await http.get(f"http://127.0.0.1:{port}/healthz")).is_success:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        pass
    raise BenchFailed(f"The {name} did not become ready. The end of its log:\n{tail(log)}")


async def run_tool(
    words: Sequence[str],
    *,
    environment: Mapping[str, str],
    log_file: Path,
    seconds: float = TOOL_SECONDS,
) -> str:
    """Run a program to its end and return what it has printed.

    Raises `BenchFailed` with the end of its output when it fails or takes longer than `seconds`.
    """
    await asyncio.to_thread(log_file.unlink, missing_ok=True)
    child = await spawn(words, environment=environment, log_file=log_file)
    try:
        async with asyncio.timeout(seconds):
            code = await child.wait()
    except TimeoutError:
        code = -1
    finally:
        await terminate(child)
    if code != 0:
        raise BenchFailed(f"{words[0]} failed. The end of its output:\n{tail(log_file)}")
    return await asyncio.to_thread(log_file.read_text, errors="replace")


async def run_module(
    name: str,
    *,
    arguments: Sequence[Path],
    environment: Mapping[str, str],
    log_file: Path,
    seconds: float = TOOL_SECONDS,
) -> str:
    """Run one of our own modules in a process of its own."""
    words = [sys.executable, "-m", name, *map(str, arguments)]
    return await run_tool(words, environment=environment, log_file=log_file, seconds=seconds)
