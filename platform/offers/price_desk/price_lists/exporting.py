"""A shop's price list as it goes out: all that it could show, with its cost and every rule."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from kernel import db
from offers.price_desk.evaluation import Ground, ground_of
from offers.price_desk.goods import DeskSku, Touched, portions
from offers.price_desk.guarding import RestlessPrices
from offers.price_desk.impact import asked, cheapest_cost_minor
from offers.price_desk.levels import Buyer, level_for_buyer
from offers.price_desk.own_rules import OwnRules, read_own_rules
from offers.price_desk.price_lists.places import listed, names_of
from offers.price_desk.sheets import FileFormat, write_records
from offers.price_desk.sheets.price_list import (
    COLUMNS,
    ShownSku,
    written_rows,
    written_wide_rows,
)
from offers.price_desk.sheets.rule_cells import EVERYTHING, ListedFor, ListedPlace, ListedRule
from tenants.directory import Shop

_TURNS: Final = 3
_EVER_SINCE: Final = datetime.min.replace(tzinfo=UTC)
_SHOWN_IN: Final = {listed_for: place for place, listed_for in enumerate(ListedFor)}

_Rules = Mapping[ListedPlace, ListedRule]


async def export_price_list(shop: Shop, *, file_format: FileFormat, english: bool) -> bytes:
    """Write the price list of a shop.

    Raises `RestlessPrices` when the prices change each time they are read.
    """
    for _ in range(_TURNS):
        own = await read_own_rules(shop)
        rules = await _rules_by_target(shop, own)
        shown = await _shown(shop, own, rules, english=english)
        if shown is not None:
            rows = [row for sku in shown for row in written_rows(sku, currency=shop.currency)]
            rows += await _wide_rows(shop, rules)
            return await asyncio.to_thread(write_records, COLUMNS, rows, file_format=file_format)
    raise RestlessPrices("The prices were changed meanwhile: try again.")


async def _wide_rows(shop: Shop, rules: Mapping[UUID | None, _Rules]) -> list[tuple[str, ...]]:
    """The rules on the whole catalogue, and those on categories by their slugs."""
    named = await db.read(
        db.core_scope(shop.id, path=shop.path),
        "select id, slug from categories where id = any ($1::uuid[]) order by slug",
        [target_id for target_id in rules if target_id is not None],
    )
    goods: list[tuple[str, UUID | None]] = [(EVERYTHING, None)]
    goods += [(row["slug"], row["id"]) for row in named]
    return [
        row
        for category, target_id in goods
        for row in written_wide_rows(category, rules.get(target_id, {}), currency=shop.currency)
    ]


async def _shown(
    shop: Shop, own: OwnRules, rules: Mapping[UUID | None, _Rules], *, english: bool
) -> list[ShownSku] | None:
    shown: list[ShownSku] = []
    async for portion in portions(shop, Touched.all(), with_own_hidden=True):
        base = await ground_of(shop, portion)
        if base is None or portion.versions[-2] != own.version:
            return None
        ground = base.with_own(level_for_buyer(base.own, own, Buyer()))
        shown += [
            _shown_sku(ground, sku, rules.get(sku.id, {}), english=english)
            for sku in portion.skus
            if sku.offers
        ]
    return shown


async def _rules_by_target(shop: Shop, own: OwnRules) -> Mapping[UUID | None, _Rules]:
    """Every rule by its SKU or category, None being the whole catalogue, and by its place."""
    named = {one.rule.for_id for one in own.rules.values() if one.rule.for_id is not None}
    names = await names_of(shop, ids=named)
    found: dict[UUID | None, dict[ListedPlace, ListedRule]] = defaultdict(dict)
    for one in own.rules.values():
        place = names.place_of(one)
        if place is not None:
            found[one.rule.target_id][place] = listed(one)
    return {
        target_id: dict(sorted(rules.items(), key=_order)) for target_id, rules in found.items()
    }


def _order(item: tuple[ListedPlace, ListedRule]) -> tuple[int, str, int, datetime]:
    place = item[0]
    since = place.starts_at or _EVER_SINCE
    return (_SHOWN_IN[place.listed_for], place.whom, place.from_quantity, since)


def _shown_sku(ground: Ground, sku: DeskSku, rules: _Rules, *, english: bool) -> ShownSku:
    names = (sku.row["name_en"], sku.row["name_zh"])
    return ShownSku(
        sku_code=sku.code,
        name=next(filter(None, names if english else reversed(names)), ""),
        cost_minor=cheapest_cost_minor(ground, sku),
        price_minor=asked(ground, sku).retail_minor,
        visible=sku.row["visible"],
        title=sku.row["title_override"] or "",
        position=sku.row["position"],
        rules=rules,
    )
