"""Points for tests: a shop's program by the product's own use cases, and what customers hold."""

from dataclasses import replace
from typing import Any

import asyncpg

from billing import accounts
from billing.ledger import credit, debit, post
from kernel import db
from kernel.ids import new_id
from promotions.points import programs
from promotions.points.adjusting import Adjustment, adjust_points
from promotions.points.arithmetic import PointsTerms
from promotions.points.purses import Purse, purse_of
from tenants.directory import Shop, forget
from world import Person

TERMS = PointsTerms(
    is_on=True, earn_bp=100, point_minor=1, lasts_days=365, most_bp=5_000, least_points=10
)
"""1 % of what is paid, at a fen a point, for up to half of an order."""


async def begin_program(shop: Shop, **changes: Any) -> Shop:
    """A program of `TERMS` but for these changes; the shop as it is read afterwards."""
    await programs.write_program(shop=shop, terms=replace(TERMS, **changes))
    forget()
    return replace(shop, has_points=True)


async def give_points(
    shop: Shop, person: Person, points: int, *, key: str | None = None, reason: str = "sorry"
) -> Purse:
    """Points by hand, or below zero taken, at the shop's expense."""
    return await adjust_points(
        Adjustment(shop, person.id, points, reason, "staff:test", key or new_id().hex)
    )


async def plant_points(owner: asyncpg.Connection, shop: Shop, person: Person, points: int) -> None:
    """Points for a test that is about redeeming alone: the shop has money for them."""
    worth: int = await owner.fetchval(
        "select point_minor from points_programs where tenant_id = $1", shop.id
    )
    await plant_earnings(shop, points * worth)
    await give_points(shop, person, points)


async def plant_earnings(shop: Shop, amount_minor: int) -> None:
    """Money that came by bank and that the shop may use."""
    async with db.transaction(db.core_scope(shop.id)):
        await post(
            [
                debit(accounts.bank(shop.currency), amount_minor),
                credit(accounts.party_available(shop.id, shop.currency), amount_minor),
            ],
            kind="PLANTED",
            idempotency_key=new_id().hex,
            tenant_id=shop.id,
        )


async def balance(shop: Shop, person: Person) -> int:
    """How many points somebody may use."""
    purse = await purse_of(replace(shop, has_points=True), person.id)
    return purse.balance if purse else 0


async def moves(owner: asyncpg.Connection, person: Person) -> list[tuple[str, int]]:
    """The book of somebody's points, the oldest first."""
    rows = await owner.fetch(
        "select kind, points from points_moves where customer_id = $1 order by number", person.id
    )
    return [(row["kind"], row["points"]) for row in rows]
