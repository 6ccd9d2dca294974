"""Who is thanked for an order: found in one statement, and only where a buyer brings something."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from affiliates.click_tokens import Touches, read_touches
from affiliates.commission import Rate
from affiliates.deciding import Candidate, Rule, Upline, Verdict, decide
from kernel import db

_CODE: Final = re.compile(r"[a-z0-9]{3,32}")  # as the database has them; nothing else is looked for


@dataclass(frozen=True, slots=True)
class Brought:
    """What a buyer brings that may name an affiliate: a typed code, the token of a click."""

    code: str | None = None
    click: str | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """The affiliate that is thanked, and what it and those above it earn, as of now."""

    verdict: Verdict

    @property
    def affiliate_id(self) -> UUID:
        """Whoever brought the buyer."""
        return self.verdict.candidate.affiliate_id

    @property
    def uplines(self) -> tuple[Upline, ...]:
        """Who brought the affiliate, nearest first."""
        return self.verdict.candidate.uplines

    def rate_of(self, sku_id: UUID) -> Rate:
        """What the affiliate earns on goods."""
        candidate = self.verdict.candidate
        return (candidate.rates or {}).get(sku_id, candidate.rate)


# Whoever is named by no code and no click is not looked for.
_CANDIDATES: Final = """
with named as (
    select 'CODE' as by, id as affiliate_id, null::uuid as link_id, null::uuid as click_id,
           null::timestamptz as clicked_at
    from affiliates where tenant_id = current_tenant_id() and code = $1
    union all
    select 'CODE', affiliate_id, id, null, null
    from affiliate_links where tenant_id = current_tenant_id() and code = $1
    union all
    select touch.by, touch.affiliate_id, link.id, touch.click_id, touch.at
    from unnest($2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[])
         as touch (by, affiliate_id, link_id, click_id, at)
    left join affiliate_links link
        on (link.tenant_id, link.id) = (current_tenant_id(), touch.link_id)
)
select named.*, affiliate.customer_id, program.rate_bp, program.fixed_minor, program.second_bp,
       program.third_bp, program.window_days, program.first_touch, program.first_order_only,
       affiliate.status = 'ACTIVE' and program.status = 'ACTIVE'
           and coalesce(program.ends_at > platform_now(), true) as is_open,
       second.id as second_id, second.customer_id as second_customer_id,
       third.id as third_id, third.customer_id as third_customer_id,
       special.sku_ids, special.rates_bp, special.fixed_minors, platform_now() as now,
       program.first_order_only and exists (
           select from orders
           where orders.tenant_id = current_tenant_id() and orders.customer_id = $7
             and orders.payment_status = 'PAID') as has_ordered
from named
join affiliates affiliate
    on (affiliate.tenant_id, affiliate.id) = (current_tenant_id(), named.affiliate_id)
join affiliate_programs program on program.id = affiliate.program_id
left join affiliates second
    on second.id = affiliate.recruiter_id and second.status = 'ACTIVE' and program.second_bp > 0
left join affiliates third
    on third.id = second.recruiter_id and third.status = 'ACTIVE' and program.third_bp > 0
left join lateral (
    select array_agg(sku.id) as sku_ids, array_agg(rate.rate_bp) as rates_bp,
           array_agg(rate.fixed_minor) as fixed_minors
    from skus sku join products product on product.id = sku.product_id
    join categories category on category.id = product.category_id
    cross join lateral (
        select rate_bp, fixed_minor from affiliate_rates
        where affiliate_rates.program_id = program.id
          and (sku_id = sku.id or category_id = any (category.path)
               or tier_id = (select tier_id from customers
                             where tenant_id = current_tenant_id() and id = $7))
        order by sku_id nulls last,
                 array_position(category.path, category_id) desc nulls last limit 1
    ) as rate
    where sku.id = any ($8::uuid[])
) as special on true
"""


async def attribution(
    brought: Brought,
    *,
    customer_id: UUID | None,
    sku_ids: Sequence[UUID] = (),
    scope: db.Scope,
) -> Verdict | None:
    """Find who is thanked for an order of these goods, or why it is nobody.

    None for an unknown code and a click that is none, which are ignored and never stop a sale; the
    database is not asked where a buyer brings nothing. `scope` is the shop's, of a transaction that
    is open or of none.
    """
    spelt = (brought.code or "").strip().lower()
    code = spelt if _CODE.fullmatch(spelt) else None
    assert scope.tenant_id is not None
    touches = read_touches(brought.click, tenant_id=scope.tenant_id)
    if code is None and touches is None:
        return None
    rows = await db.read(
        scope, _CANDIDATES, code, *_columns_of(touches), customer_id, list(sku_ids)
    )
    if not rows:
        return None
    now: datetime = rows[0]["now"]
    return decide(
        [_candidate(row) for row in rows],
        customer_id=customer_id,
        has_ordered=any(row["has_ordered"] for row in rows),
        now=now,
    )


def thanks_of(verdict: Verdict | None) -> Attribution | None:
    """The attribution of an order, where the verdict thanks somebody."""
    return Attribution(verdict) if verdict is not None and verdict.is_thanked else None


def _columns_of(touches: Touches | None) -> tuple[list[Any], ...]:
    if touches is None:
        return [], [], [], [], []
    both = [(Rule.FIRST_TOUCH, touches.first), (Rule.LAST_CLICK, touches.last)]
    return (
        [str(rule) for rule, _ in both],
        [touch.affiliate_id for _, touch in both],
        [touch.link_id for _, touch in both],
        [touch.click_id for _, touch in both],
        [touch.at for _, touch in both],
    )


def _candidate(row: Mapping[str, Any]) -> Candidate:
    rate = Rate(row["rate_bp"], row["fixed_minor"])
    special = zip(
        row["sku_ids"] or (), row["rates_bp"] or (), row["fixed_minors"] or (), strict=True
    )
    rates = {sku_id: Rate(bp or 0, fixed_minor) for sku_id, bp, fixed_minor in special}
    uplines = [
        Upline(row[f"{tier}_id"], row[f"{tier}_bp"], row[f"{tier}_customer_id"])
        for tier in ("second", "third")
        if row[f"{tier}_id"] is not None
    ]
    pays = not rate.is_nothing or any(not one.is_nothing for one in rates.values())
    return Candidate(
        by=Rule(row["by"]),
        affiliate_id=row["affiliate_id"],
        customer_id=row["customer_id"],
        is_open=row["is_open"] and pays,
        rate=rate,
        window_days=row["window_days"],
        first_touch=row["first_touch"],
        first_order_only=row["first_order_only"],
        link_id=row["link_id"],
        click_id=row["click_id"],
        clicked_at=row["clicked_at"],
        rates=rates,
        uplines=tuple(uplines),
    )
