"""What an affiliate earns on a sale: pure arithmetic."""

from __future__ import annotations

from kernel.money import MAX_RATE_BP, checked_amount, share_bp_floor


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
