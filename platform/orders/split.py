"""The split of a sale between everyone who earns on it: pure arithmetic.

A line's net is divided once, at checkout, and frozen. Three roundings exist, each once per line,
and each leaves the fraction of a minor unit where splitting one purchase into many cannot
harvest it:

- the supplier's commission to the platform rounds up (`split_line`),
- an affiliate's commission rounds down, and the shop keeps the fraction (`affiliates.commission`),
- the channel's fee recovered from the shop rounds up (`channel_fees.py`).

A supply in another currency has a fourth: what it costs to buy is rounded up (`_bought`).

Everything else is a whole price times a whole quantity, and the shop has the rest, so the shares
add up to the net by construction. That the rest is never negative for a price that the guards
let through is proved in `tenants/pricing/path.py`; for a discounted line `split_line` checks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from exchange.arithmetic import Rate
from kernel.errors import Refusal
from kernel.money import (
    MAX_RATE_BP,
    checked_amount,
    largest_remainder,
    share_bp_ceil,
)
from orders.channel_fees import channel_fee_minor as channel_fee_minor
from orders.channel_fees import channel_fees_by_line as channel_fees_by_line


class PartyKind(StrEnum):
    """Whose money a share is; only the platform is one of a kind and needs no id."""

    SUPPLIER = "SUPPLIER"
    PLATFORM = "PLATFORM"
    TENANT = "TENANT"
    AFFILIATE = "AFFILIATE"


class Role(StrEnum):
    """What a share is paid for, in the order that breaks ties between equal claims.

    EXCHANGE is the platform's: it buys the currency in which the supplier is owed its SUPPLY.
    """

    SUPPLY = "SUPPLY"
    EXCHANGE = "EXCHANGE"
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
    """What one party earns on a line, in minor units of the order's currency, or of the one that
    is named: then it is no part of the net. `rate_id` is the rate at which an EXCHANGE was priced.
    """

    party_kind: PartyKind
    party_id: UUID | None
    role: Role
    amount_minor: int
    currency: str | None = None
    rate_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ForeignSupply:
    """What a piece costs in its supplier's own currency, and the rate that priced it.

    c0 is `rate.up(price_minor)`.
    """

    rate: Rate
    price_minor: int


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
    foreign: ForeignSupply | None = None,
) -> tuple[Share, ...]:
    """Divide a line's net between supplier, platform, agents and shop.

    A `foreign` supply is owed in its own currency: the commission is taken off there, and what is
    left is bought at the frozen rate, rounded up. What that leaves of c0 is the commission here.

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
    supply = [Share(PartyKind.SUPPLIER, supplier_id, Role.SUPPLY, supply_minor - commission)]
    if foreign is not None:
        supply = _bought(foreign, quantity, supplier_id, supplier_commission_bp)
        commission = supply_minor - supply[1].amount_minor
    shares = [
        *supply,
        Share(PartyKind.PLATFORM, None, Role.SUPPLIER_COMMISSION, commission),
        *_margins_above_the_shop(costs, quantity, path),
    ]
    shares += [
        Share(PartyKind.AFFILIATE, one.affiliate_id, Role.AFFILIATE, one.amount_minor)
        for one in commissions
    ]
    shares.append(_shop_share(path, shop_minor))
    return tuple(sorted(filter(_is_worth_something, shares), key=_place_in_role_order))


def _bought(
    foreign: ForeignSupply, quantity: int, supplier_id: UUID, commission_bp: int
) -> list[Share]:
    """The supplier's part in its own currency, and what that costs: never more than c0 for all
    pieces, for each was rounded up by itself."""
    gross_minor = checked_amount(foreign.price_minor * quantity)
    owed_minor = gross_minor - share_bp_ceil(amount_minor=gross_minor, bp=commission_bp)
    rate = foreign.rate
    return [
        Share(PartyKind.SUPPLIER, supplier_id, Role.SUPPLY, owed_minor, rate.base),
        Share(PartyKind.PLATFORM, None, Role.EXCHANGE, rate.up(owed_minor), rate_id=rate.id),
    ]


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
