"""Who takes the money of a shop's buyers: the platform, or the shop itself (domain 2)."""

from uuid import UUID

from kernel import db
from kernel.errors import Invalid
from tenants.models import SettlementMode


async def set_settlement_mode(tenant_id: UUID, mode: SettlementMode) -> None:
    """Let a shop's buyers pay the platform, or from now on the shop itself.

    What they have ordered before is still sold to them. Raises `Invalid` for the platform's own
    shop, which buys from nobody what it would sell.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        changed = await db.execute(
            "update tenants set settlement_mode = $2 where id = $1 and parent_id is not null",
            tenant_id,
            str(mode),
        )
        if not changed:
            raise Invalid("The platform's own shop is paid by the platform.", field="mode")
