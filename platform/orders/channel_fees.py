"""What channels cost on a sale, and which line bears how much of it: pure arithmetic."""

from collections.abc import Sequence

from kernel.money import (
    BASIS_POINTS,
    MAX_RATE_BP,
    checked_amount,
    largest_remainder,
    share_bp_ceil,
)


def channel_fee_minor(*, amount_minor: int, fee_bp: int) -> int:
    """Return the fee, rounded up, that a channel costs on an amount.

    Minor units and basis points. Up, because the platform pays the channel and recovers this
    from the shop: a fraction left out would be the platform's loss on every small sale.
    Raises `AmountOutOfRange`, or `ValueError` for a negative amount or an impossible rate.
    """
    if checked_amount(amount_minor) < 0:
        raise ValueError("a fee is on a payment, which cannot be negative")
    if not 0 <= fee_bp <= MAX_RATE_BP:
        raise ValueError(f"a fee is 0 to {MAX_RATE_BP} basis points")
    return share_bp_ceil(amount_minor=amount_minor, bp=fee_bp)


def channel_fees_by_line(
    *, nets_minor: Sequence[int], channel_minor: int, fee_bp: int
) -> list[int]:
    """Divide the fee on one payment between the lines that it paid for.

    `channel_minor` is the part of the order that went through the channel (the rest came from a
    wallet and costs nothing), spread over the lines in proportion to `nets_minor`. The fees add
    up to `channel_fee_minor` of it, and no line pays more than the fee on its own net rounded up,
    so a line whose price passed the guards can always pay. Minor units and basis points.
    Raises `ValueError` when the channel took more than the lines are worth.
    """
    if channel_minor > sum(nets_minor):
        raise ValueError("a channel took more than the lines are worth")
    fee_minor = channel_fee_minor(amount_minor=channel_minor, fee_bp=fee_bp)
    parts = largest_remainder(total=channel_minor, weights=nets_minor)
    fees = [part * fee_bp // BASIS_POINTS for part in parts]
    # Each left-over unit goes to a line whose own fee was rounded down, hence never above its
    # fee rounded up; there are always enough of those.
    by_fraction = sorted(
        range(len(parts)), key=lambda index: (-(parts[index] * fee_bp % BASIS_POINTS), index)
    )
    for index in by_fraction[: fee_minor - sum(fees)]:
        fees[index] += 1
    return fees
