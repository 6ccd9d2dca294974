"""One line of an order before it is written, with everybody's part of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from affiliates.attribution import Attribution
from affiliates.commission import commission_minor, earned_minor, within
from kernel.ids import new_id
from offers.quotes import QuotedLine
from orders import funding
from orders.records import Funding, ShareRow
from orders.split import (
    Commission,
    ForeignSupply,
    channel_fee_minor,
    shops_share_minor,
    split_line,
)
from promotions.discounts import Discount
from promotions.points.arithmetic import earned_points
from supply.pool import Wanted
from tenants.directory import Shop


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line with its id, its price and its frozen shares."""

    id: UUID
    quoted: QuotedLine
    shares: tuple[ShareRow, ...]
    discounts: tuple[Discount, ...] = ()
    """Those of the quote; what the shop's margin cannot bear is its budget's."""
    redemption: tuple[Funding, ...] = ()
    """What points pay of it."""
    earned_points: int = 0

    @property
    def funded_minor(self) -> int:
        """What others than the buyer pay of the line's net."""
        return sum(one.amount_minor for one in self.fundings)

    @property
    def net_minor(self) -> int:
        """What the split divides."""
        return self.quoted.total_minor + self.funded_minor

    @property
    def fundings(self) -> tuple[Funding, ...]:
        """What others than the buyer and the shop's margin pay."""
        return (*funding.fundings_of(self.discounts), *self.redemption)

    @property
    def redeemed_points(self) -> int:
        """How many points pay for it."""
        return self.quoted.points.redeemed if self.quoted.points is not None else 0

    @property
    def earned_minor(self) -> int:
        """What the points are worth that it earns, in minor units."""
        terms = self.quoted.points.terms if self.quoted.points is not None else None
        return self.earned_points * terms.point_minor if terms is not None else 0

    @property
    def wanted(self) -> Wanted:
        """What the line asks of the key pool."""
        return Wanted(
            line_id=self.id,
            supplier_listing_id=self.quoted.offer.id,
            quantity=self.quoted.quantity,
            min_remaining_days=self.quoted.sku.row["min_remaining_days"],
        )


def draft_line(
    shop: Shop, quoted: QuotedLine, thanks: Attribution | None, dearest_channel_fee_bp: int
) -> DraftLine:
    """Freeze a line at its price: who earns what of it, who pays what, and the points it earns."""
    line_id = new_id()
    wanted = _wanted(quoted, thanks) if thanks else ()
    discounts = funding.bearable(
        quoted, shop, commission_minor=sum(one.amount_minor for one in wanted)
    )
    redemption = funding.redemption_of(quoted, shop)
    funded = (*funding.fundings_of(discounts), *redemption)
    paid_minor = quoted.total_minor
    net_minor = paid_minor + sum(one.amount_minor for one in funded)
    fee_minor = channel_fee_minor(amount_minor=net_minor, fee_bp=dearest_channel_fee_bp)
    room_minor = net_minor - quoted.sourcing.costs[-1] * quoted.quantity - fee_minor
    split = split_line(
        costs=quoted.sourcing.costs,
        quantity=quoted.quantity,
        net_minor=net_minor,
        supplier_id=quoted.sourcing.supplier_id,
        supplier_commission_bp=quoted.sourcing.supplier_commission_bp,
        path=shop.path,
        commissions=_cut(wanted, room_minor=room_minor),
        dearest_channel_fee_bp=dearest_channel_fee_bp,
        foreign=_foreign(quoted),
    )
    shares = tuple(
        ShareRow(
            new_id(),
            line_id,
            share.party_kind,
            share.party_id,
            share.role,
            share.amount_minor,
            0,
            share.currency or shop.currency,
            share.rate_id,
        )
        for share in split
    )
    spare_minor = shops_share_minor(split, path=shop.path) - fee_minor
    return DraftLine(
        line_id, quoted, shares, discounts, redemption, _earned(quoted, spare_minor=spare_minor)
    )


def _wanted(quoted: QuotedLine, thanks: Attribution) -> tuple[Commission, ...]:
    """What the program promises, the nearest affiliate's first, before the shop's margin is asked.

    It is of what the buyer really pays: without what others fund, and without points.
    """
    paid_minor = quoted.total_minor
    direct_minor = earned_minor(
        thanks.rate_of(quoted.sku.id), paid_minor=paid_minor, quantity=quoted.quantity
    )
    above = [
        Commission(one.affiliate_id, commission_minor(paid_minor=paid_minor, rate_bp=one.rate_bp))
        for one in thanks.uplines
    ]
    return (Commission(thanks.affiliate_id, direct_minor), *above)


def _cut(wanted: Sequence[Commission], *, room_minor: int) -> tuple[Commission, ...]:
    amounts = within([one.amount_minor for one in wanted], room_minor=room_minor)
    pairs = zip(wanted, amounts, strict=True)
    return tuple(Commission(one.affiliate_id, minor) for one, minor in pairs)


def _foreign(quoted: QuotedLine) -> ForeignSupply | None:
    exchanged = quoted.sourcing.exchanged
    return None if exchanged is None else ForeignSupply(exchanged.rate, exchanged.price_minor)


def _earned(quoted: QuotedLine, *, spare_minor: int) -> int:
    """The points that the line earns out of what the shop has left of it. What a person is to
    deliver earns none: nobody has earned anything yet when it is paid for."""
    if quoted.points is None or quoted.offer.by_hand:
        return 0
    return earned_points(
        quoted.points.terms, paid_minor=quoted.total_minor, spare_minor=spare_minor
    )
