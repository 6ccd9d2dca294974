"""What a replacement by another supplier takes and brings (E9): pure arithmetic, in minor units.

The shares of the bad key give up its part. The other supplier has its price, less its commission to
the platform. What that is more than was given up, the supplier of the bad key covers; what it is
less stays with the platform, so that nobody earns by a bad key of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kernel.money import share_bp_ceil
from orders.records import ShareRow


@dataclass(frozen=True, slots=True)
class Exchange:
    """What each share of a bad key gives up, and what its replacement is paid."""

    given_up: tuple[tuple[ShareRow, int], ...]
    supply_minor: int
    commission_minor: int
    cover_minor: int

    @property
    def given_up_minor(self) -> int:
        """What the shares give up together."""
        return sum(minor for _, minor in self.given_up)


def exchange(
    shares: Sequence[ShareRow], *, pieces: int, price_minor: int, commission_bp: int
) -> Exchange:
    """Replace one of so many pieces for which these shares stand, by one at this price.

    A piece has an equal part of what is left of each share, rounded down; the last one all of it.
    """
    given_up = tuple(
        (share, (share.amount_minor - share.reversed_minor) // pieces) for share in shares
    )
    freed_minor = sum(minor for _, minor in given_up)
    commission_minor = share_bp_ceil(amount_minor=price_minor, bp=commission_bp)
    return Exchange(
        given_up=tuple((share, minor) for share, minor in given_up if minor),
        supply_minor=price_minor - commission_minor,
        commission_minor=commission_minor + max(freed_minor - price_minor, 0),
        cover_minor=max(price_minor - freed_minor, 0),
    )


def dearest_minor(*, paid_minor: int, refunded_minor: int, pieces: int) -> int:
    """What a replacement may cost at most: what the buyer has left in the piece. A dearer one is
    worth less to everybody than a refund."""
    return (paid_minor - refunded_minor) // pieces
