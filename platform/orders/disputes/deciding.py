"""What an operator finds out about disputed goods: it decides who bears a loss."""

from typing import Literal
from uuid import UUID

from kernel import db
from kernel.errors import Refusal
from orders.disputes.answering import tenant_of

Goods = Literal["GOOD", "BAD"]


class DisputeOver(Refusal):
    """The dispute is over, and what it came to is borne already."""

    code = "WRONG_STATE"


async def decide_goods(*, case_id: UUID, within: UUID | None, goods: Goods) -> None:
    """Say whether the disputed goods were good, before the case is settled. An operator's.

    Raises `NotFound`, and `DisputeOver` once it is settled.
    """
    tenant_id = await tenant_of(case_id, within=within)
    async with db.transaction(db.core_scope(tenant_id)):
        decided = await db.execute(
            "update disputes set goods = $2 where id = $1 and settled_at is null", case_id, goods
        )
        if not decided:
            raise DisputeOver("This dispute is over.", field="disputeId")
