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


async def attribution(
    code: str | None, *, customer_id: UUID | None, scope: db.Scope
) -> Attribution | None:
    """The affiliate behind a code; None for an unknown code, and for the buyer's own.

    An unknown code is ignored and never stops a sale. `scope` is the shop's, of a transaction that
    is open or of none.
    """
    spelt = (code or "").strip().lower()
    if _CODE.fullmatch(spelt) is None:
        return None
    rows = await db.read(
        scope,
        """select a.id, a.customer_id, p.rate_bp
           from affiliates a join affiliate_programs p on p.id = a.program_id
           where a.tenant_id = current_tenant_id() and a.code = $1
             and a.status = 'ACTIVE' and p.status = 'ACTIVE'""",
        spelt,
    )
    if not rows or rows[0]["rate_bp"] == 0:
        return None
    (row,) = rows
    if customer_id is not None and row["customer_id"] == customer_id:
        return None
    return Attribution(row["id"], row["rate_bp"])
