"""The postings of a sale (domain 4), as pure functions: amounts in, entries out."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from billing import accounts
from billing.ledger import Account, Entry, credit, debit, merged


def captured(
    *,
    provider: str,
    currency: str,
    channel_minor: int,
    fee_minor: int,
    wallet: Account | None,
    wallet_minor: int,
) -> list[Entry]:
    """E1: the buyer's money goes into escrow; the channel keeps its fee."""
    escrow = accounts.escrow(currency)
    entries = [credit(escrow, channel_minor + wallet_minor)]
    if channel_minor:
        gateway = accounts.received(provider, currency)
        entries.append(debit(gateway, channel_minor))
        entries.append(debit(accounts.expense("GATEWAY_FEE", currency), fee_minor))
        entries.append(credit(gateway, fee_minor))
    if wallet is not None:
        entries.append(debit(wallet, wallet_minor))
    return entries


def topped_up(*, provider: str, wallet: Account, amount_minor: int, fee_minor: int) -> list[Entry]:
    """A buyer adds money to the wallet, or a shop to its trade balance; the platform bears the
    channel's fee."""
    gateway = accounts.received(provider, wallet.currency)
    fee_account = accounts.expense("GATEWAY_FEE", wallet.currency)
    return merged(
        [
            debit(gateway, amount_minor),
            credit(wallet, amount_minor),
            debit(fee_account, fee_minor),
            credit(gateway, fee_minor),
        ]
    )


def delivered(
    *,
    currency: str,
    shares: Iterable[tuple[str, UUID | None, int]],
    fee_minor: int,
    shop_id: UUID | None,
    bought_minor: int = 0,
) -> list[Entry]:
    """E2: escrow is split between everyone who earned; the shop's part pays the channel's fee.

    `shares` are (role, party, amount in minor units); `bought_minor` buys other currencies, in
    which suppliers are owed (`foreign_supply.py` has its entries); `shop_id` is None where the root
    itself sells and its wholesale margin pays the fee.
    """
    entries = []
    total_minor = bought_minor
    for role, party_id, amount_minor in shares:
        total_minor += amount_minor
        entries.append(credit(earned_account(role, party_id, currency), amount_minor))
    if fee_minor:
        payer = "WHOLESALE_MARGIN" if shop_id is None else "SHOP_MARGIN"
        entries.append(debit(earned_account(payer, shop_id, currency), fee_minor))
        entries.append(credit(accounts.revenue("GATEWAY_RECOVERY", currency), fee_minor))
    return [debit(accounts.escrow(currency), total_minor), *entries]


def points_earned(
    *, currency: str, shop_id: UUID, root_sells: bool, amount_minor: int
) -> list[Entry]:
    """E4: the shop gives its buyer points, so much of what it has just earned."""
    if not amount_minor:
        return []
    return [
        debit(shops_account(shop_id, currency, root_sells=root_sells), amount_minor),
        credit(accounts.points(shop_id, currency), amount_minor),
    ]


def shops_account(shop_id: UUID, currency: str, *, root_sells: bool) -> Account:
    """Where a shop's own share is credited."""
    if root_sells:
        return earned_account("WHOLESALE_MARGIN", None, currency)
    return earned_account("SHOP_MARGIN", shop_id, currency)


def earned_account(role: str, party_id: UUID | None, currency: str) -> Account:
    """Where a share of a role is credited."""
    if party_id is None:
        return accounts.revenue(role, currency)
    return accounts.party_pending(party_id, currency)


def sale(captured_entries: Sequence[Entry], delivered_entries: Sequence[Entry]) -> list[Entry]:
    """E1, and E2 of what is delivered at once, in one transaction. Escrow stays visible."""
    taken_in = merged(captured_entries)
    moved = [entry for entry in captured_entries if entry.amount_minor]
    if len(taken_in) < len({entry.account for entry in moved}):
        # Not netted: on the smallest amounts the fee, rounded up, is all that came.
        taken_in = moved
    return [*taken_in, *merged(delivered_entries)]
