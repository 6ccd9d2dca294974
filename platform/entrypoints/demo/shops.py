"""The demo's shops: the tree, its domains, and what each shop charges, hides and renames."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from entrypoints.demo.catalogue import category_id, sku_id
from entrypoints.demo.records import CURRENCY, Demo, RuleRecord, ShopRecord
from entrypoints.demo.rows import demo_id, insert_missing
from kernel import db
from kernel.errors import Refusal
from tenants.pricing import ForKind, Scope

SECRET: Final = (ForKind.CHILD, ForKind.CUSTOMER)
"""Whose rules wait until there is somebody whom they name."""
_LONG_AGO: Final = "2026-01-01T00:00:00Z"


class AnotherPlatform(Refusal):
    """The database has a root of its own; the demo never mixes with a real platform."""


def shop_id(slug: str) -> UUID:
    """Return the id of a shop."""
    return demo_id("shop", slug)


async def load_shops(demo: Demo) -> int:
    """Add the shops that are missing and say how many rows that were.

    Each shop is one transaction, parents first.
    """
    return sum([await _load_shop(shop) for shop in demo.shops])


async def require_own_platform(demo: Demo) -> None:
    """Raise `AnotherPlatform` in a database whose root is not the demo's."""
    [root] = [shop for shop in demo.shops if shop.parent is None]
    async with db.transaction(db.core_scope(), read_only=True):
        other = await db.fetch_value(
            "select name from tenants where parent_id is null and id <> $1", shop_id(root.slug)
        )
    if other is not None:
        raise AnotherPlatform(f"This database is the platform of {other}: the demo needs its own.")


async def _load_shop(shop: ShopRecord) -> int:
    own_id = shop_id(shop.slug)
    async with db.transaction(db.core_scope(own_id, path=[own_id])):
        return (
            await insert_missing("tenants", [_tenant_row(shop)])
            + await _verify_domain(shop)
            + await insert_missing("agent_grades", list(_grade_rows(shop)))
            + await insert_missing("membership_tiers", list(_tier_rows(shop)))
            + await insert_missing("promotions", list(_promotion_rows(shop)))
            + await insert_missing(
                "price_rules",
                [rule_row(shop, rule) for rule in shop.rules if rule.for_kind not in SECRET],
            )
            + await insert_missing("price_limits", list(_limit_rows(shop)))
            + await insert_missing("tenant_listings", list(_listing_rows(shop)))
            + await insert_missing("points_programs", list(_program_rows(shop)))
        )


def _tenant_row(shop: ShopRecord) -> dict[str, object]:
    return {
        "id": shop_id(shop.slug),
        "parent_id": shop_id(shop.parent) if shop.parent else None,
        "kind": "AGENT" if shop.parent else "ROOT",
        "slug": shop.slug,
        "name": shop.name,
        "status": "ACTIVE",
        "settlement_mode": "PLATFORM_COLLECT",
        "currency": CURRENCY,
        "locale": shop.locale,
        "support_contact": shop.support,
        "payment_methods": ["WALLET", "CARD", "ALIPAY", "WECHAT_PAY"],
        "min_margin_minor": shop.min_margin_minor,
        "max_markup_bp": shop.max_markup_bp,
        "grade_id": demo_id("grade", f"{shop.parent}:{shop.grade}") if shop.grade else None,
    }


def _grade_rows(shop: ShopRecord) -> Iterator[dict[str, object]]:
    for record in shop.grades:
        yield {
            "tenant_id": shop_id(shop.slug),
            "id": demo_id("grade", f"{shop.slug}:{record.name}"),
            "name": record.name,
            "rank": record.rank,
            "open_fee_minor": record.open_fee.amount_minor,
        }


def _tier_rows(shop: ShopRecord) -> Iterator[dict[str, object]]:
    for record in shop.tiers:
        yield {
            "tenant_id": shop_id(shop.slug),
            "id": demo_id("tier", f"{shop.slug}:{record.name}"),
            "name": record.name,
            "rank": record.rank,
            "spent_minor": record.spent.amount_minor,
            "window_days": record.window_days,
            "grace_days": record.grace_days,
            "max_unpaid_orders": record.max_unpaid_orders,
            "priority": record.priority,
        }


def _promotion_rows(shop: ShopRecord) -> Iterator[dict[str, object]]:
    for name in shop.promotions:
        yield {
            "tenant_id": shop_id(shop.slug),
            "id": demo_id("promotion", f"{shop.slug}:{name}"),
            "name": name,
            "starts_at": _LONG_AGO,
            "status": "RUNNING",
        }


def _program_rows(shop: ShopRecord) -> Iterator[dict[str, object]]:
    if shop.points:
        yield {"tenant_id": shop_id(shop.slug), "is_on": True, **shop.points}


async def _verify_domain(shop: ShopRecord) -> int:
    return await db.execute(
        """insert into tenant_domains (tenant_id, id, host, kind, is_primary, verified_at)
           values ($1, $2, $3, 'SUBDOMAIN', true, platform_now()) on conflict do nothing""",
        shop_id(shop.slug),
        demo_id("domain", shop.host),
        shop.host,
    )


def rule_row(
    shop: ShopRecord, rule: RuleRecord, *, customer_id: UUID | None = None
) -> dict[str, object]:
    """Write a rule as a row; for one customer, with the customer's id."""
    name = f"{shop.slug}:{rule.audience}:{rule.scope}:{rule.target}"
    if rule.whom is not None or rule.min_quantity > 1:
        name += f":{rule.for_kind}:{rule.whom}:{rule.min_quantity}"
    return {
        "tenant_id": shop_id(shop.slug),
        "id": demo_id("rule", name),
        "audience": rule.audience,
        "for_kind": rule.for_kind,
        "for_id": customer_id or _whom_id(shop, rule),
        "min_quantity": rule.min_quantity,
        "scope": rule.scope,
        "target_id": _target_id(rule),
        "kind": rule.kind,
        "value": rule.value,
        "rounding": rule.rounding,
        "unit_minor": rule.unit_minor,
    }


def _whom_id(shop: ShopRecord, rule: RuleRecord) -> UUID | None:
    if rule.whom is None:
        return None
    if rule.for_kind is ForKind.CHILD:
        return shop_id(rule.whom)
    return demo_id(rule.for_kind.lower(), f"{shop.slug}:{rule.whom}")


def _target_id(rule: RuleRecord) -> UUID | None:
    if rule.target is None:
        return None
    return sku_id(rule.target) if rule.scope is Scope.SKU else category_id(rule.target)


def _limit_rows(shop: ShopRecord) -> Iterator[dict[str, object]]:
    for limit in shop.limits:
        yield {
            "tenant_id": shop_id(shop.slug),
            "sku_id": sku_id(limit.sku),
            "floor_minor": limit.floor_minor,
            "ceiling_minor": limit.ceiling_minor,
            "applies_to": "LIST",
        }


def _listing_rows(shop: ShopRecord) -> Iterator[dict[str, object]]:
    for code in sorted({*shop.hidden, *shop.titles}):
        yield {
            "tenant_id": shop_id(shop.slug),
            "sku_id": sku_id(code),
            "visible": code not in shop.hidden,
            "title_override": shop.titles.get(code),
        }
