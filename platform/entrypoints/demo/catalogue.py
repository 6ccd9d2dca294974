"""The demo's goods: categories, products and SKUs."""

from collections.abc import Iterator
from uuid import UUID

import orjson

from catalog.forms.fields import stored_form
from entrypoints.demo.records import CategoryRecord, Demo, ProductRecord, SkuRecord
from entrypoints.demo.rows import demo_id, insert_missing
from kernel import db


def category_id(slug: str) -> UUID:
    """Return the id of a category."""
    return demo_id("category", slug)


def product_id(slug: str) -> UUID:
    """Return the id of a product."""
    return demo_id("product", slug)


def sku_id(code: str) -> UUID:
    """Return the id of a SKU."""
    return demo_id("sku", code)


async def load_catalogue(demo: Demo) -> int:
    """Add the goods that are missing and say how many rows that were."""
    products = list(enumerate(demo.products))
    async with db.transaction(db.core_scope()):
        return (
            await insert_missing("categories", list(_category_rows(demo)))
            + await insert_missing("products", [_product_row(at, one) for at, one in products])
            + await insert_missing("skus", list(_sku_rows(demo)))
        )


def _category_rows(demo: Demo) -> Iterator[dict[str, object]]:
    by_slug = {category.slug: category for category in demo.categories}
    for position, category in enumerate(demo.categories):
        yield {
            "id": category_id(category.slug),
            "parent_id": category_id(category.parent) if category.parent else None,
            "path": _path(category, by_slug),
            "slug": category.slug,
            "name_zh": category.name[0],
            "name_en": category.name[1],
            "position": position,
        }


def _path(category: CategoryRecord, by_slug: dict[str, CategoryRecord]) -> list[UUID]:
    above = _path(by_slug[category.parent], by_slug) if category.parent else []
    return [*above, category_id(category.slug)]


def _product_row(position: int, product: ProductRecord) -> dict[str, object]:
    return {
        "id": product_id(product.slug),
        "category_id": category_id(product.category),
        "slug": product.slug,
        "name_zh": product.name[0],
        "name_en": product.name[1],
        "description_zh": product.about[0],
        "description_en": product.about[1],
        "platform": product.platform,
        "position": position,
        "status": "ACTIVE",
    }


def _sku_rows(demo: Demo) -> Iterator[dict[str, object]]:
    for product in demo.products:
        rules, steps = demo.texts.rules[product.rules], demo.texts.steps[product.steps]
        for position, sku in enumerate(product.skus):
            yield _sku_row(position, sku, product) | {
                "usage_rules_zh": rules.zh,
                "usage_rules_en": rules.en,
                "redeem_steps_zh": steps.zh,
                "redeem_steps_en": steps.en,
            }


def _sku_row(position: int, sku: SkuRecord, product: ProductRecord) -> dict[str, object]:
    return {
        "id": sku_id(sku.code),
        "product_id": product_id(product.slug),
        "code": sku.code,
        "name_zh": sku.name[0],
        "name_en": sku.name[1],
        "face_value_minor": sku.face.amount_minor,
        "face_currency": sku.face.currency,
        "region": sku.region or product.region,
        "delivery_mode": sku.delivery,
        "manual_minutes": sku.minutes,
        "seats": sku.seats,
        "form_fields": orjson.loads(stored_form([one.field for one in sku.asks])),
        "scope_of_use_zh": product.scope[0],
        "scope_of_use_en": product.scope[1],
        "validity_days": sku.days,
        "min_remaining_days": product.min_remaining_days,
        "max_per_order": 500,
        "position": position,
        "status": "ACTIVE",
    }
