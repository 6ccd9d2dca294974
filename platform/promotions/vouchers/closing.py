"""A batch is stopped for a while, or ends: what nobody has redeemed goes back to its funder."""

from typing import Final, Literal
from uuid import UUID

from billing import debts, ledger
from billing.ledger import Entry
from billing.postings import vouchers as postings
from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.log import get_logger
from promotions.vouchers.batches import BATCH_COLUMNS, Batch, own_batch
from tenants.directory import Shop

log = get_logger(__name__)
ENDED_AT_ONCE: Final = 20
_OPEN: Final = ("ACTIVE", "BLOCKED")


async def block_batch(*, shop: Shop, batch_id: UUID, blocked: bool, by_platform: bool) -> None:
    """Stop the redemption of a batch, or let it go on; said again, it is done already.

    Raises `NotFound`, and `Invalid` for a batch that is over.
    """
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        batch = await own_batch(shop, batch_id, by_platform=by_platform)
        if batch.state not in _OPEN:
            raise Invalid("This batch is over.", field="batchId")
        await db.execute(
            "update voucher_batches set state = $3 where tenant_id = $1 and id = $2",
            shop.id,
            batch_id,
            "BLOCKED" if blocked else "ACTIVE",
        )


async def void_batch(*, shop: Shop, batch_id: UUID, by_platform: bool) -> None:
    """End a batch now; said again, it is done already. Raises `NotFound`, and `Invalid` for one
    that has ended by itself."""
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        batch = await own_batch(shop, batch_id, by_platform=by_platform)
        if batch.state == "ENDED":
            raise Invalid("This batch is over.", field="batchId")
        if batch.state in _OPEN:
            await _close(batch, "VOIDED")


async def end_due_batches() -> int:
    """End the batches whose time is over; returns how many there were."""
    rows = await db.read(
        db.every_tenant(reason="end batches of vouchers"),
        """select tenant_id, id from voucher_batches
           where state in ('ACTIVE', 'BLOCKED') and ends_at <= platform_now()
           order by ends_at, id limit $1""",
        ENDED_AT_ONCE,
    )
    for row in rows:
        try:
            await _end(row["tenant_id"], row["id"])
        except Exception as error:  # one bad row must not stop the others
            log.error("voucher_batch_not_ended", batch=str(row["id"]), exc_info=error)
    return len(rows)


async def _end(tenant_id: UUID, batch_id: UUID) -> None:
    async with db.transaction(db.core_scope(tenant_id)):
        row = await db.fetch_row(
            f"""select {BATCH_COLUMNS} from voucher_batches batch
                where batch.tenant_id = $1 and batch.id = $2
                  and batch.state in ('ACTIVE', 'BLOCKED') for no key update""",
            tenant_id,
            batch_id,
        )
        if row is not None:
            await _close(Batch(**row), "ENDED")


async def _close(batch: Batch, state: Literal["VOIDED", "ENDED"]) -> None:
    """Take back every code that nobody has redeemed, each under its own lock, and its money: a
    code that is being redeemed at this moment is one or the other."""
    returned = await db.execute(
        """update vouchers set returned_at = platform_now()
           where tenant_id = $1 and batch_id = $2 and redeemed_at is null""",
        batch.tenant_id,
        batch.id,
    )
    await db.execute(
        """update voucher_batches set state = $3, ended_at = platform_now()
           where tenant_id = $1 and id = $2""",
        batch.tenant_id,
        batch.id,
        state,
    )
    if returned:
        await ledger.post(
            await _given_back(batch, returned * batch.value_minor),
            kind="VOUCHER_UNREDEEMED",
            idempotency_key=f"voucher-batch-end:{batch.id}",
            tenant_id=batch.tenant_id,
        )
    crash_point("voucher.closed")


async def _given_back(batch: Batch, amount_minor: int) -> list[Entry]:
    """What nobody has redeemed, to its funder; what a shop owes by now is repaid first."""
    if batch.funder == "SHOP":
        to_funder = await debts.became_available(batch.tenant_id, batch.currency, amount_minor)
    else:
        to_funder = [ledger.credit(batch.funders_account, amount_minor)]
    return postings.unredeemed(batch=batch.account, to_funder=to_funder, amount_minor=amount_minor)
