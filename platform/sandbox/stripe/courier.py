"""The courier: delivers signed events until a 2xx, and does what the provider does by itself."""

import asyncio
import hmac
import sqlite3
from hashlib import sha256

import httpx
import orjson

from sandbox.stripe import attempts, mail, refunds, session_buyer, sessions, timers
from sandbox.stripe.clock import now_seconds
from sandbox.stripe.server import Sandbox
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

_MOST_AT_ONCE = 32
_ANSWER_TIMEOUT_SECONDS = 10.0


def signature(*, payload: bytes, secret: str, timestamp: int) -> str:
    """Sign a payload as Stripe does: HMAC-SHA256 over `timestamp.payload`."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + payload, sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


class Courier:
    """Carries what is owed, at least once; what a crash interrupts is carried again."""

    def __init__(self, sandbox: Sandbox, client: httpx.AsyncClient) -> None:
        self._sandbox = sandbox
        self._client = client
        self._under_way: set[int] = set()

    async def run(self) -> None:
        """Deliver what is due, and wait for what comes next, until cancelled."""
        self._resume()
        async with asyncio.TaskGroup() as group:
            while True:
                self._sandbox.mail_waits.clear()
                work = self._sandbox.work()
                _end_timers(work)
                for delivery in self._due(work):
                    self._under_way.add(delivery["id"])
                    group.create_task(self._carry(delivery))
                await self._wait(work)

    async def deliver(self, delivery: sqlite3.Row) -> Json:
        """Make one attempt, record it, and give what is recorded."""
        store = self._sandbox.store
        event = store.get(kind="event", object_id=delivery["event_id"])
        attempted_at = now_seconds()
        status_code, error = await self._post(orjson.dumps(event), timestamp=int(attempted_at))
        with store.transaction():
            mail.record_attempt(
                store,
                delivery=delivery,
                attempted_at=attempted_at,
                status_code=status_code,
                error=error,
            )
        return {"event_id": event["id"], "status_code": status_code, "error": error}

    async def _post(self, payload: bytes, *, timestamp: int) -> tuple[int | None, str | None]:
        config = self._sandbox.config
        signed = signature(payload=payload, secret=config.webhook_secret, timestamp=timestamp)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": signed,
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = await self._client.post(
                config.webhook_url or "",
                content=payload,
                headers=headers,
                timeout=_ANSWER_TIMEOUT_SECONDS,
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return None, f"{type(error).__name__}: {error}"
        return answer.status_code, None

    async def _carry(self, delivery: sqlite3.Row) -> None:
        try:
            await self.deliver(delivery)
        finally:
            self._under_way.discard(delivery["id"])
            self._sandbox.mail_waits.set()

    def _resume(self) -> None:
        """Faults end with the process, so what they held up before a restart goes on now."""
        work = self._sandbox.work()
        with work.store.transaction():
            mail.release_held(work.store, now=work.now)
            timers.end_open_ended(work)

    def _due(self, work: Work) -> list[sqlite3.Row]:
        # Those under way are still pending in the store, so they may fill the first rows.
        found = mail.due(work.store, now=work.now, limit=_MOST_AT_ONCE)
        waiting = [delivery for delivery in found if delivery["id"] not in self._under_way]
        return waiting[: _MOST_AT_ONCE - len(self._under_way)]

    async def _wait(self, work: Work) -> None:
        moment = mail.next_due_at(work.store, after=work.now)
        timeout_seconds = None if moment is None else max(0.0, moment - now_seconds())
        try:
            await asyncio.wait_for(self._sandbox.mail_waits.wait(), timeout_seconds)
        except TimeoutError:
            return


def _end_timers(work: Work) -> None:
    if not timers.are_due(work):
        return
    with work.store.transaction():
        for step, object_id in timers.take_due(work):
            noun, _, outcome = step.partition(".")
            succeeded = outcome == "succeeded"
            if noun == "refund":
                refunds.end_pending(work, refund_id=object_id, succeeded=succeeded)
            elif noun == "session":
                sessions.end_at_its_time(work, session_id=object_id)
            else:
                attempts.end_processing(work, intent_id=object_id, succeeded=succeeded)
                session_buyer.end_processing(work, intent_id=object_id, succeeded=succeeded)
