"""What coupons take off the lines of an order, and who pays for it: pure arithmetic.

Coupons are taken in one order, whoever names them in whatever order: percentages before fixed
amounts, each kind by its id; each takes its part of what the ones before have left. A line always
costs its buyer at least one minor unit, and its net price never falls below its floor, so what is
taken off never exceeds what is there.

Two roundings: a percentage rounds down, so that splitting a purchase cannot harvest it, and what a
coupon takes is divided between lines and then between payers by largest remainder, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from kernel.money import BASIS_POINTS, largest_remainder, share_bp_floor


class CouponKind(StrEnum):
    """How much a coupon takes off; in the order in which coupons are taken."""

    PERCENT = "PERCENT"
    FIXED = "FIXED"


class PayerKind(StrEnum):
    """Who bears a discount: the shop out of its margin, and everybody else out of a budget."""

    SHOP = "SHOP"
    TENANT = "TENANT"
    PLATFORM = "PLATFORM"
    SUPPLIER = "SUPPLIER"


@dataclass(frozen=True, slots=True)
class Payer:
    """One payer of a coupon and its part in basis points.

    `party_id` is a tenant or a supplier; a supplier without one is the supplier of the line.
    """

    kind: PayerKind
    party_id: UUID | None
    share_bp: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a coupon takes off what; amounts in minor units, `percent_bp` in basis points.

    Without SKUs and categories it is good for all goods.
    """

    coupon_id: UUID
    kind: CouponKind
    value: int
    """Basis points of a percentage, or minor units."""
    cap_minor: int | None
    min_subtotal_minor: int
    sku_ids: frozenset[UUID]
    category_ids: frozenset[UUID]
    payers: tuple[Payer, ...]

    def is_for(self, line: DiscountableLine) -> bool:
        """Whether the line's goods are among those that the coupon is for."""
        if not self.sku_ids and not self.category_ids:
            return True
        return line.sku_id in self.sku_ids or not self.category_ids.isdisjoint(line.category_path)


@dataclass(frozen=True, slots=True)
class DiscountableLine:
    """One line before any coupon; amounts in minor units of all its pieces together."""

    sku_id: UUID
    category_path: tuple[UUID, ...]
    supplier_id: UUID
    list_minor: int
    floor_minor: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What one payer bears of a line's discount; a None party is the shop's margin, or the
    platform."""

    kind: PayerKind
    party_id: UUID | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Discount:
    """What one coupon takes off one line."""

    coupon_id: UUID
    parts: tuple[Part, ...]

    @property
    def amount_minor(self) -> int:
        """All of it, in minor units."""
        return sum(part.amount_minor for part in self.parts)


def eligible_subtotal_minor(lines: Sequence[DiscountableLine], terms: Terms) -> int:
    """What the lines that a coupon is for cost without any discount."""
    return sum(line.list_minor for line in lines if terms.is_for(line))


def discounts_by_line(
    lines: Sequence[DiscountableLine], coupons: Sequence[Terms]
) -> tuple[tuple[Discount, ...], ...]:
    """Say for each line what each coupon takes off it; a coupon that takes nothing is left out."""
    left = [line.list_minor for line in lines]
    given: list[list[Discount]] = [[] for _ in lines]
    for terms in in_order(coupons):
        for index, amount_minor in enumerate(_amounts(lines, left, terms)):
            if amount_minor:
                left[index] -= amount_minor
                parts = _parts(terms, amount_minor, supplier_id=lines[index].supplier_id)
                given[index].append(Discount(terms.coupon_id, parts))
    return tuple(tuple(discounts) for discounts in given)


def in_order(coupons: Sequence[Terms]) -> list[Terms]:
    """The one order in which coupons are taken."""
    kinds = list(CouponKind)
    return sorted(coupons, key=lambda terms: (kinds.index(terms.kind), terms.coupon_id))


def _amounts(lines: Sequence[DiscountableLine], left: Sequence[int], terms: Terms) -> Sequence[int]:
    """What the coupon takes off each line, in proportion to what it may take at most."""
    room = [
        max(left_minor - max(line.floor_minor, 1), 0) if terms.is_for(line) else 0
        for line, left_minor in zip(lines, left, strict=True)
    ]
    if terms.kind is CouponKind.PERCENT:
        base = sum(
            left_minor for line, left_minor in zip(lines, left, strict=True) if terms.is_for(line)
        )
        wanted = share_bp_floor(amount_minor=base, bp=terms.value)
        wanted = wanted if terms.cap_minor is None else min(wanted, terms.cap_minor)
    else:
        wanted = terms.value
    return largest_remainder(total=min(wanted, sum(room)), weights=room)


def _parts(terms: Terms, amount_minor: int, *, supplier_id: UUID) -> tuple[Part, ...]:
    shares = [payer.share_bp for payer in terms.payers]
    if sum(shares) != BASIS_POINTS:
        raise ValueError("the parts of a coupon are not its whole")
    amounts = largest_remainder(total=amount_minor, weights=shares)
    return tuple(
        Part(payer.kind, _party(payer, supplier_id), part_minor)
        for payer, part_minor in zip(terms.payers, amounts, strict=True)
        if part_minor
    )


def _party(payer: Payer, supplier_id: UUID) -> UUID | None:
    if payer.kind is PayerKind.SUPPLIER and payer.party_id is None:
        return supplier_id
    return payer.party_id


def with_gap_moved(
    discounts: Sequence[Discount], *, gap_minor: int, to: Part
) -> tuple[Discount, ...]:
    """Let somebody's budget bear what the shop's margin cannot: the last discounts first.

    `to` says whose; its amount is of no account. Raises `ValueError` for a gap of more than the
    shop gives.
    """
    moved: list[Discount] = []
    for discount in reversed(discounts):
        taken_minor = min(gap_minor, shop_funded_minor([discount]))
        gap_minor -= taken_minor
        moved.append(_moved(discount, taken_minor, to) if taken_minor else discount)
    if gap_minor:
        raise ValueError("a gap is at most what the shop gives away")
    return tuple(reversed(moved))


def _moved(discount: Discount, amount_minor: int, to: Part) -> Discount:
    parts = [
        replace(part, amount_minor=part.amount_minor - amount_minor)
        if part.kind is PayerKind.SHOP
        else part
        for part in discount.parts
    ]
    parts.append(replace(to, amount_minor=amount_minor))
    return replace(discount, parts=tuple(part for part in parts if part.amount_minor))


def shop_funded_minor(discounts: Sequence[Discount]) -> int:
    """What the shop gives away out of its margin."""
    return sum(
        part.amount_minor
        for discount in discounts
        for part in discount.parts
        if part.kind is PayerKind.SHOP
    )


def least_net_minor(*, to_cover_minor: int, fee_bp: int) -> int | None:
    """The smallest net that still covers so much after a fee, rounded up, on all of it.

    None where no net does. Minor units and basis points.
    """
    if fee_bp >= BASIS_POINTS:
        return None if to_cover_minor > 0 else 0
    # net − ceil(net·bp/10⁴) is ⌊net·(10⁴ − bp)/10⁴⌋: the smallest net whose floor is as much.
    kept_bp = BASIS_POINTS - fee_bp
    return max(-(-to_cover_minor * BASIS_POINTS // kept_bp), 0)
