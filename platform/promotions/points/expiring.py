"""Points end: what they were worth is the shop's again (E4)."""

from uuid import UUID

from billing import accounts, debts, ledger
from billing.ledger import Account, Entry, credit, debit
from kernel import db
from kernel.ids import new_id
from kernel.log import get_logger

log = get_logger(__name__)

_SHOPS_WITH_DUE = """
select due.tenant_id, tenants.currency, tenants.parent_id is null as is_root, program.point_minor
from (select distinct tenant_id from points_lots
      where left_points > 0 and expires_at <= platform_now()) as due
join tenants on tenants.id = due.tenant_id
join points_programs program on program.tenant_id = due.tenant_id
"""
# A lot that an order is drawing on now is passed over, and looked at again.
_END = """
with due as (
    select tenant_id, id, customer_id, left_points from points_lots
    where tenant_id = $1 and left_points > 0 and expires_at <= platform_now()
    order by expires_at limit $2
    for no key update skip locked
), ended as (
    update points_lots lot set left_points = 0
    from due where lot.tenant_id = due.tenant_id and lot.id = due.id
), noted as (
    insert into points_moves (tenant_id, customer_id, lot_id, kind, points, moved_at)
    select tenant_id, customer_id, id, 'EXPIRED', -left_points, platform_now() from due
)
select count(*) as lots, coalesce(sum(left_points), 0)::bigint as points from due
"""


async def expire_points(at_most: int) -> int:
    """End the lots whose time is over, up to so many of each shop; returns how many.

    A shop whose points cannot be ended is logged and passed over.
    """
    scope = db.every_tenant(reason="find shops whose customers' points have ended")
    async with db.transaction(scope, read_only=True):
        shops = await db.fetch(_SHOPS_WITH_DUE)
    ended = 0
    for shop in shops:
        try:
            ended += await _expire(at_most=at_most, **dict(shop))
        except Exception as error:  # one bad row must not stop the others
            log.error("points_not_ended", tenant=str(shop["tenant_id"]), exc_info=error)
    return ended


async def _expire(
    *, tenant_id: UUID, currency: str, is_root: bool, point_minor: int, at_most: int
) -> int:
    async with db.transaction(db.core_scope(tenant_id)):
        ended = await db.fetch_row(_END, tenant_id, at_most)
        assert ended is not None
        worth_minor = ended["points"] * point_minor
        if worth_minor:
            posting_id = new_id()
            await ledger.post(
                [
                    debit(accounts.points(tenant_id, currency), worth_minor),
                    *await given_to_shop(tenant_id, currency, worth_minor, is_root=is_root),
                ],
                kind="POINTS_EXPIRED",
                idempotency_key=f"points-expired:{posting_id}",
                tenant_id=tenant_id,
                posting_id=posting_id,
            )
    lots: int = ended["lots"]
    return lots


def shops_money(tenant_id: UUID, currency: str, *, is_root: bool) -> Account:
    """What a shop may use; the platform's own shop has its margin."""
    if is_root:
        return accounts.revenue("WHOLESALE_MARGIN", currency)
    return accounts.party_available(tenant_id, currency)


async def given_to_shop(
    tenant_id: UUID, currency: str, amount_minor: int, *, is_root: bool
) -> list[Entry]:
    """The credits of what a shop may use from now on; what it owes is repaid first."""
    if is_root:
        return [credit(shops_money(tenant_id, currency, is_root=True), amount_minor)]
    return await debts.became_available(tenant_id, currency, amount_minor)
