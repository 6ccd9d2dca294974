"""A payment's parts of the sale's statements; each writes where `ready` has a row.

`moment` gives the platform's time, and `ready` says that everything else is as it must be.
"""

from typing import Any
from uuid import UUID

from billing.payment_methods.base import ChannelReport
from billing.payment_rows import PAYMENT_COLUMNS, Payment, first_poll_after, terms

OPEN = """
the_payment as (
    insert into payments (id, tenant_id, purpose, order_id, customer_id, method, currency,
                          channel_minor, wallet_minor, fee_bp, provider, status, created_at,
                          next_poll_at, ended_at, description, return_url)
    select :payment_id::uuid, :tenant_id::uuid, :purpose::text, :order_id::uuid,
           :customer_id::uuid, :method::text, :currency::text, :channel_minor::bigint,
           :wallet_minor::bigint, :fee_bp::int, :provider::text, :payment_status::text, now,
           case when :channel_minor::bigint > 0 then now + :poll_after::interval end,
           case when :channel_minor::bigint = 0 then now end, :description::text,
           :return_url::text
    from ready, moment
)
"""
"""Writes a payment. One without a channel's part has succeeded with the statement."""

OPEN_FOR_ORDER = f"""
the_payment as (
    insert into payments (id, tenant_id, purpose, order_id, customer_id, method, currency,
                          channel_minor, fee_bp, provider, status, created_at, next_poll_at,
                          description, return_url)
    select :payment_id::uuid, :tenant_id::uuid, 'ORDER', unpaid_order.id,
           unpaid_order.customer_id, :method::text, unpaid_order.currency,
           unpaid_order.total_minor, :fee_bp::int, :provider::text, 'CREATED', moment.now,
           moment.now + :poll_after::interval, :description::text, :return_url::text
    from ready, moment, unpaid_order
    on conflict do nothing returning {PAYMENT_COLUMNS}
)
"""
"""Writes a payment by channel of all that `unpaid_order` costs. It has no row where somebody else
has opened one meanwhile."""

LOCK_WALLET = """
wallet as materialized (
    select id from ledger_accounts
    where id = :debited_account::uuid and {only_if} for no key update
)
"""
"""Locks the account that a wallet's payment will debit; `only_if` says when."""

LOCK_OPEN = """
open_payment as materialized (
    select locked.id from {after} cross join lateral (
        select payments.id, payments.status, payments.provider_ref from payments
        where payments.id = :payment_id::uuid offset 0 for no key update
    ) as locked
    where locked.status in ('CREATED', 'PENDING')
      and (locked.provider_ref is null or locked.provider_ref = any (:provider_refs::text[]))
)
"""
"""Locks a payment that waits for its money, where `after` has a row; else it has none."""

SUCCEED = """
the_payment as (
    update payments
    set status = 'SUCCEEDED', ended_at = moment.now, next_poll_at = null,
        provider_ref = :provider_ref::text
    from ready, moment where payments.id = :payment_id::uuid
)
"""
"""Ends a payment, which an earlier statement has locked, with success."""

RECORD = """
the_event as (
    insert into payment_events (provider, event_id, kind, payment_id, provider_ref, amount_minor,
                                currency, effect, received_at)
    select :event_provider::text, :event_id::text, :event_kind::text, :payment_id::uuid,
           :provider_ref::text, :event_amount::bigint, :event_currency::text, :effect::text, now
    from ready, moment
)
"""
"""Writes what the channel said, once: a second row of the same event is a unique violation."""


def opened(payment: Payment) -> dict[str, Any]:
    """Give the values of `OPEN`."""
    return {
        "payment_id": payment.id,
        "tenant_id": payment.tenant_id,
        "purpose": payment.purpose,
        "order_id": payment.order_id,
        "customer_id": payment.customer_id,
        "method": payment.method,
        "currency": payment.currency,
        "channel_minor": payment.channel_minor,
        "wallet_minor": payment.wallet_minor,
        "fee_bp": payment.fee_bp,
        "provider": payment.provider,
        "payment_status": payment.status,
        "poll_after": first_poll_after(payment.method),
        "description": payment.description,
        "return_url": payment.return_url,
    }


def opened_for_order(
    *, payment_id: UUID, tenant_id: UUID, method: str, description: str, return_url: str
) -> dict[str, Any]:
    """Give the values of `OPEN_FOR_ORDER`; `Invalid` for an unknown method."""
    fee_bp, provider = terms(method)
    return {
        "payment_id": payment_id,
        "tenant_id": tenant_id,
        "method": method,
        "fee_bp": fee_bp,
        "provider": provider,
        "poll_after": first_poll_after(method),
        "description": description,
        "return_url": return_url,
    }


def succeeded(payment: Payment, report: ChannelReport, *, effect: str) -> dict[str, Any]:
    """Give the values of `LOCK_OPEN`, `SUCCEED` and `RECORD`."""
    return event(report, payment_id=payment.id, effect=effect)


def event(report: ChannelReport, *, payment_id: UUID | None, effect: str) -> dict[str, Any]:
    """Give the values of an event's row."""
    return {
        "payment_id": payment_id,
        "provider_ref": report.provider_ref,
        "provider_refs": report.refs,
        "event_provider": report.provider,
        "event_id": report.event_id,
        "event_kind": report.kind,
        "event_amount": report.amount_minor,
        "event_currency": report.currency,
        "effect": effect,
    }
