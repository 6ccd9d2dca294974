"""Issuing coupons, and saying whether they are honoured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Forbidden, Invalid
from kernel.ids import new_id
from kernel.money import BASIS_POINTS, MAX_AMOUNT_MINOR
from promotions.codes import required_spelling, write_shared_code
from promotions.discounts import CouponKind, Payer, PayerKind
from promotions.models import CouponReach, CouponStacking, CouponStatus
from promotions.queries import CouponView, own_coupon
from tenants.directory import Shop

LONGEST_NAME: Final = 80
MOST_PAYERS: Final = 5
MOST_USES: Final = 100_000
MOST_USES_PER_CUSTOMER: Final = 100
MOST_GOODS: Final = 100
MOST_COUPONS: Final = 1_000
"""Of one shop, those that are over not counted."""
LONGEST_WINDOW: Final = timedelta(days=731)
_SLOTS_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class CouponWish:
    """A coupon as somebody wants to issue it; `value` is basis points or minor units.

    Without payers the shop pays for a coupon of its own shop, and its budget for one of its whole
    subtree. `max_uses` None: only the budget and the customers' own limits count.
    """

    name: str
    kind: CouponKind
    value: int
    starts_at: datetime
    ends_at: datetime
    reach: CouponReach = CouponReach.SHOP
    cap_minor: int | None = None
    sku_ids: Sequence[UUID] = ()
    category_ids: Sequence[UUID] = ()
    tier_ids: Sequence[UUID] = ()
    first_order: bool = False
    min_subtotal_minor: int = 0
    max_uses: int | None = None
    max_uses_per_customer: int | None = None
    guests: bool = False
    stacking: CouponStacking = CouponStacking.EXCLUSIVE
    returned_by_refund: bool = True
    listed: bool = False
    code: str | None = None
    payers: Sequence[Payer] = ()


async def create_coupon(*, shop: Shop, wish: CouponWish, by_operator: bool) -> CouponView:
    """Issue a coupon of this shop.

    A shop spends its own money only: its margin on its own sales, its budget anywhere below. Who
    else pays is an operator's decision, who has asked them. Raises `Invalid`, `Forbidden`.
    """
    _require_sensible(wish)
    code = required_spelling(wish.code) if wish.code is not None else None
    payers = tuple(wish.payers) or _usual_payers(shop, wish.reach)
    _require_payers(shop, wish, payers, by_operator=by_operator)
    coupon_id = new_id()
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await _require_known_suppliers(payers)
        await _require_known_tiers(wish.tier_ids)
        await _require_room(shop.id)
        await _write(shop, coupon_id, wish)
        await _write_payers(shop.id, coupon_id, payers)
        await _write_slots(coupon_id, wish.max_uses or 0)
        if code is not None:
            await write_shared_code(tenant_id=shop.id, coupon_id=coupon_id, code=code)
        return await own_coupon(coupon_id)


async def set_coupon_status(*, shop: Shop, coupon_id: UUID, status: CouponStatus) -> CouponView:
    """Pause or resume a coupon of the shop's own; orders that have used it keep it.

    Raises `NotFound`.
    """
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await db.execute(
            "update coupons set status = $2 where id = $1 and tenant_id = current_tenant_id()",
            coupon_id,
            str(status),
        )
        return await own_coupon(coupon_id)


def _usual_payers(shop: Shop, reach: CouponReach) -> tuple[Payer, ...]:
    if reach is CouponReach.SHOP:
        return (Payer(PayerKind.SHOP, None, BASIS_POINTS),)
    if len(shop.path) == 1:
        return (Payer(PayerKind.PLATFORM, None, BASIS_POINTS),)
    return (Payer(PayerKind.TENANT, shop.id, BASIS_POINTS),)


def _require_sensible(wish: CouponWish) -> None:
    if not (1 <= len(wish.name) <= LONGEST_NAME and wish.name.isprintable()):
        raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
    most = BASIS_POINTS if wish.kind is CouponKind.PERCENT else MAX_AMOUNT_MINOR
    if not 1 <= wish.value <= most:
        raise Invalid("A coupon takes off a part of the price, or an amount.", field="value")
    if wish.cap_minor is not None and (wish.kind is CouponKind.FIXED or wish.cap_minor < 1):
        raise Invalid("Only a percentage has a cap, of at least one minor unit.", field="cap")
    if not 0 <= wish.min_subtotal_minor <= MAX_AMOUNT_MINOR:
        raise Invalid("A minimum cannot be negative.", field="minimum")
    if not timedelta(0) < wish.ends_at - wish.starts_at <= LONGEST_WINDOW:
        raise Invalid("A coupon ends after it begins, and within two years.", field="endsAt")
    if max(len(wish.sku_ids), len(wish.category_ids), len(wish.tier_ids)) > MOST_GOODS:
        raise Invalid(f"At most {MOST_GOODS} ids.", field="skuIds")
    if wish.max_uses is not None and not 1 <= wish.max_uses <= MOST_USES:
        raise Invalid(f"A coupon has 1 to {MOST_USES} uses.", field="maxUses")
    _require_sensible_customers(wish)


def _require_sensible_customers(wish: CouponWish) -> None:
    each = wish.max_uses_per_customer
    if each is not None and not 1 <= each <= MOST_USES_PER_CUSTOMER:
        raise Invalid(
            f"A customer has 1 to {MOST_USES_PER_CUSTOMER} uses.", field="maxUsesPerCustomer"
        )
    if wish.tier_ids and (wish.guests or wish.reach is not CouponReach.SHOP):
        raise Invalid("Tiers are for customers of the shop itself.", field="tierIds")
    if wish.first_order and wish.guests:
        raise Invalid("A first order is a customer's: a guest has no history.", field="guests")


def _require_payers(
    shop: Shop, wish: CouponWish, payers: Sequence[Payer], *, by_operator: bool
) -> None:
    if len(payers) > MOST_PAYERS or any(payer.share_bp < 1 for payer in payers):
        raise Invalid(f"One to {MOST_PAYERS} payers share a coupon.", field="payers")
    if sum(payer.share_bp for payer in payers) != BASIS_POINTS:
        raise Invalid("The payers' parts add up to 10000 basis points.", field="payers")
    if len({(payer.kind, payer.party_id) for payer in payers}) < len(payers):
        raise Invalid("A payer stands twice.", field="payers")
    for payer in payers:
        if payer.kind is PayerKind.TENANT and payer.party_id not in shop.path:
            raise Invalid("Only the shop and those above it can pay.", field="payers")
        if not by_operator and not _spends_its_own(payer, shop, wish):
            raise Forbidden("Who else pays is for an operator to decide.", field="payers")


def _spends_its_own(payer: Payer, shop: Shop, wish: CouponWish) -> bool:
    if payer.kind is PayerKind.SHOP:
        return wish.reach is CouponReach.SHOP
    return payer.kind is PayerKind.TENANT and payer.party_id == shop.id


async def _require_known_suppliers(payers: Sequence[Payer]) -> None:
    wanted = [payer.party_id for payer in payers if payer.kind is PayerKind.SUPPLIER]
    named = [supplier_id for supplier_id in wanted if supplier_id is not None]
    known: int = await db.fetch_value("select count(*) from suppliers where id = any ($1)", named)
    if known != len(named):
        raise Invalid("There is no such supplier.", field="payers")


async def _require_known_tiers(tier_ids: Sequence[UUID]) -> None:
    known: int = await db.fetch_value(
        """select count(*) from membership_tiers
           where tenant_id = current_tenant_id() and id = any ($1) and retired_at is null""",
        list(tier_ids),
    )
    if known != len(set(tier_ids)):
        raise Invalid("There is no such tier.", field="tierIds")


async def _require_room(tenant_id: UUID) -> None:
    """Who issues a coupon of the same shop at the same time waits here, and is counted, too."""
    await db.execute("select from tenants where id = $1 for no key update", tenant_id)
    known: int = await db.fetch_value(
        "select count(*) from coupons where tenant_id = $1 and ends_at > platform_now()", tenant_id
    )
    if known >= MOST_COUPONS:
        raise Invalid(f"A shop has at most {MOST_COUPONS} coupons that are not over.")


async def _write(shop: Shop, coupon_id: UUID, wish: CouponWish) -> None:
    is_percent = wish.kind is CouponKind.PERCENT
    await db.execute(
        """insert into coupons (tenant_id, id, name, kind, percent_bp, amount_minor, cap_minor,
                                currency, reach, sku_ids, category_ids, first_order,
                                min_subtotal_minor, max_uses, max_uses_per_customer, guests,
                                stacking, returned_by_refund, listed, starts_at, ends_at,
                                tier_ids)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                   $18, $19, $20, $21, $22)""",
        shop.id,
        coupon_id,
        wish.name,
        str(wish.kind),
        wish.value if is_percent else None,
        None if is_percent else wish.value,
        wish.cap_minor,
        shop.currency,
        str(wish.reach),
        list(wish.sku_ids),
        list(wish.category_ids),
        wish.first_order,
        wish.min_subtotal_minor,
        wish.max_uses,
        wish.max_uses_per_customer,
        wish.guests,
        str(wish.stacking),
        wish.returned_by_refund,
        wish.listed,
        wish.starts_at,
        wish.ends_at,
        list(wish.tier_ids),
    )


async def _write_payers(tenant_id: UUID, coupon_id: UUID, payers: Sequence[Payer]) -> None:
    await db.execute(
        """insert into coupon_payers (tenant_id, coupon_id, place, kind, party_id, share_bp)
           select $1, $2, payer.place, payer.kind, payer.party_id, payer.share_bp
           from unnest($3::text[], $4::uuid[], $5::int[]) with ordinality
                as payer (kind, party_id, share_bp, place)""",
        tenant_id,
        coupon_id,
        [str(payer.kind) for payer in payers],
        [payer.party_id for payer in payers],
        [payer.share_bp for payer in payers],
    )


async def _write_slots(coupon_id: UUID, uses: int) -> None:
    """A place for each use, in statements of a bounded size."""
    for first in range(1, uses + 1, _SLOTS_AT_ONCE):
        await db.execute(
            "insert into coupon_slots (coupon_id, slot) select $1, generate_series($2::int, $3)",
            coupon_id,
            first,
            min(first + _SLOTS_AT_ONCE - 1, uses),
        )
