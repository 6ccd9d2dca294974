"""What a shop wants to hear of its trade balance."""

from billing import trade_balances
from billing.trade_balances import TradeBalance
from kernel import db
from kernel.errors import Invalid
from kernel.money import MAX_AMOUNT_MINOR
from tenants.directory import Shop


async def trade_balance_of(shop: Shop) -> TradeBalance:
    """The shop's trade balance and its threshold, as they are now."""
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        return await trade_balances.trade_balance(shop.id, shop.currency)


async def set_low_balance(shop: Shop, threshold_minor: int) -> None:
    """Say below which balance the shop wants to be told, in minor units; 0 for never.

    The alarm rings when the balance crosses the threshold, not while it stays below.
    """
    if not 0 <= threshold_minor <= MAX_AMOUNT_MINOR:
        raise Invalid("A threshold is not negative.", field="threshold")
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await trade_balances.set_low_balance_threshold(shop.id, threshold_minor or None)
