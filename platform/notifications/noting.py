"""What came of a message: its attempt in the log, its next time, and its endpoint's health."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel import db
from kernel.ids import new_id
from kernel.log import get_logger, redact_text
from notifications import schedule
from notifications.claiming import Claimed

log = get_logger(__name__)

GONE: Final = 410
"""The receiver says that it will never listen here again."""
_ANSWER_LETTERS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one attempt ended; `failure` is a word for programs, None for a message that was taken.

    ADDRESS_REFUSED, TIMEOUT, CONNECTION_FAILED, TLS_FAILED, NOT_HTTP, REFUSED (by its status), and
    SECRET_LOST.
    """

    latency_ms: int
    status_code: int | None = None
    failure: str | None = None
    answer: str = ""


def readable(body: bytes) -> str:
    """The beginning of an answer, as text that is safe to show: printable, no secrets, no marks."""
    text = body.decode("utf-8", "replace").replace("\x00", "")
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return redact_text(plain)[:_ANSWER_LETTERS]


_END = """
update webhook_deliveries set claimed_until = null,
       status = case when $3 then 'DELIVERED' when $4::float8 is null then 'FAILED'
                     else 'PENDING' end,
       next_attempt_at = case when not $3 then platform_now() + make_interval(secs => $4) end,
       ended_at = case when $3 or $4 is null then platform_now() end
where id = $1 and attempts = $2 and status = 'PENDING'
"""
_LOG = """
insert into webhook_attempts (tenant_id, id, delivery_id, number, sent_at, status_code, latency_ms,
                              failure, answer)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (delivery_id, number) do nothing
"""
_WELL = """
update webhook_endpoints set failures_in_row = 0, failing_since = null, paused_until = null
where id = $1 and failures_in_row > 0
"""
_ILL = """
update webhook_endpoints set failures_in_row = failures_in_row + 1,
       failing_since = coalesce(failing_since, platform_now())
where id = $1
returning status, failures_in_row,
          platform_now() - failing_since > make_interval(secs => $2) as for_days
"""
_PAUSE = """
update webhook_endpoints set paused_until = platform_now() + make_interval(secs => $2) where id = $1
"""
_DISABLE = "update webhook_endpoints set status = 'DISABLED' where id = $1 and status = 'ACTIVE'"
_ALERT = "insert into webhook_alerts (tenant_id, id, endpoint_id, kind) values ($1, $2, $3, $4)"


async def note(claimed: Claimed, ending: Ending, *, sent_at: datetime, chance: float) -> None:
    """Write how an attempt ended; nothing if its claim was somebody else's meanwhile.

    `chance` is a number from 0 to 1 for the jitter.
    """
    taken = ending.failure is None
    wait = None
    if not taken and ending.status_code != GONE:
        wait = schedule.retry_after_seconds(tries=claimed.tries, chance=chance)
    async with db.transaction(db.core_scope(claimed.tenant_id)):
        if not await db.execute(_END, claimed.id, claimed.attempts, taken, wait):
            log.warning("webhook_claim_lost", delivery=str(claimed.id))
            return
        await _log_attempt(claimed, ending, sent_at)
        if taken:
            await db.execute(_WELL, claimed.endpoint_id)
        else:
            await _note_failure(claimed, gone=ending.status_code == GONE)


async def _log_attempt(claimed: Claimed, ending: Ending, sent_at: datetime) -> None:
    await db.execute(
        _LOG,
        claimed.tenant_id,
        new_id(),
        claimed.id,
        claimed.attempts,
        sent_at,
        ending.status_code,
        ending.latency_ms,
        ending.failure,
        ending.answer,
    )


async def _note_failure(claimed: Claimed, *, gone: bool) -> None:
    """Leave an endpoint alone for a while that fails again and again, and in the end for good."""
    endpoint_id = claimed.endpoint_id
    now = await db.fetch_row(_ILL, endpoint_id, float(schedule.DISABLED_AFTER_SECONDS))
    if now is None or now["status"] != "ACTIVE":
        return
    if gone or now["for_days"]:
        await db.execute(_DISABLE, endpoint_id)
        await _alert(claimed.tenant_id, endpoint_id, "DISABLED")
        return
    if pause := schedule.pause_seconds(now["failures_in_row"]):
        await db.execute(_PAUSE, endpoint_id, pause)
    if now["failures_in_row"] == schedule.PAUSED_AFTER_FAILURES:
        await _alert(claimed.tenant_id, endpoint_id, "PAUSED")


async def _alert(tenant_id: UUID, endpoint_id: UUID, kind: str) -> None:
    log.warning("webhook_endpoint_fails", endpoint=str(endpoint_id), kind=kind)
    await db.execute(_ALERT, tenant_id, new_id(), endpoint_id, kind)
