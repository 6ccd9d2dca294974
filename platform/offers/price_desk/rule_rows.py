"""Price rules in the database: written many at once, read as their shop sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from kernel import cursors, db
from kernel.errors import Invalid, NotFound
from offers.price_desk.own_rules import DeskRule
from tenants.directory import Shop
from tenants.pricing import ForKind

_ABOUT: Final = "price rules"

_WRITE: Final = """
insert into price_rules (tenant_id, id, audience, for_kind, for_id, scope, target_id, kind, value,
                         rounding, unit_minor, min_quantity, starts_at, ends_at)
select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::uuid[],
                         $8::text[], $9::bigint[], $10::text[], $11::integer[], $12::integer[],
                         $13::timestamptz[], $14::timestamptz[])
on conflict (id) do update set
    audience = excluded.audience, for_kind = excluded.for_kind, for_id = excluded.for_id,
    scope = excluded.scope, target_id = excluded.target_id, kind = excluded.kind,
    value = excluded.value, rounding = excluded.rounding, unit_minor = excluded.unit_minor,
    min_quantity = excluded.min_quantity, starts_at = excluded.starts_at,
    ends_at = excluded.ends_at"""

# What has ended prices nothing, and must not stand in the way of what takes its seat.
_CLEAR_ENDED: Final = """
delete from price_rules ended
using unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::integer[])
      as seat (audience, for_kind, for_id, scope, target_id, min_quantity)
where ended.tenant_id = $1 and ended.ends_at <= platform_now()
  and ended.audience = seat.audience and ended.for_kind = seat.for_kind
  and ended.for_id is not distinct from seat.for_id and ended.scope = seat.scope
  and ended.target_id is not distinct from seat.target_id
  and ended.min_quantity = seat.min_quantity"""

_RULES: Final = """
select r.id, r.audience, r.for_kind, r.for_id, r.scope, r.target_id, r.kind, r.value, r.rounding,
       r.unit_minor, r.min_quantity, r.starts_at, r.ends_at, child.slug as child_slug,
       s.code as sku_code, c.slug as category_slug
from price_rules r
left join tenants child on child.id = r.child_id
left join skus s on r.scope = 'SKU' and s.id = r.target_id
left join categories c on r.scope = 'CATEGORY' and c.id = r.target_id
where r.tenant_id = $1 and {which}
order by r.id"""
_BY_IDS: Final = _RULES.format(which="r.id = any ($2::uuid[])")
_PAGE: Final = _RULES.format(
    which="($2::text is null or r.audience = $2) and r.id > $3::uuid"
) + " limit $4"  # fmt: skip


class SeatTaken(Invalid):
    """Another rule prices the same goods for the same people in a part of that time."""


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule as its shop sees it; `value` in basis points or minor units by its kind."""

    id: UUID
    audience: str
    for_kind: str
    for_id: UUID | None
    scope: str
    target_id: UUID | None
    kind: str
    value: int
    rounding: str
    unit_minor: int
    min_quantity: int
    starts_at: datetime | None
    ends_at: datetime | None
    child_slug: str | None
    sku_code: str | None
    category_slug: str | None


@dataclass(frozen=True, slots=True)
class RulePage:
    """Some of a shop's rules, the oldest first."""

    rules: tuple[RuleView, ...]
    has_next: bool
    end_cursor: str | None


async def write_rules(shop: Shop, rules: Sequence[DeskRule]) -> None:
    """Write rules of the shop in the open transaction; those with a known id are replaced.

    Raises `SeatTaken`, and `NotFound` for a grade, child, tier, customer or promotion that is not
    the shop's.
    """
    if not rules:
        return
    plain = [one.rule for one in rules]
    seats = [
        [rule.audience for rule in plain],
        [rule.for_kind for rule in plain],
        [rule.for_id for rule in plain],
        [rule.scope for rule in plain],
        [rule.target_id for rule in plain],
    ]
    least = [rule.min_quantity for rule in plain]
    try:
        await db.execute(_CLEAR_ENDED, shop.id, *seats, least)
        await db.execute(
            _WRITE,
            shop.id,
            [rule.id for rule in plain],
            *seats,
            [rule.kind for rule in plain],
            [rule.value for rule in plain],
            [rule.rounding for rule in plain],
            [rule.unit_minor for rule in plain],
            least,
            *_windows(rules),
        )
    except (asyncpg.UniqueViolationError, asyncpg.ExclusionViolationError):
        raise SeatTaken(
            "Another rule is for the same goods and people at that time.", field="startsAt"
        ) from None
    except asyncpg.ForeignKeyViolationError:
        raise NotFound(
            "There is nobody there whom this price could be for.", field="forId"
        ) from None


def _windows(rules: Sequence[DeskRule]) -> tuple[list[datetime | None], list[datetime | None]]:
    """Starts and ends; a promotion's rule has its promotion's, and none of its own."""
    own = [one.rule.for_kind is not ForKind.PROMOTION for one in rules]
    return (
        [one.starts_at if mine else None for one, mine in zip(rules, own, strict=True)],
        [one.ends_at if mine else None for one, mine in zip(rules, own, strict=True)],
    )


async def delete_rules(shop: Shop, rule_ids: Sequence[UUID]) -> int:
    """Delete rules of the shop in the open transaction; returns how many there were."""
    return await db.execute(
        "delete from price_rules where tenant_id = $1 and id = any ($2::uuid[])",
        shop.id,
        list(rule_ids),
    )


async def rules_by_id(shop: Shop, rule_ids: Sequence[UUID]) -> list[RuleView]:
    """Read these rules of the shop."""
    scope = db.core_scope(shop.id, path=shop.path)
    return [_view(row) for row in await db.read(scope, _BY_IDS, shop.id, list(rule_ids))]


async def rules_page(
    shop: Shop, *, audience: str | None, first: int | None, after: str | None
) -> RulePage:
    """A page of the shop's rules; raises `Invalid` for a page size or cursor that is none."""
    size = cursors.page_size(first)
    seen = cursors.read(after, tenant_id=shop.id, about=_ABOUT)
    place = UUID(seen[0]) if seen else UUID(int=0)
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, _PAGE, shop.id, audience, place, size + 1)
    views = tuple(_view(row) for row in rows[:size])
    end = cursors.write([str(views[-1].id)], tenant_id=shop.id, about=_ABOUT) if views else None
    return RulePage(views, len(rows) > size, end)


def _view(row: Mapping[str, Any]) -> RuleView:
    return RuleView(**row)
