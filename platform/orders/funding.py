"""Who pays what a discount takes off: held when the order is made, spent when it is paid (E3, E4).

Money of a budget is held like a wallet's: `L:PROMO` to `L:PROMO_HELD` while the order waits, into
escrow with the sale, back when the order ends unpaid, and back by parts with every refund. Points
are taken out of their lots when the order is made; `L:POINTS` moves with the sale.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import Account, Entry, credit, debit, merged
from billing.payment_methods import dearest_fee_bp
from kernel import db
from kernel.ids import new_id
from offers.quotes import QuotedLine
from orders.records import Funding, Line, Order
from promotions.discounts import (
    Discount,
    Part,
    PayerKind,
    least_net_minor,
    shop_funded_minor,
    with_gap_moved,
)
from tenants.directory import Shop

FundingState = Literal["FREE", "HELD"]
POINTS: Final = "POINTS"
"""The funder of what is paid with points: its party is the shop, which owes them."""
REPLACEMENT: Final = "REPLACEMENT"
"""The funder of what the replacement of a bad key has cost more: its supplier, by the deposit."""


class CouponGone(Exception):
    """A coupon, or points, that an expired order gave back are not to be had again."""


def bearable(quoted: QuotedLine, shop: Shop, *, commission_minor: int) -> tuple[Discount, ...]:
    """The line's discounts, with what the shop's margin cannot bear moved to its own budget.

    The guard G5 of domain 2: after discounts, commission and the dearest channel fee nobody's
    share is negative. Where the root sells, its budget is the platform's.
    """
    given_minor = shop_funded_minor(quoted.discounts)
    if not given_minor:
        return quoted.discounts
    least_minor = least_net_minor(
        to_cover_minor=quoted.sourcing.costs[-1] * quoted.quantity + commission_minor,
        fee_bp=dearest_fee_bp(shop.payment_methods),
    )
    if least_minor is None:
        return quoted.discounts
    gap_minor = min(max(least_minor - (quoted.list_minor - given_minor), 0), given_minor)
    if not gap_minor:
        return quoted.discounts
    is_root = len(shop.path) == 1
    budget = Part(
        PayerKind.PLATFORM if is_root else PayerKind.TENANT, None if is_root else shop.id, 0
    )
    return with_gap_moved(quoted.discounts, gap_minor=gap_minor, to=budget)


def fundings_of(discounts: Iterable[Discount]) -> tuple[Funding, ...]:
    """The parts of discounts that are paid out of budgets."""
    return tuple(
        Funding(new_id(), part.kind, part.party_id, part.amount_minor)
        for discount in discounts
        for part in discount.parts
        if part.kind is not PayerKind.SHOP
    )


def redemption_of(quoted: QuotedLine, shop: Shop) -> tuple[Funding, ...]:
    """What points pay of a line, if any do."""
    if not quoted.redeemed_minor:
        return ()
    return (Funding(new_id(), POINTS, shop.id, quoted.redeemed_minor),)


@dataclass(frozen=True, slots=True)
class Given:
    """A part of what is taken off a line, as its row says it."""

    line_id: UUID
    source: Literal["COUPON", "POINTS"]
    coupon_id: UUID | None
    amount_minor: int
    funder_kind: str
    funder_id: UUID | None


def given_by_coupons(line_id: UUID, discounts: Iterable[Discount]) -> list[Given]:
    """Every payer's part of every coupon."""
    return [
        Given(line_id, "COUPON", one.coupon_id, part.amount_minor, str(part.kind), part.party_id)
        for one in discounts
        for part in one.parts
    ]


def given_by_points(line_id: UUID, redemption: Iterable[Funding]) -> list[Given]:
    """What points pay."""
    return [
        Given(line_id, POINTS, None, one.amount_minor, one.kind, one.party_id) for one in redemption
    ]


def discount_values(given: Sequence[Given]) -> dict[str, Any]:
    """Give the values of `parts.WRITE_DISCOUNTS`."""
    return {
        "discount_ids": [new_id() for _ in given],
        "discount_lines": [one.line_id for one in given],
        "discount_sources": [one.source for one in given],
        "discount_coupons": [one.coupon_id for one in given],
        "discount_amounts": [one.amount_minor for one in given],
        "discount_kinds": [one.funder_kind for one in given],
        "discount_parties": [one.funder_id for one in given],
    }


def of_budgets(fundings: Iterable[Funding]) -> list[Funding]:
    """Those that are paid out of budgets."""
    return [one for one in fundings if one.kind != POINTS]


def needs(fundings: Iterable[Funding]) -> dict[UUID | None, int]:
    """What each budget gives, in minor units; None: the platform's."""
    by_party: dict[UUID | None, int] = {}
    for funding in of_budgets(fundings):
        by_party[funding.party_id] = by_party.get(funding.party_id, 0) + funding.left_minor
    return by_party


def account_of(funding: Funding, currency: str) -> Account:
    """What a funder pays out of when nothing is held, and gets its part back on."""
    if funding.kind == POINTS:
        assert funding.party_id is not None
        return accounts.points(funding.party_id, currency)
    if funding.kind == REPLACEMENT:
        assert funding.party_id is not None
        return accounts.deposit_free(funding.party_id, currency)
    return accounts.promo(funding.party_id, currency)


def into_escrow(fundings: Iterable[Funding], *, currency: str, state: FundingState) -> list[Entry]:
    """E3, E4: what others pay goes into escrow with the buyer's money."""
    taken = merged(
        debit(
            accounts.promo_held(one.party_id, currency)
            if state == "HELD" and one.kind != POINTS
            else account_of(one, currency),
            one.left_minor,
        )
        for one in fundings
    )
    total_minor = sum(entry.amount_minor for entry in taken)
    return [*taken, credit(accounts.escrow(currency), total_minor)] if taken else []


def hold_entries(fundings: Iterable[Funding], *, currency: str) -> list[Entry]:
    """Hold what others pay for an order that waits for its payment."""
    return merged(
        entry
        for party_id, amount_minor in needs(fundings).items()
        for entry in (
            debit(accounts.promo(party_id, currency), amount_minor),
            credit(accounts.promo_held(party_id, currency), amount_minor),
        )
    )


def hold_posting(
    fundings: Iterable[Funding], *, currency: str, order_id: UUID, tenant_id: UUID
) -> dict[str, Any]:
    """Give the values of `ledger.POST` that hold the budgets' money for an order."""
    return ledger.posting(
        hold_entries(fundings, currency=currency),
        kind="PROMO_HOLD",
        idempotency_key=f"promo-hold:{order_id}",
        tenant_id=tenant_id,
        order_id=order_id,
    )


async def free(order: Order, lines: Iterable[Line]) -> None:
    """Give back what was held of points and budgets for an order that ends unpaid; it is locked."""
    fundings = [one for line in lines for one in line.fundings]
    if any(one.kind == POINTS for one in fundings):
        await db.execute("select release_points($1, platform_now())", order.id)
    held = hold_entries(fundings, currency=order.currency)
    if not held:
        return
    await ledger.post(
        [Entry(entry.account, -entry.amount_minor) for entry in held],
        kind="PROMO_VOID",
        idempotency_key=f"promo-void:{order.id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
    )


_TAKE_ANEW = """
select take_coupon(gone.new_id, gone.tenant_id, gone.order_id, gone.coupon_id, gone.code_id,
                   gone.holder, gone.holder_places,
                   exists (select from coupon_slots where coupon_id = gone.coupon_id),
                   gone.single_code_id is not null, gone.first_order_of, gone.returned_by_refund,
                   platform_now()) as refusal
from (select used.*, uuid_of_place.id as new_id
      from (select *, row_number() over (order by coupon_id) as n from coupon_uses
            where order_id = $1 and released_for = 'EXPIRED') as used
      join unnest($2::uuid[]) with ordinality as uuid_of_place (id, n) using (n)
      order by n offset 0) as gone
"""


async def take_anew(order: Order, lines: Iterable[Line]) -> None:
    """Take uses, points and money again that an expired order gave back: its payment came late.

    The terms are those of the sale, whatever became of the coupon since. Raises `CouponGone` when
    a use, the points or the money have gone to somebody else.
    """
    lines = list(lines)
    await _take_uses_anew(order)
    await _draw_points_anew(order, lines)
    await _hold_anew(order, of_budgets(one for line in lines for one in line.fundings))


async def _take_uses_anew(order: Order) -> None:
    number: int = await db.fetch_value(
        "select count(*) from coupon_uses where order_id = $1 and released_for = 'EXPIRED'",
        order.id,
    )
    if not number:
        return
    for row in await db.fetch(_TAKE_ANEW, order.id, [new_id() for _ in range(number)]):
        if row["refusal"] is not None:
            raise CouponGone


async def _draw_points_anew(order: Order, lines: Sequence[Line]) -> None:
    redeemed = sum(
        one.amount_minor // line.point_minor
        for line in lines
        for one in line.fundings
        if one.kind == POINTS
    )
    if not redeemed:
        return
    drawn: int = await db.fetch_value(
        """select draw_points($1, $2, $3, 'REDEEMED', $4, null, null, null, null,
                              platform_now())""",
        order.tenant_id,
        order.customer_id,
        redeemed,
        order.id,
    )
    if drawn < redeemed:
        raise CouponGone


async def _hold_anew(order: Order, fundings: Sequence[Funding]) -> None:
    wanted = {
        accounts.promo(party, order.currency): minor for party, minor in needs(fundings).items()
    }
    if not wanted:
        return
    budgets = sorted(wanted, key=lambda account: account.id)
    held = await ledger.lock_balances(budgets)
    if any(minor < wanted[account] for account, minor in zip(budgets, held, strict=True)):
        raise CouponGone
    await ledger.post(
        hold_entries(fundings, currency=order.currency),
        kind="PROMO_HOLD",
        idempotency_key=f"promo-hold-again:{order.id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
    )


def returned_parts(line: Line, amount_minor: int) -> list[tuple[Funding, int]]:
    """What a refund of so much to the buyer gives back to each funder of the line.

    In proportion to what is left of both, rounded down, points to whole ones; with all that the
    buyer has left to get back, all that the funders have. So nobody gets back more than was given,
    and the last refund clears everything.
    """
    left_minor = line.paid_minor - line.refunded_minor
    parts = [
        (funding, funding.left_minor * amount_minor // left_minor) for funding in line.fundings
    ]
    whole = [
        (funding, minor - minor % line.point_minor if funding.kind == POINTS else minor)
        for funding, minor in parts
    ]
    return [(funding, minor) for funding, minor in whole if minor]
