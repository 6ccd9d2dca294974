"""A payment's rows: opened before the channel is asked, ended once, looked after until then.

Everything here runs inside the caller's transaction and asks no network.
"""

from uuid import UUID

from billing import accounts, ledger, payment_parts
from billing.ledger import Account
from billing.payment_methods.base import ChannelReport
from billing.payment_rows import PAYMENT_COLUMNS as PAYMENT_COLUMNS
from billing.payment_rows import POLL_AFTER_SECONDS as POLL_AFTER_SECONDS
from billing.payment_rows import Payment as Payment
from billing.payment_rows import draft as draft
from kernel import db
from kernel.statements import Statement

_OPEN_ALONE = Statement.of(
    "moment as materialized (select platform_now() as now), ready as (select 1)",
    payment_parts.OPEN,
    then="select 1",
)


async def open_payment(payment: Payment) -> Payment:
    """Write down what a channel will be asked; a wallet's part is held with it.

    Raises `InsufficientBalance` when the wallet does not hold its part.
    """
    await db.execute(_OPEN_ALONE.sql, *_OPEN_ALONE.values(payment_parts.opened(payment)))
    if payment.wallet_minor:
        assert payment.customer_id is not None
        free = accounts.wallet(payment.customer_id, payment.currency)
        await ledger.require(free, payment.wallet_minor, field="walletAmount")
        await _hold_wallet(payment, free)
    return payment


def wallet_account(payment: Payment) -> Account | None:
    """Where the wallet's part of a payment is taken from when it settles; None without one."""
    if not payment.wallet_minor:
        return None
    assert payment.customer_id is not None
    if payment.channel_minor:
        return accounts.wallet_held(payment.customer_id, payment.currency)
    return accounts.wallet(payment.customer_id, payment.currency)


async def _hold_wallet(payment: Payment, free: Account) -> None:
    assert payment.customer_id is not None
    held = accounts.wallet_held(payment.customer_id, payment.currency)
    await ledger.post(
        [ledger.debit(free, payment.wallet_minor), ledger.credit(held, payment.wallet_minor)],
        kind="WALLET_HOLD",
        idempotency_key=f"wallet-hold:{payment.id}",
        tenant_id=payment.tenant_id,
        order_id=payment.order_id,
    )


async def _void_wallet_hold(payment: Payment) -> None:
    assert payment.customer_id is not None
    free = accounts.wallet(payment.customer_id, payment.currency)
    held = accounts.wallet_held(payment.customer_id, payment.currency)
    await ledger.post(
        [ledger.debit(held, payment.wallet_minor), ledger.credit(free, payment.wallet_minor)],
        kind="WALLET_VOID",
        idempotency_key=f"wallet-void:{payment.id}",
        tenant_id=payment.tenant_id,
        order_id=payment.order_id,
    )


_ASKED = f"""
with noted as (
    update payments set provider_ref = $2,
           status = case when status = 'CREATED' then 'PENDING' else status end
    where id = $1 and (provider_ref is null or provider_ref = $2)
    returning {PAYMENT_COLUMNS}
)
select * from noted
union all
select * from (
    select {PAYMENT_COLUMNS} from payments
    where id = $1 and not exists (select from noted) for no key update
) as of_another_id
"""


async def asked(payment_id: UUID, *, provider_ref: str) -> Payment:
    """Note the channel's own id of a payment, unless it has another; the payment as it is now."""
    row = await db.fetch_row(_ASKED, payment_id, provider_ref)
    assert row is not None
    return Payment(**row)


async def end(payment: Payment, *, status: str, provider_ref: str | None = None) -> None:
    """End an open payment; what it held of the wallet is freed unless it succeeded.

    A superseded or canceled payment is still asked about for a while: its money may come late.
    """
    await db.execute(
        """update payments
           set status = $2::text, ended_at = platform_now(),
               provider_ref = coalesce(provider_ref, $3),
               next_poll_at = case when $2::text in ('SUCCEEDED', 'FAILED', 'UNAPPLIED') then null
                                   else next_poll_at end
           where id = $1""",
        payment.id,
        status,
        provider_ref,
    )
    if payment.wallet_minor and payment.open and status != "SUCCEEDED":
        await _void_wallet_hold(payment)


async def stop_asking(payment_id: UUID) -> None:
    """The channel has said its last word."""
    await db.execute("update payments set next_poll_at = null where id = $1", payment_id)


# The channel's id counts first. Where we stored none yet (a crash, or an answer that was lost), or
# another one, the payment's id inside the channel's metadata finds it: the caller compares.
_BY_REPORT = f"""
select {PAYMENT_COLUMNS} {{more}} from payments
where provider = $1 and (provider_ref = $2 or id = $3)
order by (provider_ref = $2) desc nulls last limit 1 {{lock}}
"""
_LOCKED_BY_REPORT = _BY_REPORT.format(
    more=""", exists (select from payment_events
                      where provider = $1 and event_id = $4) as is_heard""",
    lock="for no key update",
)
_FIND_BY_REPORT = _BY_REPORT.format(more="", lock="")


async def locked_by_report(report: ChannelReport) -> tuple[Payment | None, bool]:
    """The payment that a channel speaks of, locked, and whether this event had its effect already.

    None when it is none of ours. Where the payment itself had to be waited for, the second answer
    may be from before the wait.
    """
    row = await db.fetch_row(
        _LOCKED_BY_REPORT,
        report.provider,
        report.provider_ref,
        report.payment_id,
        report.event_id,
    )
    if row is None:
        return None, False
    values = dict(row)
    is_heard: bool = values.pop("is_heard")
    return Payment(**values), is_heard


async def find_by_report(report: ChannelReport) -> Payment | None:
    """The same without a lock, in a round trip of its own: which tenant and order to lock first."""
    rows = await db.read(
        db.core_scope(), _FIND_BY_REPORT, report.provider, report.provider_ref, report.payment_id
    )
    return Payment(**rows[0]) if rows else None


async def of_order(order_id: UUID) -> list[Payment]:
    """All payments of an order, the newest first, locked."""
    rows = await db.fetch(
        f"""select {PAYMENT_COLUMNS} from payments where order_id = $1
            order by created_at desc, id desc for no key update""",
        order_id,
    )
    return [Payment(**row) for row in rows]


async def of_order_unlocked(order_id: UUID) -> list[Payment]:
    """All payments of an order, the newest first, for looking at."""
    rows = await db.fetch(
        f"""select {PAYMENT_COLUMNS} from payments where order_id = $1
            order by created_at desc, id desc""",
        order_id,
    )
    return [Payment(**row) for row in rows]


async def locked(payment_id: UUID) -> Payment:
    """One payment, locked until the transaction ends."""
    row = await db.fetch_row(
        f"select {PAYMENT_COLUMNS} from payments where id = $1 for no key update", payment_id
    )
    assert row is not None
    return Payment(**row)


async def by_id(payment_id: UUID) -> Payment | None:
    """One payment."""
    row = await db.fetch_row(f"select {PAYMENT_COLUMNS} from payments where id = $1", payment_id)
    return Payment(**row) if row is not None else None


async def record(
    report: ChannelReport, *, payment_id: UUID | None, effect: str, note: str = ""
) -> None:
    """Write the event's row: it commits with its effect, and a second one is a unique violation."""
    await db.execute(
        """insert into payment_events (provider, event_id, kind, payment_id, provider_ref,
                                       amount_minor, currency, effect, note)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        report.provider,
        report.event_id,
        report.kind,
        payment_id,
        report.provider_ref,
        report.amount_minor,
        report.currency,
        effect,
        note,
    )


async def heard_before(report: ChannelReport) -> bool:
    """True when this event has had its effect already."""
    found = await db.fetch_value(
        "select 1 from payment_events where provider = $1 and event_id = $2",
        report.provider,
        report.event_id,
    )
    return found is not None
