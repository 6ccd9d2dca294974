"""The chart of accounts (domain 3): one function a code, so that no code is ever misspelt."""

from typing import Final
from uuid import UUID

from billing.ledger import Account

BANK: Final = "bank"
"""The provider of what is transferred: no channel, but the platform's own bank."""


def gateway(provider: str, currency: str) -> Account:
    """Money at a payment channel (asset)."""
    return Account(f"A:GATEWAY:{provider.upper()}", currency)


def received(provider: str, currency: str) -> Account:
    """Where the money lies that a channel brings for a payment. What came by bank was booked with
    its line of the bank's statement, before anybody knew what it is for."""
    return unmatched(currency) if provider == BANK else gateway(provider, currency)


def paid_from(provider: str, currency: str) -> Account:
    """Where a channel takes from what it gives back."""
    return bank(currency) if provider == BANK else gateway(provider, currency)


def receivable(party_id: UUID, currency: str) -> Account:
    """What a party owes the platform (asset)."""
    return Account("A:RECV", currency, party_id)


def escrow(currency: str) -> Account:
    """Buyers' money with nothing earned yet; the transaction names the order."""
    return Account("L:ESCROW", currency)


def unapplied(currency: str) -> Account:
    """Money that paid for nothing: late, double or wrong."""
    return Account("L:UNAPPLIED", currency)


def unmatched(currency: str) -> Account:
    """Come by bank, and not known yet what for."""
    return Account(f"L:UNAPPLIED:{BANK.upper()}", currency)


def refund_due(currency: str) -> Account:
    """Owed back to buyers, until the channel or the wallet has it."""
    return Account("L:REFUND_DUE", currency)


def wallet(customer_id: UUID, currency: str) -> Account:
    """A buyer's free balance."""
    return Account("L:WALLET", currency, customer_id)


def wallet_held(customer_id: UUID, currency: str) -> Account:
    """A buyer's balance held for an order whose channel part is still open."""
    return Account("L:WALLET_HELD", currency, customer_id)


def party_pending(party_id: UUID, currency: str) -> Account:
    """Earned and not matured."""
    return Account("L:PARTY:PENDING", currency, party_id)


def party_available(party_id: UUID, currency: str) -> Account:
    """Earned and free to be paid out."""
    return Account("L:PARTY:AVAILABLE", currency, party_id)


def party_held(party_id: UUID, currency: str) -> Account:
    """Earned, and stopped while a case about it is open."""
    return Account("L:PARTY:HOLD", currency, party_id)


def party_reserved(party_id: UUID, currency: str) -> Account:
    """Earned, and asked to be paid out."""
    return Account("L:PARTY:RESERVED", currency, party_id)


def trade(tenant_id: UUID, currency: str) -> Account:
    """What a shop has prepaid, and buys at cost with."""
    return Account("L:TRADE", currency, tenant_id)


def deposit_free(party_id: UUID, currency: str) -> Account:
    """A seller's deposit that no case holds."""
    return Account("L:DEPOSIT:FREE", currency, party_id)


def deposit_held(party_id: UUID, currency: str) -> Account:
    """The part of a seller's deposit that a case holds."""
    return Account("L:DEPOSIT:HELD", currency, party_id)


def payout_clearing(currency: str) -> Account:
    """Sent to parties, and not yet confirmed by the bank or the channel."""
    return Account("L:PAYOUT_CLEARING", currency)


def dispute(case_id: UUID, currency: str) -> Account:
    """Money that a chargeback has pulled, while nobody has decided (asset)."""
    return Account("A:DISPUTE", currency, case_id)


def instalment(order_id: UUID, currency: str) -> Account:
    """What a buyer still owes in instalments (asset)."""
    return Account("A:INSTALMENT", currency, order_id)


def exchange(other_currency: str, currency: str) -> Account:
    """The bridge between two single-currency transactions: what was given for `other_currency`."""
    return Account(f"A:FX:{other_currency}", currency)


def promo(party_id: UUID | None, currency: str) -> Account:
    """A party's prepaid promotion budget; None: the platform's."""
    return Account("L:PROMO", currency, party_id)


def promo_held(party_id: UUID | None, currency: str) -> Account:
    """The part of a budget that is held for orders that wait for their payment."""
    return Account("L:PROMO_HELD", currency, party_id)


def voucher(batch_id: UUID, currency: str) -> Account:
    """What the unredeemed codes of a batch of vouchers are worth."""
    return Account("L:VOUCHER", currency, batch_id)


def points(tenant_id: UUID, currency: str) -> Account:
    """What a shop owes its customers in points, at their worth."""
    return Account("L:POINTS", currency, tenant_id)


def revenue(name: str, currency: str) -> Account:
    """The platform's income: SUPPLIER_COMMISSION, WHOLESALE_MARGIN, GATEWAY_RECOVERY,
    OPEN_FEE."""
    return Account(f"R:{name}", currency)


def expense(name: str, currency: str) -> Account:
    """The platform's cost: GATEWAY_FEE, COMPENSATION, PROMO."""
    return Account(f"E:{name}", currency)


def bank(currency: str) -> Account:
    """The platform's bank account (asset)."""
    return Account("A:BANK", currency)
