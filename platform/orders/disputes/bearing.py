"""Who bears a lost dispute (E10): pure arithmetic over one line's frozen shares.

- What nobody has opened goes back into the pool: its part is given back by everybody, as by a
  refund.
- The goods were bad: as a refund by the supplier's fault.
- The goods were good: they are gone, so supplier and upstream margins stand. Affiliate and shop
  give their parts back, and the shop bears the rest.
- The platform has guaranteed the sale: every share stands, and the platform bears it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orders.clawback import Claim, Reversal, reversal
from orders.records import Line, Order, ShareRow

Rule = str
GOODS_BAD: Final = "GOODS_BAD"
GOODS_GOOD: Final = "GOODS_GOOD"
GUARANTEED: Final = "GUARANTEED"


@dataclass(frozen=True, slots=True)
class Loss:
    """What a lost dispute takes of a line, in minor units.

    `reversal` is what the shares give back, and the claims that pay it. `borne_minor` is what no
    share gives back: the shop's claim is among the others, the platform loses `platform_minor`.
    """

    reversal: Reversal
    borne_minor: int = 0
    platform_minor: int = 0


def rule_of(*, goods: str, liability: str) -> Rule:
    """The rule for a case. Whose goods were bad is at fault, whoever has guaranteed the sale."""
    if goods == "BAD":
        return GOODS_BAD
    return GUARANTEED if liability == "PLATFORM" else GOODS_GOOD


def line_loss(
    order: Order,
    line: Line,
    shares: Sequence[ShareRow],
    *,
    amount_minor: int,
    unopened_minor: int,
    to_funders_minor: int,
    rule: Rule,
) -> Loss:
    """Say who bears so much of a line, of which `unopened_minor` is for goods that come back.

    Raises `RefundTooLarge` beyond what is left of the line.
    """
    if rule == GOODS_BAD:
        taken = reversal(
            line,
            shares,
            amount_minor=amount_minor,
            fault_of_supplier=True,
            to_funders_minor=to_funders_minor,
        )
        return Loss(taken)
    back = Reversal((), ())
    if unopened_minor:
        back = reversal(
            line,
            shares,
            amount_minor=unopened_minor,
            fault_of_supplier=False,
            to_funders_minor=to_funders_minor,
        )
    gone_minor = amount_minor - unopened_minor
    if rule == GUARANTEED:
        return Loss(back, gone_minor, gone_minor)
    return _borne_by_shop(order, line, shares, back, gone_minor, unopened_minor)


def shops_claim(order: Order, amount_minor: int) -> Claim | None:
    """What the shop owes out of all that it has; None where the platform itself is the shop."""
    if len(order.path) == 1 or not amount_minor:
        return None
    return Claim(order.tenant_id, "SHOP_MARGIN", amount_minor)


def suppliers_claim(shares: Sequence[ShareRow], amount_minor: int) -> Claim | None:
    """What the supplier at fault owes, out of the deposit first; None where nobody supplied it.

    Where a key was replaced, it is the last one whose share was still there.
    """
    supplied = [share for share in shares if share.role == "SUPPLY"]
    kept = [share for share in supplied if share.amount_minor > share.reversed_minor]
    for share in [*supplied, *kept][-1:]:
        if amount_minor:
            return Claim(share.party_id, share.role, amount_minor, deposit_first=True)
    return None


def _borne_by_shop(
    order: Order,
    line: Line,
    shares: Sequence[ShareRow],
    back: Reversal,
    amount_minor: int,
    unopened_minor: int,
) -> Loss:
    """Let affiliate and shop give back their shares, in proportion to what the buyer has left to
    get back, rounded down: the last loss clears them. The shop bears the rest."""
    given = dict(back.by_share)
    left_minor = max(line.paid_minor - line.refunded_minor - unopened_minor, 1)
    of_shop = "SHOP_MARGIN" if len(order.path) > 1 else "WHOLESALE_MARGIN"
    claims = list(back.claims)
    borne_minor = amount_minor
    for share in shares:
        if share.role in (of_shop, "AFFILIATE"):
            kept_minor = share.amount_minor - share.reversed_minor - given.get(share.id, 0)
            part_minor = min(kept_minor * amount_minor // left_minor, borne_minor)
            borne_minor -= part_minor
            if part_minor:
                claims.append(Claim(share.party_id, share.role, part_minor, share_id=share.id))
                given[share.id] = given.get(share.id, 0) + part_minor
    claim = shops_claim(order, borne_minor)
    by_share = tuple((share.id, given[share.id]) for share in shares if given.get(share.id))
    taken = Reversal(by_share, (*claims, *((claim,) if claim else ())))
    return Loss(taken, borne_minor, 0 if claim else borne_minor)
