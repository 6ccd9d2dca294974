"""Refunds that their channel has refused for good: an operator gives the money in another way.

A card that has been closed, a payment that is too old: nobody asks the channel again, and the buyer
is owed all the same. The money goes into the buyer's wallet, or by bank, and the order is done with
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import Account
from billing.postings import bank as postings
from kernel import cursors, db
from kernel.errors import Invalid, NotFound
from orders import news, records, refund_sending
from orders.disputed import disputed

Way = Literal["WALLET", "BANK"]
_ABOUT: Final = "failed refunds"
_REASON: Final = "an operator gives what a channel has refused to give back"


@dataclass(frozen=True, slots=True)
class FailedRefund:
    """A refund that a channel has refused; what of it is still owed, in minor units. `given_as` is
    the way in which an operator has given it."""

    id: UUID
    tenant_id: UUID
    order_id: UUID | None
    order_no: str | None
    payment_id: UUID
    method: str
    reason: str
    currency: str
    owed_minor: int
    customer_id: UUID | None
    created_at: datetime
    given_as: Way | None


@dataclass(frozen=True, slots=True)
class FailedPage:
    """A page of them, the newest first."""

    rows: tuple[FailedRefund, ...]
    cursors: tuple[str, ...]
    has_next: bool


_SELECT: Final = """
select refund.id, refund.tenant_id, refund.order_id, orders.no::text as order_no,
       refund.payment_id, payment.method::text as method, refund.reason::text as reason,
       refund.currency::text as currency,
       (refund.channel_minor - refund.covered_minor)::bigint as owed_minor, payment.customer_id,
       refund.created_at, refund.given_as
from refunds refund
join payments payment on payment.id = refund.payment_id
left join orders on orders.id = refund.order_id and orders.tenant_id = refund.tenant_id
"""
_PAGE: Final = f"""
{_SELECT}
where refund.status = 'FAILED' and ($1::uuid is null or refund.id < $1)
  and ($3::uuid is null or refund.tenant_id = $3)
order by refund.id desc limit $2
"""
_ONE: Final = f"""
{_SELECT}
where refund.id = $1 and (refund.status = 'FAILED' or refund.given_as is not null)
"""
_CASE_IS_OPEN: Final = """
select exists (select from disputes
               where payment_id = $1 and stopped_at is not null and settled_at is null)
"""
_GIVE: Final = """
update refunds set status = 'DONE', done_at = platform_now(), given_as = $2, given_by = $3
where id = $1 and status = 'FAILED' and channel_minor - covered_minor = $4
"""


async def failed_page(
    *, first: int | None, after: str | None, of: UUID | None = None
) -> FailedPage:
    """A page of the refunds of a shop (`of`), or of all, that wait for an operator. Raises
    `Invalid`."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=of, about=_ABOUT)
    scope = db.every_tenant(reason=_REASON)
    found = await db.read(scope, _PAGE, UUID(place[0]) if place else None, size + 1, of)
    shown = tuple(_refund(row) for row in found[:size])
    marks = tuple(cursors.write([str(one.id)], tenant_id=of, about=_ABOUT) for one in shown)
    return FailedPage(shown, marks, has_next=len(found) > size)


async def give(*, refund_id: UUID, way: Way, actor: str) -> None:
    """Give a refused refund into the buyer's wallet, or note that it was transferred by bank.

    The same word again changes nothing. Raises `NotFound`, `Invalid` where the other was decided
    before or where nobody has a wallet, `OrderDisputed` while a bank may pay it.
    """
    refund = await _found(refund_id)
    if refund.given_as == way:
        return
    given_from = _given_from(refund, way)
    async with db.transaction(db.core_scope(refund.tenant_id)):
        if refund.order_id is not None:
            await records.locked_order(refund.order_id)
        if await db.fetch_value(_CASE_IS_OPEN, refund.payment_id):
            raise disputed("refundId")
        if not await db.execute(_GIVE, refund.id, way, actor, refund.owed_minor):
            raise Invalid("This refund has been decided.", field="refundId")
        await ledger.post(
            postings.paid_back(paid_from=given_from, amount_minor=refund.owed_minor),
            kind="REFUND_SENT",
            idempotency_key=f"refund-sent:{refund.id}",
            tenant_id=refund.tenant_id,
            order_id=refund.order_id,
        )
        if refund.order_id is not None:
            await refund_sending.settle_order_state(refund.order_id)
    if refund.order_id is not None:
        await news.order_changed(refund.tenant_id, refund.order_id)


def _given_from(refund: FailedRefund, way: Way) -> Account:
    if way == "BANK":
        return accounts.bank(refund.currency)
    if refund.customer_id is None:
        raise Invalid("No customer's wallet can take this: send it.", field="toWallet")
    return accounts.wallet(refund.customer_id, refund.currency)


async def _found(refund_id: UUID) -> FailedRefund:
    rows = await db.read(db.every_tenant(reason=_REASON), _ONE, refund_id)
    if not rows:
        raise NotFound("There is no such refund.", field="refundId")
    return _refund(rows[0])


def _refund(row: Mapping[str, Any]) -> FailedRefund:
    return FailedRefund(**row)
