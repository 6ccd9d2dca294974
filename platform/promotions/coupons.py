"""Which of the codes that a buyer names are good for an order, and what they take off it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from identity.contact import recognised
from kernel import crypto, db
from kernel.errors import Invalid, Refusal
from promotions.budgets import needs_by_party, short_parties
from promotions.code_spelling import spelt_code
from promotions.coupon_refusals import refusal_for
from promotions.discounts import (
    CouponKind,
    Discount,
    DiscountableLine,
    Payer,
    PayerKind,
    Terms,
    discounts_by_line,
    eligible_subtotal_minor,
)
from promotions.guesses import count_guesses, require_few_guesses
from tenants.directory import Shop

MAX_COUPONS: Final = 5
"""How many coupons an order takes."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose uses are counted: a customer, or a guest by the contact of the order.

    A quote asks a guest for no contact yet: `is_ordering` is False, and it is not missed.
    """

    customer_id: UUID | None = None
    contact: str | None = None
    is_ordering: bool = False
    ip: str | None = None  # by which guesses are counted

    def hash(self) -> bytes | None:
        """The name under which uses are counted; None for a guest without a usable contact."""
        if self.customer_id is not None:
            return crypto.blind_index("coupon-customer", str(self.customer_id))
        try:
            kind, account = recognised(self.contact or "")
        except Invalid:
            return None
        return crypto.blind_index(f"coupon-{kind}", account)


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon as a buyer has named it. What it promises never changes."""

    terms: Terms
    tenant_id: UUID
    name: str
    code: str
    code_id: UUID
    is_single: bool
    is_limited: bool
    places: int | None
    """How often one customer may use it; None: nobody counts."""
    first_order: bool
    guests: bool
    is_exclusive: bool
    returned_by_refund: bool

    @property
    def id(self) -> UUID:
        """The coupon's id."""
        return self.terms.coupon_id


@dataclass(frozen=True, slots=True)
class Applied:
    """What the codes of a buyer came to; `refused` has the others with the reason."""

    coupons: tuple[Coupon, ...]
    by_line: tuple[tuple[Discount, ...], ...]
    refused: tuple[tuple[str, Refusal], ...] = field(default=())


_FIND: Final = """
select code.code, code.id as code_id, code.is_single, coupon.id, coupon.tenant_id, coupon.name,
       coupon.kind, coupon.percent_bp, coupon.amount_minor, coupon.cap_minor,
       coupon.min_subtotal_minor, coupon.sku_ids, coupon.category_ids, coupon.first_order,
       coupon.guests, coupon.stacking, coupon.max_uses_per_customer, coupon.max_uses,
       coupon.returned_by_refund, coupon.currency,
       cardinality(coupon.tier_ids) = 0
           or exists (select from customers buyer
                      where buyer.tenant_id = current_tenant_id() and buyer.id = $4::uuid
                        and buyer.tier_id = any (coupon.tier_ids)) as is_of_tier,
       coupon.status = 'ACTIVE' and coupon.starts_at <= platform_now()
           and coupon.ends_at > platform_now() as is_honoured,
       (select array_agg(row(payer.kind::text, payer.party_id, payer.share_bp::int)
        order by payer.place) from coupon_payers payer where payer.coupon_id = coupon.id) as payers,
       coupon.max_uses is null
           or exists (select from coupon_slots slot
                      where slot.coupon_id = coupon.id and slot.use_id is null) as has_uses,
       coalesce((select count(*) from coupon_uses used
                 where used.coupon_id = coupon.id and used.holder = $3::bytea
                   and used.released_at is null) >= coupon.max_uses_per_customer, false)
           or exists (select from coupon_uses used
                      where used.single_code_id = code.id and used.released_at is null) as is_used,
       coupon.first_order and exists (select from orders
                                      where orders.tenant_id = current_tenant_id()
                                        and orders.customer_id = $4::uuid
                                        and orders.payment_status = 'PAID') as has_bought
from coupon_codes code join coupons coupon on coupon.id = code.coupon_id
where code.tenant_id = any ($1::uuid[]) and code.code = any ($2::text[])
  and payers_stand(coupon.id, $1::uuid[])
  and (coupon.reach = 'SUBTREE' or coupon.tenant_id = current_tenant_id())
order by array_position($1::uuid[], code.tenant_id) desc
"""


async def apply(
    shop: Shop,
    lines: Sequence[DiscountableLine],
    codes: Sequence[str],
    holder: Holder,
) -> Applied:
    """Take the coupons behind these codes off the lines, and say of each other one why not.

    A code of the shop's own comes before an ancestor's of the same spelling. Of two that do not go
    together the one that was named first is taken. In the shop's core scope, in a transaction of
    the caller's or none. Raises `Invalid` for more than `MAX_COUPONS` codes, and `RateLimited` for
    an address from which too many were guessed.
    """
    spelt = [spelt_code(code) for code in codes]
    if len(spelt) > MAX_COUPONS:
        raise Invalid(f"An order takes at most {MAX_COUPONS} coupons.", field="couponCodes")
    if holder.ip is not None:
        await require_few_guesses(holder.ip)
    counted = holder.hash()
    rows = await db.read(
        db.core_scope(shop.id, path=shop.path),
        _FIND,
        list(shop.path),
        spelt,
        counted,
        holder.customer_id,
    )
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        found.setdefault(row["code"], row)
    chosen = _Choice(shop, lines, holder, is_counted=counted is not None)
    for code in dict.fromkeys(spelt):
        chosen.consider(code, found.get(code))
    if holder.ip is not None:
        await count_guesses(holder.ip, chosen.refused)
    return await _within_budgets(shop, lines, chosen)


class _Choice:
    """Codes are considered one after the other; what was taken before stays."""

    def __init__(
        self, shop: Shop, lines: Sequence[DiscountableLine], holder: Holder, *, is_counted: bool
    ) -> None:
        self._shop = shop
        self._lines = lines
        self._holder = holder
        self._is_counted = is_counted
        self.coupons: list[Coupon] = []
        self.refused: list[tuple[str, Refusal]] = []

    def consider(self, code: str, row: Mapping[str, Any] | None) -> None:
        """Take the coupon, or note why it is refused."""
        coupon = _coupon(row) if row is not None else None
        if row is None or coupon is None or row["currency"] != self._shop.currency:
            self.refused.append((code, refusal_for("UNKNOWN", code)))
            return
        reason = self._state_refusal(row) or self._holder_refusal(coupon, row)
        reason = reason or self._order_refusal(coupon)
        if reason is None:
            self.coupons.append(coupon)
            return
        details = {}
        if reason == "MINIMUM":
            details = {"minimumMinor": coupon.terms.min_subtotal_minor}
        self.refused.append((code, refusal_for(reason, code, **details)))

    def drop(self, coupon: Coupon, reason: str) -> None:
        """Refuse a coupon that had been taken."""
        self.coupons.remove(coupon)
        self.refused.append((coupon.code, refusal_for(reason, coupon.code)))

    def _state_refusal(self, row: Mapping[str, Any]) -> str | None:
        if not row["is_honoured"]:
            return "ENDED"
        if row["is_used"]:
            return "USED"
        return None if row["has_uses"] else "EXHAUSTED"

    def _holder_refusal(self, coupon: Coupon, row: Mapping[str, Any]) -> str | None:
        is_guest = self._holder.customer_id is None
        if is_guest and not coupon.guests:
            return "CUSTOMERS_ONLY"
        if is_guest and coupon.places and self._holder.is_ordering and not self._is_counted:
            return "CONTACT"
        if not row["is_of_tier"]:
            return "TIER"
        return "NOT_FIRST" if row["has_bought"] else None

    def _order_refusal(self, coupon: Coupon) -> str | None:
        others = self.coupons
        if coupon.id in [other.id for other in others]:
            return "EXCLUSIVE"
        if others and (coupon.is_exclusive or any(other.is_exclusive for other in others)):
            return "EXCLUSIVE"
        subtotal_minor = eligible_subtotal_minor(self._lines, coupon.terms)
        if subtotal_minor == 0:
            return "GOODS"
        if subtotal_minor < coupon.terms.min_subtotal_minor:
            return "MINIMUM"
        together = discounts_by_line(self._lines, [other.terms for other in (*others, coupon)])
        taking = {discount.coupon_id for discounts in together for discount in discounts}
        return None if taking >= {other.id for other in (*others, coupon)} else "NOTHING"


def _coupon(row: Mapping[str, Any]) -> Coupon:
    terms = Terms(
        coupon_id=row["id"],
        kind=CouponKind(row["kind"]),
        value=row["percent_bp"] or row["amount_minor"],
        cap_minor=row["cap_minor"],
        min_subtotal_minor=row["min_subtotal_minor"],
        sku_ids=frozenset(row["sku_ids"]),
        category_ids=frozenset(row["category_ids"]),
        payers=tuple(Payer(PayerKind(kind), party, bp) for kind, party, bp in row["payers"]),
    )
    return Coupon(
        terms=terms,
        tenant_id=row["tenant_id"],
        name=row["name"],
        code=row["code"],
        code_id=row["code_id"],
        is_single=row["is_single"],
        is_limited=row["max_uses"] is not None,
        places=row["max_uses_per_customer"],
        first_order=row["first_order"],
        guests=row["guests"],
        is_exclusive=row["stacking"] == "EXCLUSIVE",
        returned_by_refund=row["returned_by_refund"],
    )


async def _within_budgets(
    shop: Shop, lines: Sequence[DiscountableLine], chosen: _Choice
) -> Applied:
    """Drop coupons whose payers' budgets do not hold as much, as far as can be seen now.

    The order's own statement is the referee; this spares the buyer a refusal.
    """
    while True:
        by_line = discounts_by_line(lines, [coupon.terms for coupon in chosen.coupons])
        needs = needs_by_party(discount for line in by_line for discount in line)
        short = await short_parties(shop, needs)
        if not short:
            return Applied(tuple(chosen.coupons), by_line, tuple(chosen.refused))
        chosen.drop(_last_of(chosen.coupons, by_line, short), "EXHAUSTED")


def _last_of(
    coupons: Sequence[Coupon],
    by_line: Sequence[Sequence[Discount]],
    short: set[UUID | None],
) -> Coupon:
    funded = {
        discount.coupon_id
        for line in by_line
        for discount in line
        for part in discount.parts
        if part.kind is not PayerKind.SHOP and part.party_id in short
    }
    return [coupon for coupon in coupons if coupon.id in funded][-1]
