"""The price rules of a whole path, laid out for `tenants.pricing`."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from kernel import db
from tenants.directory import Shop
from tenants.pricing import Audience, PathLevel, PriceRule, Rounding, RuleBook, RuleKind, Scope

_RULES = """
select id, tenant_id, audience, scope, target_id, kind, value, rounding, unit_minor
from price_rules
where tenant_id = any ($1) and (scope <> 'SKU' or target_id = any ($2))
"""


async def path_levels(shop: Shop, *, sku_ids: Sequence[UUID]) -> tuple[PathLevel, ...]:
    """The levels from the root to the shop with the rules that can touch these SKUs.

    Needs a core transaction with the shop's path: rules of other branches cannot be seen.
    """
    rows = await db.fetch(_RULES, list(shop.path), list(sku_ids))
    books: dict[tuple[UUID, str], list[PriceRule]] = defaultdict(list)
    for row in rows:
        books[row["tenant_id"], row["audience"]].append(_rule(row))
    return tuple(
        PathLevel(
            tenant_id=level.id,
            wholesale_rules=RuleBook.of(books[level.id, Audience.WHOLESALE]),
            retail_rules=RuleBook.of(books[level.id, Audience.RETAIL]),
            min_margin_minor=level.min_margin_minor,
            max_markup_bp=level.max_markup_bp,
        )
        for level in shop.levels
    )


def _rule(row) -> PriceRule:  # type: ignore[no-untyped-def]
    return PriceRule(
        id=row["id"],
        owner_id=row["tenant_id"],
        audience=Audience(row["audience"]),
        scope=Scope(row["scope"]),
        target_id=row["target_id"],
        kind=RuleKind(row["kind"]),
        value=row["value"],
        rounding=Rounding(row["rounding"]),
        unit_minor=row["unit_minor"],
    )
