"""What affiliates earn on a sale: pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kernel.money import MAX_RATE_BP, checked_amount, share_bp_floor


@dataclass(frozen=True, slots=True)
class Rate:
    """What a program pays for some goods: a part of what is paid, or so much for every piece."""

    bp: int
    fixed_minor: int | None = None

    @property
    def is_nothing(self) -> bool:
        """True for a rate by which nobody earns anything."""
        return not self.bp and self.fixed_minor is None


def commission_minor(*, paid_minor: int, rate_bp: int) -> int:
    """Return the commission, in minor units, on what a buyer really paid.

    `paid_minor` is a whole line's payment without shipping, tax and points; `rate_bp` is in basis
    points, 0 to 10,000. It rounds down once per line: an affiliate who splits one purchase into
    many small ones can only lose by it, and the fraction stays with the shop that pays.
    Raises `AmountOutOfRange` from `kernel.money`, `ValueError` for a negative payment or a rate
    outside its bounds.
    """
    if checked_amount(paid_minor) < 0:
        raise ValueError("a commission is earned on a payment, which cannot be negative")
    if not 0 <= rate_bp <= MAX_RATE_BP:
        raise ValueError(f"a commission rate is 0 to {MAX_RATE_BP} basis points, not {rate_bp}")
    return share_bp_floor(amount_minor=paid_minor, bp=rate_bp)


def earned_minor(rate: Rate, *, paid_minor: int, quantity: int) -> int:
    """Return what a line earns at a rate, in minor units: never more than is paid for it."""
    if rate.fixed_minor is None:
        return commission_minor(paid_minor=paid_minor, rate_bp=rate.bp)
    return min(checked_amount(rate.fixed_minor * quantity), checked_amount(paid_minor))


def within(wanted: Sequence[int], *, room_minor: int) -> list[int]:
    """Cut commissions, the nearest affiliate's first, to what is there for all of them together.

    Minor units. Whoever brought the buyer is paid before whoever brought that affiliate, so a tier
    more never takes from the one below it, and the sum is at most the shop's margin.
    """
    left_minor, parts = max(room_minor, 0), []
    for one in wanted:
        part_minor = min(one, left_minor)
        left_minor -= part_minor
        parts.append(part_minor)
    return parts
