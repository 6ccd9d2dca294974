"""The chart of accounts (domain 3): one function a code, so that no code is ever misspelt."""

from uuid import UUID

from billing.ledger import Account


def gateway(provider: str, currency: str) -> Account:
    """Money at a payment channel (asset)."""
    return Account(f"A:GATEWAY:{provider.upper()}", currency)


def receivable(party_id: UUID, currency: str) -> Account:
    """What a party owes the platform (asset)."""
    return Account("A:RECV", currency, party_id)


def escrow(currency: str) -> Account:
    """Buyers' money with nothing earned yet; the transaction names the order."""
    return Account("L:ESCROW", currency)


def unapplied(currency: str) -> Account:
    """Money that paid for nothing: late, double or wrong."""
    return Account("L:UNAPPLIED", currency)


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


def trade(tenant_id: UUID, currency: str) -> Account:
    """What a shop has prepaid, and buys at cost with."""
    return Account("L:TRADE", currency, tenant_id)


def deposit_free(party_id: UUID, currency: str) -> Account:
    """A seller's deposit that no case holds."""
    return Account("L:DEPOSIT:FREE", currency, party_id)


def promo(party_id: UUID | None, currency: str) -> Account:
    """A party's prepaid promotion budget; None: the platform's."""
    return Account("L:PROMO", currency, party_id)


def promo_held(party_id: UUID | None, currency: str) -> Account:
    """The part of a budget that is held for orders that wait for their payment."""
    return Account("L:PROMO_HELD", currency, party_id)


def points(tenant_id: UUID, currency: str) -> Account:
    """What a shop owes its customers in points, at their worth."""
    return Account("L:POINTS", currency, tenant_id)


def revenue(name: str, currency: str) -> Account:
    """The platform's income: SUPPLIER_COMMISSION, WHOLESALE_MARGIN, GATEWAY_RECOVERY."""
    return Account(f"R:{name}", currency)


def expense(name: str, currency: str) -> Account:
    """The platform's cost: GATEWAY_FEE, COMPENSATION, PROMO."""
    return Account(f"E:{name}", currency)


def bank(currency: str) -> Account:
    """The platform's bank account (asset)."""
    return Account("A:BANK", currency)
