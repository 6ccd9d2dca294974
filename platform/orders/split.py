"""The split of a sale between everyone who earns on it: pure arithmetic.

A line's net is divided once, at checkout, and frozen. Three roundings exist, each once per line,
and each leaves the fraction of a minor unit where splitting one purchase into many cannot
harvest it:

- the supplier's commission to the platform rounds up (`split_line`),
- an affiliate's commission rounds down, and the shop keeps the fraction (`affiliates.commission`),
- the channel's fee recovered from the shop rounds up (`channel_fee_minor`).

Everything else is a whole price times a whole quantity, and the shop has the rest, so the shares
add up to the net by construction. That the rest is never negative for a price that the guards
let through is proved in `tenants/pricing/path.py`; for a discounted line `split_line` checks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from kernel.errors import Refusal
from kernel.money import (
    BASIS_POINTS,
    MAX_RATE_BP,
    checked_amount,
    largest_remainder,
    share_bp_ceil,
)


class PartyKind(StrEnum):
    """Whose money a share is; only the platform is one of a kind and needs no id."""

    SUPPLIER = "SUPPLIER"
    PLATFORM = "PLATFORM"
    TENANT = "TENANT"
    AFFILIATE = "AFFILIATE"


class Role(StrEnum):
    """What a share is paid for, in the order that breaks ties between equal claims."""

    SUPPLY = "SUPPLY"
    SUPPLIER_COMMISSION = "SUPPLIER_COMMISSION"
    WHOLESALE_MARGIN = "WHOLESALE_MARGIN"
    AGENT_MARGIN = "AGENT_MARGIN"
    AFFILIATE = "AFFILIATE"
    SHOP_MARGIN = "SHOP_MARGIN"


class NegativeShare(Refusal):
    """Somebody would have to pay for taking part in the sale.

    `role` and `amount_minor` are for the log and the shop's alert; the message and the details
    tell the caller neither, because they would tell a cost.
    """

    code = "MARGIN_NEGATIVE"

    def __init__(self, role: Role, amount_minor: int) -> None:
        super().__init__("This price does not cover what the sale costs.")
        self.role = role
        self.amount_minor = amount_minor


class RefundTooLarge(Refusal):
    """A refund of more than what is left of a line."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one party earns on a line, in minor units of the order's currency."""

    party_kind: PartyKind
    party_id: UUID | None
    role: Role
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Commission:
    """What an affiliate earns on a line, in minor units: whoever brought the buyer, or that one."""

    affiliate_id: UUID
    amount_minor: int


def split_line(
    *,
    costs: Sequence[int],
    quantity: int,
    net_minor: int,
    supplier_id: UUID,
    supplier_commission_bp: int,
    path: Sequence[UUID],
    commissions: Sequence[Commission] = (),
    dearest_channel_fee_bp: int = 0,
) -> tuple[Share, ...]:
    """Divide a line's net between supplier, platform, agents and shop.

    `costs` are c0 … cn of one piece and `path` the tenants T0 … Tn; both in minor units and from
    the root to the shop. `net_minor` is what the line brings in: list price less the discounts
    that the shop funds. Shares come in role order, agents from the top down; a share of zero is
    left out, and the shares add up to `net_minor`. The root's margin is the platform's wholesale
    margin, also when the root is the shop.
    Raises `NegativeShare` when anybody's share, or the shop's after `dearest_channel_fee_bp` on
    the whole net, would be negative; `ValueError` or `AmountOutOfRange` for impossible inputs.
    """
    _require_possible(costs, quantity, net_minor, supplier_commission_bp, path)
    supply_minor = checked_amount(costs[0] * quantity)
    commission = share_bp_ceil(amount_minor=supply_minor, bp=supplier_commission_bp)
    affiliates_minor = _commissions_minor(commissions)
    shop_minor = net_minor - costs[-1] * quantity - affiliates_minor
    fee_minor = channel_fee_minor(amount_minor=net_minor, fee_bp=dearest_channel_fee_bp)
    if shop_minor < fee_minor:
        raise NegativeShare(Role.SHOP_MARGIN, shop_minor - fee_minor)
    shares = [
        Share(PartyKind.SUPPLIER, supplier_id, Role.SUPPLY, supply_minor - commission),
        Share(PartyKind.PLATFORM, None, Role.SUPPLIER_COMMISSION, commission),
        *_margins_above_the_shop(costs, quantity, path),
    ]
    shares += [
        Share(PartyKind.AFFILIATE, one.affiliate_id, Role.AFFILIATE, one.amount_minor)
        for one in commissions
    ]
    shares.append(_shop_share(path, shop_minor))
    return tuple(sorted(filter(_is_worth_something, shares), key=_place_in_role_order))


def _require_possible(
    costs: Sequence[int],
    quantity: int,
    net_minor: int,
    supplier_commission_bp: int,
    path: Sequence[UUID],
) -> None:
    if not costs or len(costs) != len(path):
        raise ValueError("every tenant on the path has a cost, and the path has at least its root")
    if quantity < 1:
        raise ValueError(f"a line has at least one piece, not {quantity}")
    if costs[0] < 0 or checked_amount(net_minor) < 0:
        raise ValueError("a supply price and a line's net cannot be negative")
    if not 0 <= supplier_commission_bp <= MAX_RATE_BP:
        raise ValueError(f"a commission is 0 to {MAX_RATE_BP} basis points")


def _commissions_minor(commissions: Sequence[Commission]) -> int:
    if any(one.amount_minor < 0 for one in commissions):
        raise ValueError("a commission is nothing less than nothing")
    return sum(one.amount_minor for one in commissions)


def _margins_above_the_shop(
    costs: Sequence[int], quantity: int, path: Sequence[UUID]
) -> Iterator[Share]:
    for level in range(len(path) - 1):
        margin_minor = (costs[level + 1] - costs[level]) * quantity
        role = Role.AGENT_MARGIN if level else Role.WHOLESALE_MARGIN
        if margin_minor < 0:
            raise NegativeShare(role, margin_minor)
        kind, party_id = _tenant_party(path, level)
        yield Share(kind, party_id, role, margin_minor)


def _shop_share(path: Sequence[UUID], amount_minor: int) -> Share:
    shop_level = len(path) - 1
    role = Role.SHOP_MARGIN if shop_level else Role.WHOLESALE_MARGIN
    kind, party_id = _tenant_party(path, shop_level)
    return Share(kind, party_id, role, amount_minor)


def shops_share_minor(shares: Sequence[Share], *, path: Sequence[UUID]) -> int:
    """What the shop itself earns, in minor units; where the root sells, the wholesale margin."""
    role = Role.SHOP_MARGIN if len(path) > 1 else Role.WHOLESALE_MARGIN
    return sum(share.amount_minor for share in shares if share.role is role)


def _tenant_party(path: Sequence[UUID], level: int) -> tuple[PartyKind, UUID | None]:
    return (PartyKind.TENANT, path[level]) if level else (PartyKind.PLATFORM, None)


_ROLE_ORDER = {role: place for place, role in enumerate(Role)}


def _place_in_role_order(share: Share) -> int:
    return _ROLE_ORDER[share.role]


def _is_worth_something(share: Share) -> bool:
    return share.amount_minor > 0


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


def spread_refund(*, amount_minor: int, remaining: Sequence[int]) -> list[int]:
    """Say how much of a refund each share gives back.

    `remaining` are what is left of a line's shares after earlier refunds, in role order, in minor
    units; the parts come in the same order. Each refund is in proportion to what is left, by
    largest remainder, ties to the earlier role: the parts add up to the refund, none exceeds its
    share, and the refund of all that is left clears every share. Proportions of the *original*
    shares would not do: rounding could take back a unit that a party already gave.
    Raises `RefundTooLarge` beyond what is left, `ValueError` for anything negative.
    """
    left_minor = sum(remaining)
    if amount_minor > left_minor:
        raise RefundTooLarge(
            "The refund is larger than what is left of the payment.",
            field="amountMinor",
            details={"amount_minor": amount_minor, "left_minor": left_minor},
        )
    return largest_remainder(total=amount_minor, weights=remaining)
