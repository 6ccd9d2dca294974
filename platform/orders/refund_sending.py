"""Sending owed refunds back through their channels: the worker's part of every refund.

The refund's id is the channel's idempotency key, so that a crash at any step sends once. Only after
the channel has said that its balance is too small, a later question has another key; and whoever
tries a second time asks first whether the money is gone.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import Account
from billing.payment_methods import METHODS
from billing.payment_methods.base import ChannelRefused, ChannelShort, ChannelUnavailable
from billing.postings import bank as postings
from kernel import db, tries
from kernel.faults import crash_point
from kernel.log import get_logger
from orders import news, records

log = get_logger(__name__)

# Seconds to the next try after the n-th: quick at first, then every hour.
RETRY_AFTER_SECONDS: Final = (5, 15, 60, 300, 900, 3600)


@dataclass(frozen=True, slots=True)
class DueRefund:
    """A refund that a channel owes the buyer, less what a lost dispute has paid of it."""

    id: UUID
    tenant_id: UUID
    order_id: UUID | None
    currency: str
    channel_minor: int
    status: str
    refund_ref: str | None
    method: str
    provider: str
    payment_ref: str
    attempts: int
    asks: int


_CLAIM: Final = f"""{tries.claim("refunds")}
select c.id, c.tenant_id, c.order_id, c.currency,
       c.channel_minor - c.covered_minor as channel_minor, c.status,
       c.provider_ref as refund_ref, p.method, p.provider, p.provider_ref as payment_ref,
       c.attempts, c.asks
from claimed c join payments p on p.id = c.payment_id
"""


async def send_due_refunds(limit: int) -> int:
    """Try every refund whose time has come; returns how many were tried."""
    async with db.transaction(db.core_scope()):
        rows = await db.fetch(_CLAIM, limit, [float(seconds) for seconds in RETRY_AFTER_SECONDS])
    for row in rows:
        try:
            await _send(DueRefund(**row))
        except Exception as error:  # one bad row must not stop the others
            log.error("refund_not_sent", refund=str(row["id"]), exc_info=error)
    return len(rows)


async def _send(refund: DueRefund) -> None:
    method = METHODS[refund.method]
    try:
        if refund.refund_ref is None:
            refund_ref, done = (
                refund.attempts > 1
                and await method.find_refund(refund_id=refund.id, provider_ref=refund.payment_ref)
            ) or await method.refund(
                refund_id=refund.id,
                provider_ref=refund.payment_ref,
                amount_minor=refund.channel_minor,
                asks=refund.asks,
            )
        else:
            refund_ref = refund.refund_ref
            answer = await method.look_refund(refund_ref)
            if answer is False:
                raise ChannelRefused("failed")
            done = answer is True
    except ChannelShort:
        await _ask_anew(refund)
        return
    except ChannelUnavailable:
        return
    except ChannelRefused as refused:
        log.error("refund_refused", refund=str(refund.id), reason=str(refused))
        await _note(refund, status="FAILED", refund_ref=refund.refund_ref)
        return
    crash_point("refund.sent")
    await _note(refund, status="DONE" if done else "SENT", refund_ref=refund_ref)
    crash_point("refund.done")


async def _ask_anew(refund: DueRefund) -> None:
    """The channel would repeat its no to the same question, however much money comes."""
    async with db.transaction(db.core_scope(refund.tenant_id)):
        await db.execute(
            "update refunds set asks = asks + 1 where id = $1 and asks = $2",
            refund.id,
            refund.asks,
        )


# While a bank decides, the channel refunds nothing: that is no failure, and is tried again.
_IS_DISPUTED = """
exists (select from disputes kase
        where kase.payment_id = refunds.payment_id and kase.stopped_at is not null
          and kase.settled_at is null)
"""


async def _note(refund: DueRefund, *, status: str, refund_ref: str | None) -> None:
    """Write what the channel said; money leaves the ledger when it is done and not before."""
    async with db.transaction(db.core_scope(refund.tenant_id)):
        if status == "DONE":
            paid_from = accounts.paid_from(refund.provider, refund.currency)
            await end(refund, refund_ref=refund_ref, paid_from=paid_from)
        else:
            await _change(refund, status=status, refund_ref=refund_ref)
    if refund.order_id is not None:
        await news.order_changed(refund.tenant_id, refund.order_id)


async def end(refund: DueRefund, *, refund_ref: str | None, paid_from: Account) -> None:
    """Take a refund for done, inside a transaction: its money has left that account. Once."""
    if await _change(refund, status="DONE", refund_ref=refund_ref):
        await ledger.post(
            postings.paid_back(paid_from=paid_from, amount_minor=refund.channel_minor),
            kind="REFUND_SENT",
            idempotency_key=f"refund-sent:{refund.id}",
            tenant_id=refund.tenant_id,
            order_id=refund.order_id,
        )
        await settle_order_state(refund.order_id)


async def _change(refund: DueRefund, *, status: str, refund_ref: str | None) -> bool:
    """Set the refund's state, unless it has ended."""
    if refund.order_id is not None:
        # Two refunds of one order end one after the other, so that the last one sees both.
        await records.locked_order(refund.order_id)
    return bool(
        await db.execute(
            f"""update refunds
                  set status = case when $2 = 'FAILED' and {_IS_DISPUTED} then 'STOPPED'
                                    else $2 end,
                      provider_ref = coalesce($3, provider_ref),
                      next_attempt_at = case when $2 = 'SENT'
                                             then platform_now() + $4::interval end,
                      done_at = case when $2 = 'DONE' then platform_now() end
               where id = $1 and status in ('DUE', 'SENT')""",
            refund.id,
            status,
            refund_ref,
            timedelta(seconds=RETRY_AFTER_SECONDS[1]),
        )
    )


async def settle_order_state(order_id: UUID | None) -> None:
    """The order is no longer REFUNDING once none of its refunds is on its way."""
    await db.execute(
        """update orders set version = version + 1,
                  aftersale_status = case when refunded_minor = total_minor then 'REFUNDED'
                                          else 'PARTIALLY_REFUNDED' end
           where id = $1 and aftersale_status = 'REFUNDING'
             and not exists (select 1 from refunds where order_id = $1 and line_id is not null
                             and status in ('DUE', 'SENT', 'STOPPED'))""",
        order_id,
    )
