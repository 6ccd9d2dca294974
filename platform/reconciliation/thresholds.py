"""How much may be open in a currency before its payouts stop: operators say so."""

from billing import payout_gate
from billing.payout_gate import Gate
from kernel import db
from kernel.errors import Invalid
from reconciliation import runs


async def gates() -> list[Gate]:
    """Every currency's gate."""
    async with db.transaction(runs.scope(), read_only=True):
        return await payout_gate.gates()


async def set_threshold(currency: str, threshold_minor: int) -> Gate:
    """Set a currency's threshold, in minor units; raises `Invalid`."""
    if threshold_minor < 0:
        raise Invalid("A threshold cannot be negative.", field="threshold")
    async with db.transaction(runs.scope()):
        known = await db.fetch_value(
            "select exists (select from tenants where currency = $1)", currency
        )
        if not known:
            raise Invalid("No shop sells in this currency.", field="threshold")
        await payout_gate.hold()
        await payout_gate.set_threshold(currency, threshold_minor)
        return next(gate for gate in await payout_gate.gates() if gate.currency == currency)
