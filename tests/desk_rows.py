"""What the tests of the price desk look at in the database, and drafts said shortly."""

from typing import Any
from uuid import UUID

import asyncpg

from offers.price_desk.drafts import RuleDraft
from tenants.pricing import Audience, RuleKind, Scope
from world import World

_WRITTEN = (
    "price_rules",
    "price_limits",
    "promotions",
    "agent_grades",
    "tenant_listings",
    "price_files",
    "price_alerts",
    "price_imports",
)


async def everything_written(owner: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row that the desk may write, as text: equal before and after a refusal."""
    found = {}
    for table in _WRITTEN:
        rows = await owner.fetch(f"select t::text as row from {table} t order by 1")
        found[table] = [row["row"] for row in rows]
    margins = await owner.fetch("select id, min_margin_minor, grade_id from tenants order by id")
    found["tenants"] = [str(tuple(row)) for row in margins]
    return found


def a_draft(
    audience: Audience, kind: RuleKind, value: int = 0, *, sku_id: UUID | None = None, **more: Any
) -> RuleDraft:
    """A draft for the whole catalogue, or for one SKU."""
    scope = Scope.DEFAULT if sku_id is None else Scope.SKU
    given = {"scope": scope, "target_id": sku_id, **more}
    return RuleDraft(audience=audience, kind=kind, value=value, **given)


async def a_grade(world: World, *, shop_id: UUID, name: str = "senior", rank: int = 1) -> UUID:
    """A grade planted by the owner."""
    grade_id: UUID = await world.owner.fetchval(
        """insert into agent_grades (tenant_id, id, name, rank)
           values ($1, gen_random_uuid(), $2, $3) returning id""",
        shop_id,
        name,
        rank,
    )
    return grade_id
