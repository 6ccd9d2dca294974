"""The tree: one root, agents below it, and shops at the lowest level, with rules everywhere."""

from typing import Final

import asyncpg

SHOPS_PER_AGENT: Final = 5

_TENANTS: Final = """
insert into tenants (id, parent_id, path, kind, slug, name, currency)
select bench.named_id('tenant:' || $1::integer || ':' || n),
       case when $1 > 1 then
           bench.named_id('tenant:' || ($1 - 1) || ':' || n / $3::integer % $4::integer) end,
       '{}', case when $1 > 1 then 'AGENT' else 'ROOT' end,
       'level-' || $1 || '-' || n, 'level ' || $1 || ', ' || n, 'CNY'
from generate_series(0, $2::integer - 1) as n
"""
_DOMAINS: Final = """
insert into tenant_domains (tenant_id, id, host, kind, is_primary, verified_at)
select bench.named_id('tenant:' || $1::integer || ':' || n), bench.named_id('domain:' || n),
       'shop-' || n || '.bench.test', 'SUBDOMAIN', true, now()
from generate_series(0, $2::integer - 1) as n
"""
# Every level asks something of everything; agents more of two categories, shops less for every
# tenth SKU. What a level asks grows a little from the top down.
_RULES: Final = """
insert into price_rules (tenant_id, id, audience, scope, target_id, kind, value)
select bench.named_id('tenant:' || $1::integer || ':' || n),
       bench.named_id('rule:' || $1 || ':' || n || ':' || audience || coalesce(target::text, '')),
       audience, scope, target, 'PERCENT_OVER_COST', value
from generate_series(0, $2::integer - 1) as n,
     (select 'WHOLESALE' as audience, 'DEFAULT' as scope, null::uuid as target, 500 as value
      union all select 'RETAIL', 'DEFAULT', null, 2500 - 100 * $1
      union all select 'WHOLESALE', 'CATEGORY', bench.named_id('category:' || c), 700
                from generate_series(0, 1) as c where not $3::boolean
      union all select 'RETAIL', 'SKU', bench.named_id('sku:' || s), 1500
                from generate_series(0, $4::integer - 1, 10) as s where $3) as rule
"""
_TITLES: Final = """
insert into tenant_listings (tenant_id, sku_id, title_override)
select bench.named_id('tenant:' || $1::integer || ':' || n), bench.named_id('sku:' || s),
       '特价 ' || s
from generate_series(0, $2::integer - 1) as n, generate_series(n % 20, $3::integer - 1, 20) as s
"""


async def plant_tree(owner: asyncpg.Connection, *, shops: int, depth: int, skus: int) -> None:
    """Make a tree of `depth` levels, root and shops counted, with `shops` at
    the lowest; goods must stand there already. With a depth of 1 the root is the only shop."""
    above = 1
    for level, count in enumerate(_counts(shops, depth), start=1):
        lowest = level == depth
        await owner.execute(_TENANTS, level, count, SHOPS_PER_AGENT, above)
        above = count
        await owner.execute(_RULES, level, count, lowest, skus)
        if lowest:
            await owner.execute(_DOMAINS, level, count)
            await owner.execute(_TITLES, level, count, skus)


def _counts(shops: int, depth: int) -> list[int]:
    """How many tenants each level has, from the root down: five below each, but for the root."""
    counts = [shops]
    while len(counts) < depth - 1:
        counts.append(-(-counts[-1] // SHOPS_PER_AGENT))
    return [1, *reversed(counts)] if depth > 1 else [1]
