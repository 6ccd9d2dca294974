"""What a refund takes back from whom (E7): pure arithmetic over what each account holds.

A party gives back from what is pending, then from what is available, then from its deposit; what
none of them covers becomes its debt. So no account goes below zero and no sale is ever unwound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from billing import accounts
from billing.ledger import Account, Entry, credit, debit
from orders.postings import earned_account
from orders.records import Line, Order, ShareRow
from orders.split import spread_refund


@dataclass(frozen=True, slots=True)
class Claim:
    """What one party owes to a refund, in minor units; a None party is the platform's revenue.

    With `of_earnings` the deposit is not drawn on: it secures what the party owes to others.
    """

    party_id: UUID | None
    role: str
    amount_minor: int
    deposit_first: bool = False
    of_earnings: bool = False


@dataclass(frozen=True, slots=True)
class Reversal:
    """A refund of one line: how much of each share goes back, and who pays how much."""

    by_share: tuple[tuple[UUID, int], ...]
    claims: tuple[Claim, ...]


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
    remaining = [share.amount_minor - share.reversed_minor for share in shares]
    parts = spread_refund(amount_minor=amount_minor + to_funders_minor, remaining=remaining)
    claims = [
        Claim(share.party_id, share.role, part)
        for share, part in zip(shares, parts, strict=True)
        if part
    ]
    if fault_of_supplier:
        claims = _fee_moved_to_supplier(claims, shares, fee_part_minor(line, amount_minor))
    by_share = tuple((share.id, part) for share, part in zip(shares, parts, strict=True) if part)
    return Reversal(by_share, tuple(claims))


def goodwill(order: Order, *, amount_minor: int) -> Reversal:
    """The shop pays all of it out of what it has earned, and no share is touched: goods that were
    opened stay sold."""
    if len(order.path) == 1:
        return Reversal((), (Claim(None, "WHOLESALE_MARGIN", amount_minor),))
    claim = Claim(order.tenant_id, "SHOP_MARGIN", amount_minor, of_earnings=True)
    return Reversal((), (claim,))


def less_for_shop(
    taken: Reversal, order: Order, *, amount_minor: int
) -> tuple[Reversal, list[Entry]]:
    """Take so much less from the shop, which gets it back for points; what its part of the refund
    does not come to is credited to it."""
    shop = goodwill(order, amount_minor=amount_minor).claims[0]
    left_minor, kept = amount_minor, []
    for claim in taken.claims:
        if (claim.party_id, claim.role) == (shop.party_id, shop.role):
            spared_minor = min(left_minor, claim.amount_minor)
            left_minor -= spared_minor
            claim = replace(claim, amount_minor=claim.amount_minor - spared_minor)
        if claim.amount_minor:
            kept.append(claim)
    account = earned_account(shop.role, shop.party_id, order.currency)
    more = [credit(account, left_minor)] if left_minor else []
    return Reversal(taken.by_share, tuple(kept)), more


def _fee_moved_to_supplier(
    claims: list[Claim], shares: Sequence[ShareRow], fee_minor: int
) -> list[Claim]:
    """Let the supplier pay a part of the fee, which the shop's share has borne until now.

    The root's own shop has no other share than its wholesale margin. Where the commission took
    the whole supply price, the goods were the platform's own: then its commission pays.
    """
    roles = {share.role: share.party_id for share in shares}
    payer = "SHOP_MARGIN" if "SHOP_MARGIN" in roles else "WHOLESALE_MARGIN"
    at_fault = "SUPPLY" if "SUPPLY" in roles else "SUPPLIER_COMMISSION"
    moved_minor = 0
    kept = []
    for claim in claims:
        if claim.role == payer:
            moved_minor = min(fee_minor, claim.amount_minor)
            claim = Claim(claim.party_id, claim.role, claim.amount_minor - moved_minor)
        if claim.amount_minor:
            kept.append(claim)
    if moved_minor:
        kept.append(Claim(roles[at_fault], at_fault, moved_minor, deposit_first=True))
    return kept


def sources(claim: Claim, currency: str) -> tuple[Account, ...]:
    """The party's accounts in the order in which they are drawn on."""
    assert claim.party_id is not None
    pending = accounts.party_pending(claim.party_id, currency)
    available = accounts.party_available(claim.party_id, currency)
    if claim.of_earnings:
        return (pending, available)
    deposit = accounts.deposit_free(claim.party_id, currency)
    if claim.deposit_first:
        return (deposit, pending, available)
    return (pending, available, deposit)


def drawn(claims: Sequence[Claim], *, currency: str, held: Mapping[Account, int]) -> list[Entry]:
    """The debits that pay the claims out of what the accounts hold."""
    left = dict(held)
    entries = []
    for claim in claims:
        if claim.party_id is None:
            entries.append(debit(accounts.revenue(claim.role, currency), claim.amount_minor))
            continue
        owed_minor = claim.amount_minor
        for account in sources(claim, currency):
            taken_minor = min(owed_minor, max(left[account], 0))
            if taken_minor:
                entries.append(debit(account, taken_minor))
                left[account] -= taken_minor
                owed_minor -= taken_minor
        if owed_minor:
            entries.append(debit(accounts.receivable(claim.party_id, currency), owed_minor))
    return entries
