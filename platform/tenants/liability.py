"""Who bears a payment that a bank takes back: a term of the contract, and what it was.

The shop bears it unless an operator has said that the platform does. A change holds for orders that
are made afterwards: what held before is kept, and found by an order's time.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id

Liability = Literal["SHOP", "PLATFORM"]
MAX_REASON_LETTERS = 500

_AT = """
select liability from chargeback_liabilities
where tenant_id = $1 and since <= $2 order by since desc limit 1
"""


async def liability_at(tenant_id: UUID, moment: datetime) -> Liability:
    """Who bore it at a moment, inside a transaction of the tenant's."""
    found: Liability | None = await db.fetch_value(_AT, tenant_id, moment)
    return found or "SHOP"


async def set_liability(*, tenant_id: UUID, liability: Liability, actor: str, reason: str) -> None:
    """Let a contract say from now on who bears it. An operator's.

    Raises `NotFound`, and `Invalid` for a reason that is too long.
    """
    if len(reason) > MAX_REASON_LETTERS or not reason.isprintable():
        message = f"A reason has at most {MAX_REASON_LETTERS} printable characters."
        raise Invalid(message, field="reason")
    async with db.transaction(db.core_scope(tenant_id)):
        if await db.fetch_value("select 1 from tenants where id = $1", tenant_id) is None:
            raise NotFound("There is no such tenant.", field="tenantId")
        await db.execute(
            """insert into chargeback_liabilities (tenant_id, id, liability, actor, reason)
               values ($1, $2, $3, $4, $5)""",
            tenant_id,
            new_id(),
            liability,
            actor,
            reason,
        )
