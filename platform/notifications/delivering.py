"""Sending claimed messages: each is asked for, signed, sent once, and its end is noted.

No network inside a transaction: a claim commits, then the endpoint is called, then what came of it
is written, if the claim is still ours. A worker that dies in between has sent once too often at
most, and the message is the same, so its receiver knows it.
"""

import asyncio
import random
from typing import Final

from kernel import outward
from kernel.clock import utc_now
from kernel.crypto import CannotDecrypt
from kernel.faults import crash_point
from kernel.log import get_logger
from notifications import claiming, messages, noting, signing
from notifications.claiming import Claimed

log = get_logger(__name__)

SENT_AT_ONCE: Final = 32
"""By one worker."""
ANSWER_SECONDS: Final = 10.0
ANSWER_BYTES: Final = 500


class Dispatcher:
    """One worker's messages on their way: so many at once, and never one after another.

    A slow endpoint keeps its own few places busy; the rest goes on.
    """

    def __init__(self, *, at_once: int = SENT_AT_ONCE) -> None:
        self._at_once = at_once
        self._under_way: set[asyncio.Task[None]] = set()

    async def send_webhooks(self) -> int:
        """Claim what is due, as much as there are places, and begin to send it.

        Says how many were begun, or 1 when one has ended meanwhile: then there may be more to do.
        """
        places = self._at_once - len(self._under_way)
        claimed = await claiming.claim(places) if places else []
        if claimed:
            crash_point("webhook.claimed")
        for one in claimed:
            task = asyncio.create_task(_send(one))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        if claimed or not self._under_way:
            return len(claimed)
        done, _ = await asyncio.wait(
            self._under_way, timeout=0.5, return_when=asyncio.FIRST_COMPLETED
        )
        return 1 if done else 0

    async def finish(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._under_way)


async def _send(claimed: Claimed) -> None:
    try:
        sent_at = utc_now()
        ending = await _call(claimed)
        crash_point("webhook.sent")
        await noting.note(claimed, ending, sent_at=sent_at, chance=random.random())  # noqa: S311 - jitter
        crash_point("webhook.noted")
    except Exception as error:  # one bad row must not stop the others; its lease ends by itself
        log.error("webhook_not_sent", delivery=str(claimed.id), exc_info=error)


async def _call(claimed: Claimed) -> noting.Ending:
    try:
        body = await messages.body_of(claimed)
        secrets = [
            signing.unseal(sealed, endpoint_id=claimed.endpoint_id)
            for sealed in claimed.sealed_secrets
        ]
        headers = signing.headers_of(
            event_id=messages.event_id(claimed.event_id),
            now=utc_now(),
            body=body,
            secrets_of_endpoint=secrets,
        )
        answer = await outward.call(
            claimed.url,
            headers=headers,
            content=body,
            timeout_seconds=ANSWER_SECONDS,
            keep_bytes=ANSWER_BYTES,
        )
    except outward.CallFailed as failed:
        return noting.Ending(failure=failed.reason, latency_ms=failed.latency_ms)
    except CannotDecrypt:
        return noting.Ending(failure="SECRET_LOST", latency_ms=0)
    taken = 200 <= answer.status_code < 300
    return noting.Ending(
        status_code=answer.status_code,
        failure=None if taken else "REFUSED",
        latency_ms=answer.latency_ms,
        answer="" if claimed.is_confidential else noting.readable(answer.body),
    )
