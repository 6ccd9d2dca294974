"""A party's money by stage, and when what is pending becomes available."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from uuid import UUID

import strawberry

from billing.balances import PartyBalance
from billing.trade_balances import TradeBalance
from orders.earnings import queries
from orders.earnings.queries import Expected
from schema.look_ahead import Selected
from schema.money import Money, amount
from tenants.directory import Shop


@strawberry.type
class ExpectedMoney:
    """Pending money that becomes available at that moment, unless something stops it."""

    at: datetime
    amount: Money


@strawberry.type(description="Earnings by stage.")
class Balances:
    """Pending matures into available; a case holds what its orders have earned; reserved is on its
    way out; `owed` is a debt to the platform."""

    pending: Money
    available: Money
    held: Money
    reserved: Money
    deposit: Money
    owed: Money
    next_available: ExpectedMoney | None = strawberry.field(
        description="What becomes available next; null where nothing is waited for."
    )
    forecast: list[ExpectedMoney] = strawberry.field(
        description="What the next 30 days bring, by the beginning (UTC) of each that has any.",
        metadata={"assumed_size": 31},
    )


@strawberry.type(description="A shop's money by stage, and what it has prepaid.")
class TenantBalances(Balances):
    """`trade` pays what the shop buys at cost; below the threshold `lowBalance` says so."""

    trade: Money
    low_balance_threshold: Money | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a party may expect, as far as it was asked."""

    next_available: Expected | None = None
    forecast: Sequence[Expected] = ()


async def outlook_of(party_id: UUID, shop: Shop, *, wanted: Selected) -> Outlook:
    """Read what is selected of a party's balances and is not a sum of the ledger; each is a
    statement of its own, behind the party's fence and outside of any transaction."""
    asked = (shop.id, party_id, shop.currency)
    return Outlook(
        await queries.next_available(*asked) if wanted.has("nextAvailable") else None,
        await queries.forecast(*asked) if wanted.has("forecast") else (),
    )


class _Stages(TypedDict):
    """What every kind of balances has."""

    pending: Money
    available: Money
    held: Money
    reserved: Money
    deposit: Money
    owed: Money
    next_available: ExpectedMoney | None
    forecast: list[ExpectedMoney]


def balances_type(balance: PartyBalance, outlook: Outlook, currency: str) -> Balances:
    """Put balances into the schema's words."""
    return Balances(**_stages(balance, outlook, currency))


def tenant_balances(
    balance: PartyBalance, trade: TradeBalance, outlook: Outlook, currency: str
) -> TenantBalances:
    """Put a shop's balances, and what it has prepaid, into the schema's words."""
    threshold = trade.low_balance_minor
    return TenantBalances(
        **_stages(balance, outlook, currency),
        trade=amount(trade.held_minor, currency),
        low_balance_threshold=None if threshold is None else amount(threshold, currency),
    )


def _stages(balance: PartyBalance, outlook: Outlook, currency: str) -> _Stages:
    soon = outlook.next_available
    return _Stages(
        pending=amount(balance.pending_minor, currency),
        available=amount(balance.available_minor, currency),
        held=amount(balance.held_minor, currency),
        reserved=amount(balance.reserved_minor, currency),
        deposit=amount(balance.deposit_minor, currency),
        owed=amount(balance.owed_minor, currency),
        next_available=_expected(soon, currency) if soon is not None else None,
        forecast=[_expected(one, currency) for one in outlook.forecast],
    )


def _expected(expected: Expected, currency: str) -> ExpectedMoney:
    return ExpectedMoney(at=expected.at, amount=amount(expected.amount_minor, currency))
