"""Random markets: a path of shops with rules of every kind, suppliers, goods, keys, affiliates."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from hypothesis import strategies as st

from kernel.ids import new_id
from tenants.pricing import Rounding
from world import Goods, Person, ShopAt, World, plant_goods, plant_tenant

MAX_DEPTH = 5
EVERYTHING_PLANTED = """
    select string_agg(quote_ident(relname), ', ') from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like '%migration%'
"""


@dataclass(frozen=True)
class RuleWish:
    """A price rule on the whole catalogue."""

    kind: str
    value: int
    rounding: str
    unit_minor: int


@dataclass(frozen=True)
class OfferWish:
    """One supplier's offer of a SKU: its price in minor units, its commission, its keys."""

    supply_minor: int
    commission_bp: int
    keys: int


@dataclass(frozen=True)
class MarketWish:
    """What a market is to be like; shops from the root down."""

    wholesale: tuple[RuleWish | None, ...]
    retail: tuple[RuleWish | None, ...]
    affiliate_rates_bp: tuple[int | None, ...]
    skus: tuple[tuple[OfferWish, ...], ...]


@dataclass
class Market:
    """What was planted."""

    world: World
    shops: tuple[ShopAt, ...]
    goods: tuple[tuple[Goods, ...], ...]
    """One tuple a SKU, one entry an offer of it."""
    customers: dict[ShopAt, Person]
    affiliate_codes: dict[ShopAt, str]


def _rules(*, least_bp: int, least_minor: int) -> st.SearchStrategy[RuleWish]:
    """Rules that add so much at least; a price may come out too low all the same."""
    roundings = st.sampled_from([rounding.value for rounding in Rounding])
    units = st.sampled_from([1, 1, 10, 100])
    percent, fixed = st.integers(least_bp, 4_000), st.integers(least_minor, 3_000)
    return st.one_of(
        st.builds(RuleWish, st.just("PERCENT_OVER_COST"), percent, roundings, units),
        st.builds(RuleWish, st.just("FIXED_OVER_COST"), fixed, roundings, units),
    )


_wholesale = st.one_of(_rules(least_bp=0, least_minor=0), st.none())
_retail = st.one_of(*[_rules(least_bp=1_000, least_minor=700)] * 4, st.none())
_offers = st.builds(
    OfferWish,
    supply_minor=st.one_of(st.integers(1, 30), st.integers(31, 30_000)),
    commission_bp=st.sampled_from([0, 1, 333, 500, 2_500, 10_000]),
    keys=st.integers(2, 12),
)


@st.composite
def market_wishes(draw: st.DrawFn) -> MarketWish:
    """Markets of depth 0 to 5 with two SKUs of one to three offers each."""
    levels = draw(st.integers(1, MAX_DEPTH + 1))

    rates = st.one_of(st.none(), st.sampled_from([0, 1, 300, 777]))
    return MarketWish(
        wholesale=tuple(draw(_wholesale) for _ in range(levels)),
        retail=tuple(draw(_retail) for _ in range(levels)),
        affiliate_rates_bp=tuple(draw(rates) for _ in range(levels)),
        skus=tuple(tuple(draw(st.lists(_offers, min_size=1, max_size=3))) for _ in range(2)),
    )


async def erase(owner: asyncpg.Connection) -> None:
    """Make the database as empty as it was after its migrations, append-only tables too."""
    tables = await owner.fetchval(EVERYTHING_PLANTED)
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute(f"truncate {tables}")


async def plant_market(owner: asyncpg.Connection, wish: MarketWish) -> Market:
    """Plant a market into an empty database."""
    shops = await _plant_shops(owner, wish)
    category_id = new_id()
    await owner.execute(
        """insert into categories (id, path, slug, name_zh, name_en)
           values ($1, array[$1::uuid], 'games', '游戏', 'Games')""",
        category_id,
    )
    goods = [
        await _plant_offers(owner, category_id, f"sku-{number}", offers)
        for number, offers in enumerate(wish.skus)
    ]
    world = World(owner, shops[0], shops[-1], shops[-1], category_id, goods[0][0])
    for offers, wishes in zip(goods, wish.skus, strict=True):
        for one, offer in zip(offers, wishes, strict=True):
            await world.keys(offer.keys, one)
    customers = {shop: await world.customer(shop, wallet_minor=20_000) for shop in shops}
    codes = {}
    for shop, rate_bp in zip(shops, wish.affiliate_rates_bp, strict=True):
        if rate_bp is not None:
            await world.affiliate("star", rate_bp=rate_bp, shop=shop)
            codes[shop] = "star"
    return Market(world, shops, tuple(goods), customers, codes)


async def _plant_shops(owner: asyncpg.Connection, wish: MarketWish) -> tuple[ShopAt, ...]:
    shops: list[ShopAt] = []
    for level in range(len(wish.wholesale)):
        shop = await plant_tenant(owner, f"shop-{level}", parent=shops[-1] if shops else None)
        shops.append(shop)
        for audience, rule in (
            ("WHOLESALE", wish.wholesale[level]),
            ("RETAIL", wish.retail[level]),
        ):
            if rule is not None:
                await _plant_rule(owner, shop, audience, rule)
    return tuple(shops)


async def _plant_rule(
    owner: asyncpg.Connection, shop: ShopAt, audience: str, rule: RuleWish
) -> None:
    await owner.execute(
        """insert into price_rules (tenant_id, id, audience, scope, kind, value, rounding,
                                    unit_minor)
           values ($1, $2, $3, 'DEFAULT', $4, $5, $6, $7)""",
        shop.id,
        new_id(),
        audience,
        rule.kind,
        rule.value,
        rule.rounding,
        rule.unit_minor,
    )


async def _plant_offers(
    owner: asyncpg.Connection, category_id: UUID, slug: str, offers: Sequence[OfferWish]
) -> tuple[Goods, ...]:
    """A SKU, and a supplier and a listing for each offer."""
    planted: list[Goods] = []
    for offer in offers:
        supplier_id = new_id()
        await owner.execute(
            "insert into suppliers (id, name, commission_bp) values ($1, 'supplier', $2)",
            supplier_id,
            offer.commission_bp,
        )
        if planted:
            planted.append(
                await another_offer(
                    owner, planted[0], supplier_id=supplier_id, supply_minor=offer.supply_minor
                )
            )
        else:
            planted.append(
                await plant_goods(
                    owner,
                    category_id,
                    slug,
                    supply_minor=offer.supply_minor,
                    supplier_id=supplier_id,
                )
            )
    return tuple(planted)


async def another_offer(
    owner: asyncpg.Connection,
    goods: Goods,
    *,
    supply_minor: int,
    supplier_id: UUID | None = None,
    warranty_hours: int = 24,
) -> Goods:
    """One more supplier's listing of a SKU."""
    listing_id = new_id()
    if supplier_id is None:
        supplier_id = new_id()
        await owner.execute(
            "insert into suppliers (id, name, commission_bp) values ($1, 'another', 500)",
            supplier_id,
        )
    await owner.execute(
        """insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency,
                                          warranty_hours)
           values ($1, $2, $3, $4, 'CNY', $5)""",
        listing_id,
        supplier_id,
        goods.sku_id,
        supply_minor,
        warranty_hours,
    )
    return Goods(goods.product_id, goods.sku_id, listing_id, supplier_id, goods.slug)
