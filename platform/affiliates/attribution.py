"""Who is thanked for an order: the affiliate whose code the buyer brought."""

import re
from dataclasses import dataclass
from uuid import UUID

from kernel import db

_CODE = re.compile(r"[a-z0-9]{3,32}")  # as the database has them; nothing else is looked for


@dataclass(frozen=True, slots=True)
class Attribution:
    """The affiliate and the rate of its program, as they are now."""

    affiliate_id: UUID
    rate_bp: int


async def attribution(code: str | None, *, customer_id: UUID | None) -> Attribution | None:
    """The affiliate behind a code; None for an unknown code, and for the buyer's own.

    An unknown code is ignored and never stops a sale. Inside a transaction of the shop.
    """
    spelt = (code or "").strip().lower()
    if _CODE.fullmatch(spelt) is None:
        return None
    row = await db.fetch_row(
        """select a.id, a.customer_id, p.rate_bp
           from affiliates a join affiliate_programs p on p.id = a.program_id
           where a.tenant_id = current_tenant_id() and a.code = $1
             and a.status = 'ACTIVE' and p.status = 'ACTIVE'""",
        spelt,
    )
    if row is None or row["rate_bp"] == 0:
        return None
    if customer_id is not None and row["customer_id"] == customer_id:
        return None
    return Attribution(row["id"], row["rate_bp"])
