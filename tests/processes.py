"""The product's real processes on free ports: API, worker and the sandbox's Stripe, over HTTP.

They are forked (`forks.py`), which is what most tests want; `from_scratch` starts them as an
operator does.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from forks import ROOT, Fork
from patience import PATIENCE_SECONDS
from world import Person, ShopAt

STRIPE_KEY = "sk_test_abcdefghijklmnop"
WEBHOOK_SECRET = "whsec_for_the_tests_only"

PATIENT = {
    "KAMENG_REQUEST_DEADLINE_SECONDS": "60",
    "KAMENG_STRIPE_TIMEOUT_SECONDS": "60",
}
"""The product's own deadlines, where a test is not about them: a machine that is held up for some
seconds must not make it fail."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Process:
    """One child process, `[python, "-m", module, …]`; its output goes to a log file."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    from_scratch: bool = False
    child: "subprocess.Popen[bytes] | Fork | None" = None

    def start(self, **extra: str) -> None:
        """Start it, with more environment for this life only."""
        env = {**self.environment, **extra}
        if not self.from_scratch:
            self.child = Fork(self.command, env=env, log=self.log)
            return
        with self.log.open("ab") as output:
            self.child = subprocess.Popen(
                self.command, env=env, cwd=ROOT, stdout=output, stderr=output
            )

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self.child is not None:
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL if it does not listen."""
        if self.child is None:
            return
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(10)
        except (subprocess.TimeoutExpired, TimeoutError):
            self.kill()

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return self.child is not None and self.child.poll() is None

    @property
    def ended_by(self) -> signal.Signals | None:
        """The signal that ended the last life; None for an end of another kind."""
        code = self.child.poll() if self.child is not None else None
        return signal.Signals(-code) if code is not None and code < 0 else None


@dataclass
class Platform:
    """The product as its users reach it."""

    api_port: int
    sandbox_port: int
    api: Process
    worker: Process
    sandbox: Process
    http: httpx.AsyncClient
    log_dir: Path
    answers: list[httpx.Response] = field(default_factory=list)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    async def ask(
        self,
        shop: ShopAt | str,
        document: str,
        variables: dict[str, Any] | None = None,
        *,
        by: Person | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a GraphQL request to a shop and return its `data`; errors fail the test."""
        body = await self.raw(shop, document, variables, by=by, headers=headers)
        answer = body.json()
        assert "errors" not in answer or not answer["errors"], answer
        data: dict[str, Any] = answer["data"]
        return data

    async def raw(
        self,
        shop: ShopAt | str,
        document: str,
        variables: dict[str, Any] | None = None,
        *,
        by: Person | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a GraphQL request to a shop and return the HTTP response as it is."""
        host = shop if isinstance(shop, str) else shop.host
        return await self.http.post(
            f"{self.api_url}/graphql/",
            json={"query": document, "variables": variables or {}},
            headers={
                "host": f"{host}:{self.api_port}",
                "x-kameng-client": "tests",
                "accept-language": "en",
                **(by.headers if by else {}),
                **(headers or {}),
            },
        )

    async def sandbox_control(self, method: str, path: str, **json: Any) -> Any:
        """Call one of the sandbox's control routes (`/_sandbox/…`)."""
        response = await self.http.request(
            method,
            f"{self.sandbox_url}/_sandbox/{path}",
            headers={"authorization": f"Bearer {STRIPE_KEY}"},
            json=json or None,
        )
        response.raise_for_status()
        return response.json() if response.content else None

    async def approve(self, intent: str) -> None:
        """Act as the buyer on the channel's page: approve."""
        await self.sandbox_control("POST", f"intents/{intent}/approve")

    async def refuse(self, intent: str) -> None:
        """Act as the buyer on the channel's page: refuse."""
        await self.sandbox_control("POST", f"intents/{intent}/refuse")

    async def ready(self) -> None:
        """Wait until the API and the sandbox answer."""
        await self.until_healthy(self.api_url)
        await self.until_healthy(self.sandbox_url)

    async def until_healthy(self, url: str) -> None:
        """Wait for a `/healthz` that says 200."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                if (await self.http.get(f"{url}/healthz")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)
        raise AssertionError(f"{url} did not become healthy; logs in {self.log_dir}")


def environment(
    *, database_url: str, redis_url: str, master_secret: str, sandbox_port: int, data_dir: Path
) -> dict[str, str]:
    """What the product's processes get from their environment in tests."""
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "platform"),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "KAMENG_ENVIRONMENT": "test",
        "KAMENG_MASTER_SECRET": master_secret,
        "KAMENG_DATA_DIR": str(data_dir),
        **PATIENT,
        "KAMENG_STRIPE_API_KEY": STRIPE_KEY,
        "KAMENG_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "KAMENG_STRIPE_API_URL": sandbox,
        "KAMENG_STRIPE_CARD_PAGE": sandbox
        + "/approve/{intent}?client_secret={client_secret}&return_url={return_url}",
        "KAMENG_OUTWARD_LOOPBACK": "true",
        "KAMENG_SANDBOX_STRIPE_API_KEY": STRIPE_KEY,
        "KAMENG_SANDBOX_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }


@asynccontextmanager
async def running_platform(
    *,
    database_url: str,
    redis_url: str,
    master_secret: str,
    directory: Path,
    worker: bool = True,
    from_scratch: bool = False,
    **more_environment: str,
) -> AsyncIterator[Platform]:
    """The whole product with the sandbox, until the block ends; nothing is left behind.

    `from_scratch`: its processes are started as an operator does, not forked.
    """
    api_port, sandbox_port = free_port(), free_port()
    env = environment(
        database_url=database_url,
        redis_url=redis_url,
        master_secret=master_secret,
        sandbox_port=sandbox_port,
        data_dir=directory,
    )
    env.update(more_environment)
    python = sys.executable
    serve = [python, "-m", "entrypoints.cli", "serve", "--port", str(api_port)]
    stripe = [python, "-m", "sandbox.stripe", "--port", str(sandbox_port)]
    stripe += ["--webhook-url", f"http://127.0.0.1:{api_port}/payments/stripe/webhook"]
    stripe += ["--state-file", str(directory / "stripe.sqlite")]
    stripe += ["--public-url", f"http://127.0.0.1:{sandbox_port}"]

    def process(name: str, command: list[str]) -> Process:
        return Process(name, command, env, directory / f"{name}.log", from_scratch)

    limits = httpx.Limits(max_connections=3000, max_keepalive_connections=500)
    timeout = httpx.Timeout(PATIENCE_SECONDS)
    async with httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False) as http:
        platform = Platform(
            api_port=api_port,
            sandbox_port=sandbox_port,
            api=process("api", serve),
            worker=process("worker", [python, "-m", "entrypoints.cli", "worker"]),
            sandbox=process("sandbox", stripe),
            http=http,
            log_dir=directory,
        )
        try:
            platform.sandbox.start()
            platform.api.start()
            if worker:
                platform.worker.start()
            await platform.ready()
            yield platform
        finally:
            for child in (platform.api, platform.worker, platform.sandbox):
                child.stop()
