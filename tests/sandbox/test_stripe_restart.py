"""The sandbox as a process of its own: killed without warning, started again on its file."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import sandbox
from patience import PATIENCE_SECONDS
from sandbox.stripe.config import SandboxConfig
from sandbox_desk import (
    API_KEY,
    WEBHOOK_SECRET,
    Shop,
    desk_of,
    eventually,
    listening_socket,
    served,
    url_of,
)

SOURCE_ROOT = str(Path(sandbox.__file__).parent.parent)


def free_port() -> int:
    """A port that was free a moment ago."""
    with listening_socket() as listening:
        return int(listening.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    """The environment of the process, with nothing of ours but its settings."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE_ROOT, **more}


@contextmanager
def process(config: SandboxConfig) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m sandbox.stripe` and kill it, without warning, when the block ends."""
    command = [
        *(sys.executable, "-m", "sandbox.stripe"),
        *("--port", config.public_url.rpartition(":")[2]),
        *("--state-file", str(config.state_file)),
        *("--webhook-url", str(config.webhook_url)),
    ]
    secrets = environment(
        KAMENG_SANDBOX_STRIPE_API_KEY=API_KEY, KAMENG_SANDBOX_STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET
    )
    running = subprocess.Popen(command, env=secrets)
    try:
        await_health(config.public_url)
        yield running
    finally:
        running.kill()
        running.wait()


def await_health(url: str) -> None:
    """Wait until the server answers that it is well."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/healthz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the sandbox did not start")


async def test_a_killed_sandbox_remembers_payments_answers_and_undelivered_events(
    tmp_path: Path,
) -> None:
    shop, shop_socket = Shop(), listening_socket()
    shop_url = f"{url_of(shop_socket)}/webhook"
    config = SandboxConfig(
        api_key=API_KEY,
        webhook_secret=WEBHOOK_SECRET,
        public_url=f"http://127.0.0.1:{free_port()}",
        webhook_url=shop_url,
        state_file=tmp_path / "stripe.sqlite3",
    )
    async with desk_of(config) as desk:
        with process(config) as running:
            # The shop's socket listens but answers nothing yet: deliveries are cut off halfway.
            waiting = await desk.waiting("alipay", idempotency_key="attempt-1")
            await desk.fault(out_of_order={"hold": True}, refund_pending={"seconds": None})
            paid = await desk.paid()
            refund = await desk.client.v1.refunds.create_async({"payment_intent": paid.id})
            assert refund.status == "pending"
            running.kill()
            running.wait()
        with shop_socket, served(shop.app(), shop_socket), process(config):
            kept = await desk.client.v1.payment_intents.retrieve_async(waiting.id)
            assert (kept.status, kept.next_action) == (waiting.status, waiting.next_action)
            again = await desk.waiting("alipay", idempotency_key="attempt-1")
            assert again.id == waiting.id
            assert (await desk.approve(waiting.id)).json()["status"] == "succeeded"
            await eventually(lambda: "payment_intent.succeeded" in shop.types(about=paid.id))
            await eventually(lambda: "payment_intent.succeeded" in shop.types(about=waiting.id))
            await eventually(lambda: "refund.updated" in shop.types(about=refund.id))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "api_key: Field required; webhook_secret: Field required"),
        (
            {
                "KAMENG_SANDBOX_STRIPE_API_KEY": "sk_live_very_secret",
                "KAMENG_SANDBOX_STRIPE_WEBHOOK_SECRET": "whsec_x",
            },
            "the sandbox takes test keys only",
        ),
    ],
)
def test_wrong_settings_are_told_without_their_secrets(
    settings: dict[str, str], reason: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox.stripe"],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "very_secret" not in ended.stderr
