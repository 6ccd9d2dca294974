"""What a refund takes back from whom (E7): pure arithmetic over a line's shares.

Out of which money each party gives it back is said in `earnings/drawing.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kernel.money import largest_remainder
from orders.foreign_supply import Bought, bought_of
from orders.records import Line, Order, ShareRow
from orders.split import spread_refund


@dataclass(frozen=True, slots=True)
class Claim:
    """What one party owes to a refund, in minor units; a None party is the platform's revenue.

    With `at_once` it is paid before anybody has decided: out of the deposit, then out of what is
    available. With `of_earnings` the deposit is not drawn on: it secures what the party owes to
    others. Of which share it is says whose money is taken first; None: of none.

    A claim in a `currency` of its own is no part of the refund: it is what the exchange gives back
    for, whose own claim names the currency it had `bought`.
    """

    party_id: UUID | None
    role: str
    amount_minor: int
    deposit_first: bool = False
    at_once: bool = False
    of_earnings: bool = False
    share_id: UUID | None = None
    currency: str | None = None
    bought: str | None = None


@dataclass(frozen=True, slots=True)
class Reversal:
    """A refund of one line: how much of each share goes back, and who pays how much."""

    by_share: tuple[tuple[UUID, int], ...]
    claims: tuple[Claim, ...]

    @property
    def taken_minor(self) -> int:
        """What all claims in the order's currency come to."""
        return sum(claim.amount_minor for claim in self.claims if claim.currency is None)


def fee_part_minor(line: Line, amount_minor: int) -> int:
    """The part of the line's channel fee that falls on this refund; all of it, over all refunds.

    Cumulative and rounded down, so it only grows and never takes a unit twice.
    """
    before = line.channel_fee_minor * line.refunded_minor // line.paid_minor
    after = line.channel_fee_minor * (line.refunded_minor + amount_minor) // line.paid_minor
    return after - before


def reversal(
    line: Line,
    shares: Sequence[ShareRow],
    *,
    amount_minor: int,
    fault_of_supplier: bool,
    to_funders_minor: int = 0,
) -> Reversal:
    """Spread a refund over what is left of the line's shares.

    The shares give back what the buyer gets, and what the funders of a discount get with it.
    The channel keeps its fee. It was taken from the shop's share, so the shop bears it unless the
    supplier is at fault: then the supplier pays that part, from the deposit first.
    Raises `RefundTooLarge`.
    """
    bought = bought_of(shares)
    own = [share for share in shares if bought is None or share.id != bought.supply.id]
    remaining = [share.amount_minor - share.reversed_minor for share in own]
    parts = spread_refund(amount_minor=amount_minor + to_funders_minor, remaining=remaining)
    taken = [(share, part) for share, part in zip(own, parts, strict=True) if part]
    claims = [Claim(share.party_id, share.role, part, share_id=share.id) for share, part in taken]
    if bought is not None:
        claims, taken = _undone(bought, claims, taken)
    if fault_of_supplier:
        claims = _fee_moved_to_supplier(claims, shares, fee_part_minor(line, amount_minor))
    return Reversal(tuple((share.id, part) for share, part in taken), tuple(claims))


def _undone(
    bought: Bought, claims: list[Claim], taken: list[tuple[ShareRow, int]]
) -> tuple[list[Claim], list[tuple[ShareRow, int]]]:
    """Undo the exchange at the order's own rate: the supplier gives back what it was owed for the
    part that goes back."""
    part_minor = dict(taken).get(bought.exchange, 0)
    back_minor = bought.back_minor(part_minor)
    supply = bought.supply
    undone = [
        replace(claim, bought=supply.currency) if claim.share_id == bought.exchange.id else claim
        for claim in claims
    ]
    if not back_minor:
        return undone, taken
    theirs = Claim(
        supply.party_id,
        supply.role,
        back_minor,
        share_id=supply.id,
        currency=supply.currency,
        bought=bought.exchange.currency,
    )
    return [*undone, theirs], [*taken, (supply, back_minor)]


def goodwill(order: Order, *, amount_minor: int) -> Reversal:
    """The shop pays all of it out of what it has earned, and no share is touched: goods that were
    opened stay sold."""
    if len(order.path) == 1:
        return Reversal((), (Claim(None, "WHOLESALE_MARGIN", amount_minor),))
    claim = Claim(order.tenant_id, "SHOP_MARGIN", amount_minor, of_earnings=True)
    return Reversal((), (claim,))


def less_for_shop(taken: Reversal, order: Order, *, amount_minor: int) -> tuple[Reversal, int]:
    """Take so much less from the shop, which gets it back for points; returns also by how much
    that is more than its part of the refund, which is to be credited to it."""
    shop = goodwill(order, amount_minor=amount_minor).claims[0]
    left_minor, kept = amount_minor, []
    for claim in taken.claims:
        if (claim.party_id, claim.role) == (shop.party_id, shop.role):
            spared_minor = min(left_minor, claim.amount_minor)
            left_minor -= spared_minor
            claim = replace(claim, amount_minor=claim.amount_minor - spared_minor)
        if claim.amount_minor:
            kept.append(claim)
    return Reversal(taken.by_share, tuple(kept)), left_minor


def _fee_moved_to_supplier(
    claims: list[Claim], shares: Sequence[ShareRow], fee_minor: int
) -> list[Claim]:
    """Let the supplier pay a part of the fee, which the shop's share has borne until now.

    The root's own shop has no other share than its wholesale margin. Where the commission took
    the whole supply price, the goods were the platform's own: then its commission pays. Where keys
    were replaced, every supplier pays in proportion to what this refund takes of its share.
    """
    roles = {share.role: share.party_id for share in shares}
    payer = "SHOP_MARGIN" if "SHOP_MARGIN" in roles else "WHOLESALE_MARGIN"
    at_fault = "SUPPLY" if "SUPPLY" in roles else "SUPPLIER_COMMISSION"
    suppliers = [claim for claim in claims if claim.role == "SUPPLY"]
    moved_minor = 0
    kept = []
    for claim in claims:
        if claim.role == payer:
            moved_minor = min(fee_minor, claim.amount_minor)
            claim = replace(claim, amount_minor=claim.amount_minor - moved_minor)
        if claim.amount_minor:
            kept.append(claim)
    if not suppliers and moved_minor:
        kept.append(Claim(roles[at_fault], at_fault, moved_minor, deposit_first=True))
    weights = [claim.amount_minor for claim in suppliers]
    parts = largest_remainder(total=moved_minor, weights=weights) if suppliers else []
    kept += [
        Claim(claim.party_id, claim.role, part_minor, deposit_first=True)
        for claim, part_minor in zip(suppliers, parts, strict=True)
        if part_minor
    ]
    return kept
