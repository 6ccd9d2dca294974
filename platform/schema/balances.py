"""A party's money by stage, and when what is pending becomes available."""

from datetime import datetime
from uuid import UUID

import strawberry

from billing.balances import PartyBalance
from billing.trade_balances import TradeBalance
from orders.earnings import queries
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
    shop_id: strawberry.Private[UUID]
    party_id: strawberry.Private[UUID]

    @strawberry.field(description="What becomes available next; null where nothing is waited for.")
    async def next_available(self) -> ExpectedMoney | None:
        """Read the next moment."""
        currency = self.pending.currency
        found = await queries.next_available(self.shop_id, self.party_id, currency)
        if found is None:
            return None
        return ExpectedMoney(at=found.at, amount=amount(found.amount_minor, currency))

    @strawberry.field(
        description="What the next 30 days bring, by the beginning (UTC) of each that has any.",
        metadata={"assumed_size": 31},
    )
    async def forecast(self) -> list[ExpectedMoney]:
        """Read the days."""
        currency = self.pending.currency
        return [
            ExpectedMoney(at=one.at, amount=amount(one.amount_minor, currency))
            for one in await queries.forecast(self.shop_id, self.party_id, currency)
        ]


@strawberry.type(description="A shop's money by stage, and what it has prepaid.")
class TenantBalances(Balances):
    """`trade` pays what the shop buys at cost; below the threshold `lowBalance` says so."""

    trade: Money
    low_balance_threshold: Money | None


def balances_type(balance: PartyBalance, shop: Shop, party_id: UUID) -> Balances:
    """Put balances into the schema's words."""
    currency = shop.currency
    return Balances(
        pending=amount(balance.pending_minor, currency),
        available=amount(balance.available_minor, currency),
        held=amount(balance.held_minor, currency),
        reserved=amount(balance.reserved_minor, currency),
        deposit=amount(balance.deposit_minor, currency),
        owed=amount(balance.owed_minor, currency),
        shop_id=shop.id,
        party_id=party_id,
    )


def tenant_balances(balance: PartyBalance, trade: TradeBalance, shop: Shop) -> TenantBalances:
    """Put a shop's balances, and what it has prepaid, into the schema's words."""
    currency, threshold = shop.currency, trade.low_balance_minor
    return TenantBalances(
        pending=amount(balance.pending_minor, currency),
        available=amount(balance.available_minor, currency),
        held=amount(balance.held_minor, currency),
        reserved=amount(balance.reserved_minor, currency),
        deposit=amount(balance.deposit_minor, currency),
        owed=amount(balance.owed_minor, currency),
        shop_id=shop.id,
        party_id=shop.id,
        trade=amount(trade.held_minor, currency),
        low_balance_threshold=None if threshold is None else amount(threshold, currency),
    )
