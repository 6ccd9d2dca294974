"""A payment's rows: opened before the channel is asked, ended once, looked after until then.

Nothing here asks the network. `asked_alone` and `record_nothing` are transactions of their own, and
`find_by_report` reads in a round trip of its own; everything else runs inside the caller's
transaction.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from billing import accounts, ledger, payment_parts
from billing.ledger import Account
from billing.payment_methods import INSTALMENT, TRADE
from billing.payment_methods.base import ChannelReport
from billing.payment_methods.disputes import DisputeReport
from billing.payment_rows import PAYMENT_COLUMNS as PAYMENT_COLUMNS
from billing.payment_rows import POLL_AFTER_SECONDS as POLL_AFTER_SECONDS
from billing.payment_rows import Payment as Payment
from billing.payment_rows import draft as draft
from kernel import db
from kernel.fence import FENCE
from kernel.statements import Statement

_OPEN = Statement.of(
    "moment as materialized (select platform_now() as now), ready as (select 1)",
    payment_parts.OPEN,
    then="select 1",
)


async def open_payment(payment: Payment) -> Payment:
    """Write down what a channel will be asked; a wallet's part is held with it.

    Raises `InsufficientBalance` when the wallet does not hold its part.
    """
    await db.execute(_OPEN.sql, *_OPEN.values(payment_parts.opened(payment)))
    if payment.wallet_minor and payment.channel_minor:
        assert payment.customer_id is not None
        free = accounts.wallet(payment.customer_id, payment.currency)
        await ledger.require(free, payment.wallet_minor, field="walletAmount")
        await _hold_wallet(payment, free)
    return payment


def wallet_account(payment: Payment) -> Account | None:
    """Where the wallet's part of a payment is taken from when it settles; None without one."""
    if not payment.wallet_minor:
        return None
    if payment.method == TRADE:
        return free_balance(payment)
    assert payment.customer_id is not None
    if payment.channel_minor:
        return accounts.wallet_held(payment.customer_id, payment.currency)
    return accounts.wallet(payment.customer_id, payment.currency)


def free_balance(payment: Payment) -> Account:
    """Where the wallet's part of a payment goes back to: the customer's, the shop's own, or what is
    owed in instalments."""
    if payment.method == TRADE:
        return accounts.trade(payment.tenant_id, payment.currency)
    if payment.method == INSTALMENT:
        assert payment.order_id is not None
        return accounts.instalment(payment.order_id, payment.currency)
    assert payment.customer_id is not None
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


_NOTE = f"""
noted as (
    update payments set provider_ref = :provider_ref::text,
           status = case when status = 'CREATED' then 'PENDING' else status end
    from ready
    where id = :payment_id::uuid and (provider_ref is null or provider_ref = :provider_ref::text)
    returning {PAYMENT_COLUMNS}
)
"""
_NOTED = f"""
select * from noted
union all
select * from (
    select {PAYMENT_COLUMNS} from payments
    where id = :payment_id::uuid and not exists (select from noted) for no key update
) as of_another_id
"""
_ASKED = Statement.of("ready as (select 1)", _NOTE, then=_NOTED)
_ASKED_ALONE = Statement.of(
    FENCE, "ready as (select 1 from fence where raised is not null)", _NOTE, then=_NOTED
)


async def asked(payment_id: UUID, *, provider_ref: str) -> Payment:
    """Note the channel's own id of a payment, unless it has another; the payment as it is now."""
    values = {"payment_id": payment_id, "provider_ref": provider_ref}
    row = await db.fetch_row(_ASKED.sql, *_ASKED.values(values))
    assert row is not None
    return Payment(**row)


async def asked_alone(payment: Payment, *, provider_ref: str) -> Payment:
    """The same as a transaction of its own."""
    values = {"payment_id": payment.id, "provider_ref": provider_ref}
    (row,) = await db.write(db.core_scope(payment.tenant_id), _ASKED_ALONE, values)
    return Payment(**row)


async def end(payment: Payment, *, status: str, provider_ref: str | None = None) -> None:
    """End an open payment; what it held of the wallet is freed unless it succeeded.

    `provider_ref` is what the channel calls it from now on: the caller has compared it with ours.

    A superseded or canceled payment is still asked about for a while: its money may come late.
    """
    await db.execute(
        """update payments
           set status = $2::text, ended_at = platform_now(),
               provider_ref = coalesce($3, provider_ref),
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
select {PAYMENT_COLUMNS}, exists (select from payment_events
                                  where provider = $1 and event_id = $4) as is_heard
from payments
where provider = $1 and (provider_ref = any ($2::text[]) or id = $3)
order by (provider_ref = any ($2::text[])) desc nulls last limit 1
"""
_LOCKED_BY_REPORT = f"{_BY_REPORT} for no key update"


async def locked_by_report(report: ChannelReport) -> tuple[Payment | None, bool]:
    """The payment that a channel speaks of, locked, and whether this event had its effect already.

    None when it is none of ours. Where the payment itself had to be waited for, the second answer
    may be from before the wait.
    """
    rows = await db.fetch(_LOCKED_BY_REPORT, *_naming(report))
    return _found(rows)


async def find_by_report(report: ChannelReport) -> tuple[Payment | None, bool]:
    """The same without a lock, in a round trip of its own: which tenant and order to look at.

    An event that has had its effect has it for good; one that had none may have it meanwhile.
    """
    return _found(await db.read(db.core_scope(), _BY_REPORT, *_naming(report)))


async def find_by_ref(provider: str, provider_ref: str) -> Payment | None:
    """The payment that a channel knows by this id, in a round trip of its own."""
    rows = await db.read(
        db.core_scope(),
        f"select {PAYMENT_COLUMNS} from payments where provider = $1 and provider_ref = $2",
        provider,
        provider_ref,
    )
    return Payment(**rows[0]) if rows else None


def _naming(report: ChannelReport) -> tuple[object, ...]:
    return report.provider, report.refs, report.payment_id, report.event_id


def _found(rows: Sequence[Mapping[str, Any]]) -> tuple[Payment | None, bool]:
    if not rows:
        return None, False
    values = dict(rows[0])
    is_heard: bool = values.pop("is_heard")
    return Payment(**values), is_heard


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


_RECORD = """
insert into payment_events (provider, event_id, kind, payment_id, provider_ref, amount_minor,
                            currency, effect, note)
select :event_provider::text, :event_id::text, :event_kind::text, :payment_id::uuid,
       :provider_ref::text, :event_amount::bigint, :event_currency::text, :effect::text,
       :note::text
"""
_RECORD_EVENT = Statement(_RECORD)
_RECORD_NOTHING = Statement.of(
    FENCE, then=f"{_RECORD} from fence where raised is not null on conflict do nothing"
)


async def record(
    report: ChannelReport, *, payment_id: UUID | None, effect: str, note: str = ""
) -> None:
    """Write the event's row: it commits with its effect, and a second one is a unique violation."""
    values = payment_parts.event(report, payment_id=payment_id, effect=effect) | {"note": note}
    await db.execute(_RECORD_EVENT.sql, *_RECORD_EVENT.values(values))


async def record_nothing(report: ChannelReport, payment: Payment) -> None:
    """Write the row of an event without effect, once, as a transaction of its own."""
    values = payment_parts.event(report, payment_id=payment.id, effect="NOTHING") | {"note": ""}
    await db.write(db.core_scope(payment.tenant_id), _RECORD_NOTHING, values)


async def record_dispute(report: DisputeReport, *, payment_id: UUID, effect: str) -> None:
    """Write what was heard of a dispute, once: what it came to, and what was said in words."""
    await db.execute(
        """insert into payment_events (provider, event_id, kind, payment_id, provider_ref,
                                       amount_minor, currency, effect, note)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing""",
        report.provider,
        report.event_id,
        report.kind,
        payment_id,
        report.provider_ref,
        report.amount_minor,
        report.currency,
        effect,
        report.state,
    )


async def heard_before(report: ChannelReport) -> bool:
    """True when this event has had its effect already."""
    found = await db.fetch_value(
        "select 1 from payment_events where provider = $1 and event_id = $2",
        report.provider,
        report.event_id,
    )
    return found is not None
