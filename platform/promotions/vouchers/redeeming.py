"""A code becomes money in a wallet: once, whoever types it, however often."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from billing import accounts, ledger
from billing.postings import vouchers as postings
from identity.attempts import count_attempt, require_few, subscriber
from kernel import clear_codes, db
from kernel.faults import crash_point
from promotions.vouchers.batches import BATCH_COLUMNS, CODE_LENGTH, Batch, code_hash
from promotions.vouchers.refusals import VoucherRefused, refusal_of
from tenants.directory import Shop

GUESSES: Final = 20
"""Codes that there are not, of one customer and of one subscriber."""
WINDOW_SECONDS: Final = 15 * 60


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a code has brought, in minor units."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class _Voucher:
    """A code's row with its batch. `is_early` and `is_late` were read on the database's clock."""

    id: UUID
    batch: Batch
    customer_id: UUID | None
    is_returned: bool
    is_early: bool
    is_late: bool

    def refusal(self, shop: Shop, customer_id: UUID) -> VoucherRefused | None:
        """Why it cannot be redeemed by anybody here; None where it can, as far as is known."""
        reason = None
        if self.customer_id is not None and self.customer_id != customer_id:
            reason = "USED"
        elif self.is_returned or self.is_late:
            reason = "ENDED"
        elif self.batch.currency != shop.currency:
            reason = "OTHER_CURRENCY"
        elif self.batch.state == "BLOCKED":
            reason = "BLOCKED"
        elif self.is_early:
            reason = "NOT_STARTED"
        return refusal_of(reason) if reason else None


async def redeem(*, shop: Shop, customer_id: UUID, code: str, ip: str) -> Redeemed:
    """Put a code's worth into the customer's wallet; the same customer's again is done already.

    Raises `VoucherRefused`, and `RateLimited` for who has tried too many codes that there are not.
    """
    counters = _counters(customer_id, ip)
    for counter in counters:
        await require_few(**counter)
    spelt = clear_codes.spelt(code)
    is_code = len(spelt) == CODE_LENGTH and clear_codes.is_clear(spelt)
    voucher = await _found(shop, code_hash(spelt)) if is_code else None
    if voucher is None:
        for counter in counters:
            await count_attempt(**counter)
        raise refusal_of(await _why_not_here(code_hash(spelt)))
    refusal = voucher.refusal(shop, customer_id)
    if refusal is not None:
        raise refusal
    if voucher.customer_id is None:
        await _take(voucher, customer_id)
    return Redeemed(voucher.batch.value_minor, voucher.batch.currency)


def _counters(customer_id: UUID, ip: str) -> list[dict[str, Any]]:
    """Who tries: the customer, and whoever sits at the address."""
    return [
        {
            "scope": "voucher-code",
            "subject": subject,
            "limit": GUESSES,
            "window_seconds": WINDOW_SECONDS,
        }
        for subject in (str(customer_id), subscriber(ip))
    ]


_FIND: Final = f"""
select {BATCH_COLUMNS}, voucher.id as voucher_id, voucher.customer_id,
       voucher.returned_at is not null as is_returned, batch.starts_at > platform_now() as is_early,
       batch.ends_at <= platform_now() as is_late
from vouchers voucher
join voucher_batches batch on (batch.tenant_id, batch.id) = (voucher.tenant_id, voucher.batch_id)
where voucher.code_hash = $1 and voucher.tenant_id = $2
"""


async def _found(shop: Shop, hashed: bytes) -> _Voucher | None:
    rows = await db.read(db.core_scope(shop.id, path=shop.path), _FIND, hashed, shop.id)
    if not rows:
        return None
    *batch, voucher_id, customer_id, is_returned, is_early, is_late = rows[0].values()
    return _Voucher(voucher_id, Batch(*batch), customer_id, is_returned, is_early, is_late)


async def _why_not_here(hashed: bytes) -> str:
    """Whoever holds a code of another shop's is told so; it says nothing about that shop."""
    rows = await db.read(
        db.every_tenant(reason="a voucher is redeemed in the shop that it is for"),
        "select true from vouchers where code_hash = $1",
        hashed,
    )
    return "OTHER_SHOP" if rows else "UNKNOWN"


# Of all who come at once with one code the first changes the row, and the others wait for it and
# find it changed. Of one customer with several codes each takes a place of its own: two who have
# counted alike meet on a unique index, and the second counts anew.
TAKE: Final = """
update vouchers set customer_id = $3, redeemed_at = platform_now(),
       place = case when batch.most_per_customer is not null then counted.codes + 1 end
from voucher_batches batch,
     (select count(*) as codes from vouchers mine
      where mine.tenant_id = $1 and mine.batch_id = $4 and mine.customer_id = $3) as counted
where vouchers.tenant_id = $1 and vouchers.id = $2
  and vouchers.redeemed_at is null and vouchers.returned_at is null
  and batch.tenant_id = $1 and batch.id = $4 and batch.state = 'ACTIVE'
  and batch.ends_at > platform_now()
  and (batch.most_per_customer is null or counted.codes < batch.most_per_customer)
"""
_STATE: Final = """
select vouchers.customer_id, batch.state, batch.most_per_customer
from vouchers join voucher_batches batch
    on (batch.tenant_id, batch.id) = (vouchers.tenant_id, vouchers.batch_id)
where vouchers.tenant_id = $1 and vouchers.id = $2
"""


async def _take(voucher: _Voucher, customer_id: UUID) -> None:
    tries = (voucher.batch.most_per_customer or 0) + 1
    for _ in range(tries):
        try:
            await _take_once(voucher, customer_id)
        except asyncpg.UniqueViolationError as met:
            if met.constraint_name != "vouchers_of_customer":
                raise
        else:
            return
    raise refusal_of("LIMIT")


async def _take_once(voucher: _Voucher, customer_id: UUID) -> None:
    batch = voucher.batch
    async with db.transaction(db.core_scope(batch.tenant_id)):
        if not await db.execute(TAKE, batch.tenant_id, voucher.id, customer_id, batch.id):
            reason = await _why_gone(voucher, customer_id)
            if reason is not None:
                raise refusal_of(reason)
            return
        crash_point("voucher.taken")
        await ledger.post(
            postings.redeemed(
                batch=batch.account,
                wallet=accounts.wallet(customer_id, batch.currency),
                amount_minor=batch.value_minor,
            ),
            kind="VOUCHER_REDEEMED",
            idempotency_key=f"voucher:{voucher.id}",
            tenant_id=batch.tenant_id,
        )
    crash_point("voucher.committed")


async def _why_gone(voucher: _Voucher, customer_id: UUID) -> str | None:
    """What has become of a code since it was looked at; None where this customer has it."""
    row = await db.fetch_row(_STATE, voucher.batch.tenant_id, voucher.id)
    assert row is not None
    if row["customer_id"] is not None:
        return None if row["customer_id"] == customer_id else "USED"
    if row["state"] != "ACTIVE":
        return "BLOCKED" if row["state"] == "BLOCKED" else "ENDED"
    return "LIMIT" if row["most_per_customer"] is not None else "ENDED"
