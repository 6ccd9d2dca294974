"""The demo's secret prices: of one agent, and of one customer."""

from collections.abc import Mapping
from uuid import UUID

from entrypoints.demo.records import CustomerRecord, Demo, RuleRecord, ShopRecord
from entrypoints.demo.rows import insert_missing
from entrypoints.demo.shops import SECRET, rule_row, shop_id
from kernel import db
from tenants.pricing import ForKind


async def load_secret_prices(demo: Demo, customers: Mapping[CustomerRecord, UUID]) -> int:
    """Add those that are missing, and say how many that were.

    They come last: each names somebody who must be there.
    """
    ids = {(customer.shop, customer.email): key for customer, key in customers.items()}
    written = 0
    for shop in demo.shops:
        rules = [rule for rule in shop.rules if rule.for_kind in SECRET]
        rows = [rule_row(shop, rule, customer_id=_customer_id(shop, rule, ids)) for rule in rules]
        own_id = shop_id(shop.slug)
        async with db.transaction(db.core_scope(own_id, path=[own_id])):
            written += await insert_missing("price_rules", rows)
    return written


def _customer_id(
    shop: ShopRecord, rule: RuleRecord, ids: Mapping[tuple[str, str], UUID]
) -> UUID | None:
    if rule.for_kind is not ForKind.CUSTOMER or rule.whom is None:
        return None
    return ids[shop.slug, rule.whom]
