"""Coupons as their issuer, the shops below and customers see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import cursors, db
from kernel.errors import NotFound
from promotions.budgets import short_parties
from promotions.coupons import Holder
from tenants.directory import Shop

SHOWN_TO_CUSTOMERS: Final = 50
"""How many listed coupons a customer is shown at most, those that end first."""


@dataclass(frozen=True, slots=True)
class PayerView:
    """Who bears which part, in basis points."""

    kind: str
    party_id: UUID | None
    share_bp: int


@dataclass(frozen=True, slots=True)
class CouponTerms:
    """For whom and what a coupon is good: the words in which it was issued.

    The ids are the own coupon's only, and empty for "everything": an ancestor may name goods that
    it does not show the shop.
    """

    reach: str
    sku_ids: tuple[UUID, ...] | None
    category_ids: tuple[UUID, ...] | None
    tier_ids: tuple[UUID, ...] | None
    max_uses_per_customer: int | None
    guests: bool
    returned_by_refund: bool


@dataclass(frozen=True, slots=True)
class CouponView:
    """A coupon. Of an ancestor's, who pays and how often it was used is not the shop's to know."""

    id: UUID
    name: str
    kind: str
    percent_bp: int | None
    amount_minor: int | None
    cap_minor: int | None
    currency: str
    min_subtotal_minor: int
    first_order: bool
    stacking: str
    starts_at: datetime
    ends_at: datetime
    status: str
    created_at: datetime
    is_own: bool
    code: str | None
    max_uses: int | None
    uses: int | None
    payers: tuple[PayerView, ...]
    terms: CouponTerms


@dataclass(frozen=True, slots=True)
class CouponPage:
    """A page of coupons, the newest first."""

    rows: tuple[CouponView, ...]
    cursors: tuple[str, ...]
    has_next: bool


_IDS: Final = ("sku_ids", "category_ids", "tier_ids")
_TERMS: Final = (*_IDS, "reach", "max_uses_per_customer", "guests", "returned_by_refund")
# The columns of another tenant's coupon that cost it something are not read at all.
_VIEW: Final = """
select coupon.id, coupon.name, coupon.kind, coupon.percent_bp, coupon.amount_minor,
       coupon.cap_minor, coupon.currency, coupon.min_subtotal_minor, coupon.first_order,
       coupon.stacking, coupon.starts_at, coupon.ends_at, coupon.status, coupon.created_at,
       coupon.tenant_id = current_tenant_id() as is_own,
       (select code from coupon_codes code
        where code.coupon_id = coupon.id and not code.is_single order by code.id limit 1) as code,
       case when coupon.tenant_id = current_tenant_id() then coupon.max_uses end as max_uses,
       case when coupon.tenant_id = current_tenant_id() and coupon.max_uses is not null then
           (select count(*) from coupon_slots slot
            where slot.coupon_id = coupon.id and slot.use_id is not null) end as uses,
       case when coupon.tenant_id = current_tenant_id() then
           (select array_agg(row(payer.kind::text, payer.party_id, payer.share_bp::int)
                             order by payer.place)
            from coupon_payers payer where payer.coupon_id = coupon.id) end as payers,
       coupon.reach, coupon.max_uses_per_customer, coupon.guests, coupon.returned_by_refund,
       case when coupon.tenant_id = current_tenant_id() then coupon.sku_ids end as sku_ids,
       case when coupon.tenant_id = current_tenant_id() then coupon.category_ids end
           as category_ids,
       case when coupon.tenant_id = current_tenant_id() then coupon.tier_ids end as tier_ids
from coupons coupon
where coupon.tenant_id = any ((select current_path())::uuid[])
  and (coupon.reach = 'SUBTREE' or coupon.tenant_id = current_tenant_id())
"""
_PAGE: Final = f"""
{_VIEW} and ($1::timestamptz is null or (coupon.created_at, coupon.id) < ($1, $2::uuid))
order by coupon.created_at desc, coupon.id desc limit $3
"""
# Whatever the customer could not use in any order is left out.
_FOR_CUSTOMER: Final = f"""
{_VIEW} and coupon.listed and coupon.status = 'ACTIVE' and coupon.currency = $1
  and coupon.starts_at <= platform_now() and coupon.ends_at > platform_now()
  and exists (select from coupon_codes code where code.coupon_id = coupon.id and not code.is_single)
  and payers_stand(coupon.id, (select current_path())::uuid[])
  and (coupon.max_uses is null
       or exists (select from coupon_slots slot
                  where slot.coupon_id = coupon.id and slot.use_id is null))
  and (coupon.max_uses_per_customer is null
       or coupon.max_uses_per_customer
          > (select count(*) from coupon_uses used
             where used.coupon_id = coupon.id and used.holder = $3::bytea
               and used.released_at is null))
  and (cardinality(coupon.tier_ids) = 0
       or (select tier_id from customers buyer
           where buyer.tenant_id = current_tenant_id() and buyer.id = $4) = any (coupon.tier_ids))
  and not (coupon.first_order
           and exists (select from orders
                       where orders.tenant_id = current_tenant_id() and orders.customer_id = $4
                         and orders.payment_status = 'PAID'))
order by coupon.ends_at, coupon.id limit $2
"""
# Nobody's budget is told: only whether there is anything in it.
_BUDGETS: Final = """
select coupon_id, array_agg(distinct party_id) filter (where kind <> 'SHOP') as parties
from coupon_payers
where coupon_id = any ($1::uuid[]) and (kind <> 'SUPPLIER' or party_id is not null)
group by coupon_id
"""
_ONE_OWN: Final = f"{_VIEW} and coupon.id = $1 and coupon.tenant_id = current_tenant_id()"


async def coupons_page(*, shop: Shop, first: int | None, after: str | None) -> CouponPage:
    """The shop's own coupons and those that the shops above give for it."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=shop.id, about="coupons")
    rows = await db.read(
        db.core_scope(shop.id, path=shop.path),
        _PAGE,
        datetime.fromisoformat(place[0]) if place else None,
        UUID(place[1]) if place else None,
        size + 1,
    )
    shown = tuple(_view(row) for row in rows[:size])
    marks = tuple(
        cursors.write([one.created_at.isoformat(), str(one.id)], tenant_id=shop.id, about="coupons")
        for one in shown
    )
    return CouponPage(shown, marks, len(rows) > size)


async def coupons_for_customer(shop: Shop, customer_id: UUID) -> list[CouponView]:
    """The coupons that a shop shows a customer, those that end first.

    Those that are used up, by everybody or by this customer, or behind which there is no money, are
    left out.
    """
    rows = await db.read(
        db.core_scope(shop.id, path=shop.path),
        _FOR_CUSTOMER,
        shop.currency,
        SHOWN_TO_CUSTOMERS,
        Holder(customer_id).hash(),
        customer_id,
    )
    unpaid = await _without_money(shop, [row["id"] for row in rows])
    return [_view(row) for row in rows if row["id"] not in unpaid]


async def _without_money(shop: Shop, coupon_ids: list[UUID]) -> set[UUID]:
    """The coupons that one of their payers cannot pay a minor unit for."""
    if not coupon_ids:
        return set()
    rows = await db.read(db.core_scope(shop.id, path=shop.path), _BUDGETS, coupon_ids)
    parties = {row["coupon_id"]: set(row["parties"] or ()) for row in rows}
    short = await short_parties(shop, {party: 1 for many in parties.values() for party in many})
    return {coupon_id for coupon_id, payers in parties.items() if payers & short}


async def own_coupon(coupon_id: UUID) -> CouponView:
    """One coupon of the scope's own tenant; `NotFound` for anybody else's, inherited or not."""
    row = await db.fetch_row(_ONE_OWN, coupon_id)
    if row is None:
        raise NotFound("There is no such coupon.", field="couponId")
    return _view(row)


def _view(row: Mapping[str, Any]) -> CouponView:
    known = dict(row)
    payers = tuple(PayerView(*payer) for payer in known.pop("payers") or ())
    terms = {name: known.pop(name) for name in _TERMS}
    terms |= {name: _ids(terms[name]) for name in _IDS}
    return CouponView(**known, payers=payers, terms=CouponTerms(**terms))


def _ids(given: Sequence[UUID] | None) -> tuple[UUID, ...] | None:
    return None if given is None else tuple(given)
