"""Random markets: a path of shops with rules of every kind, suppliers, goods, keys, affiliates.

Beside the rules for everybody there are `SpecialWish`es: for grades, children, tiers, customers and
promotions, from so many pieces on, in windows of time; floors and ceilings; caps on markups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from hypothesis import strategies as st

from kernel.ids import new_id
from tenants.pricing import Rounding
from world import Goods, Person, ShopAt, World, plant_goods, plant_rate, plant_row, plant_tenant

MAX_DEPTH = 5
_NOBODY = UUID(int=0)
_NO_GOODS = Goods(_NOBODY, _NOBODY, _NOBODY, _NOBODY, slug="")
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
class SpecialWish:
    """A price rule for some: whom, which SKU (None: all), from how many pieces on, and between
    which minutes of the market's life."""

    rule: RuleWish
    audience: str
    for_kind: str
    sku: int | None
    min_quantity: int = 1
    window: tuple[int | None, int | None] = (None, None)

    @property
    def seat(self) -> tuple[object, ...]:
        """What no two rules of a shop share, whatever their windows."""
        return self.audience, self.for_kind, self.sku, self.min_quantity


@dataclass(frozen=True)
class LimitWish:
    """What a shop demands of the prices of a SKU in itself and below."""

    sku: int
    floor_minor: int | None
    ceiling_minor: int | None
    applies_to: str


@dataclass(frozen=True)
class LevelWish:
    """What is special about a level: rules, limits, how much it may add, and its contract."""

    specials: tuple[SpecialWish, ...] = ()
    limits: tuple[LimitWish, ...] = ()
    max_markup_bp: int | None = None
    moves: bool = False
    """Whether the tenant moves up when its parent is lost; else it waits."""


@dataclass(frozen=True)
class OfferWish:
    """One supplier's offer of a SKU: its price in minor units, its commission, its keys."""

    supply_minor: int
    commission_bp: int
    keys: int
    currency: str = "CNY"


@dataclass(frozen=True)
class MarketWish:
    """What a market is to be like; shops from the root down."""

    wholesale: tuple[RuleWish | None, ...]
    retail: tuple[RuleWish | None, ...]
    affiliate_rates_bp: tuple[int | None, ...]
    skus: tuple[tuple[OfferWish, ...], ...]
    levels: tuple[LevelWish, ...] = ()
    cumulative_cap_bp: int | None = None


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


_FOR_BUYERS = ("TIER", "CUSTOMER", "PROMOTION")
_FOR_CHILDREN = ("GRADE", "CHILD")


@st.composite
def _specials(draw: st.DrawFn) -> SpecialWish:
    """A rule for some; the price may come out too low or too high, and is hidden then."""
    for_kind = draw(st.sampled_from([*_FOR_BUYERS, *_FOR_CHILDREN, "EVERYONE"]))
    sku = draw(st.sampled_from([0, 1] if for_kind in ("PROMOTION", "EVERYONE") else [None, 0, 1]))
    if for_kind == "EVERYONE":
        audience = draw(st.sampled_from(["RETAIL", "WHOLESALE"]))
    else:
        audience = "WHOLESALE" if for_kind in _FOR_CHILDREN else "RETAIL"
    rule = draw(_rules(least_bp=200, least_minor=100))
    kind = draw(st.sampled_from([rule.kind, rule.kind, "PERCENT_OF_FACE", "PASS_THROUGH"]))
    if sku is not None and draw(st.integers(0, 3)) == 0:
        kind = "ABSOLUTE"
    value = {
        "PERCENT_OF_FACE": draw(st.integers(1_000, 30_000)),  # of 100.00
        "ABSOLUTE": draw(st.integers(1_000, 40_000)),
        "PASS_THROUGH": 0,
    }.get(kind, rule.value)
    window: tuple[int | None, int | None] = (None, None)
    if for_kind != "PROMOTION":
        window = draw(st.sampled_from([window, window, (5, None), (None, 20), (-60, 700)]))
    return SpecialWish(
        rule=replace(rule, kind=kind, value=value),
        audience=audience,
        for_kind=for_kind,
        sku=sku,
        min_quantity=draw(st.sampled_from([1, 1, 2, 3])) if sku is not None else 1,
        window=window,
    )


_limits = st.builds(
    LimitWish,
    sku=st.integers(0, 1),
    floor_minor=st.sampled_from([None, 1, 500, 5_000]),
    ceiling_minor=st.sampled_from([None, 50_000, 120_000]),
    applies_to=st.sampled_from(["LIST", "NET"]),
).filter(lambda one: (one.floor_minor, one.ceiling_minor) != (None, None))
_levels = st.builds(
    LevelWish,
    specials=st.lists(_specials(), max_size=4, unique_by=lambda one: one.seat).map(tuple),
    limits=st.lists(_limits, max_size=1).map(tuple),
    max_markup_bp=st.sampled_from([None, None, None, None, 30_000]),
    moves=st.booleans(),
)

_wholesale = st.one_of(_rules(least_bp=0, least_minor=0), st.none())
_retail = st.one_of(*[_rules(least_bp=1_000, least_minor=700)] * 4, st.none())
_offers = st.builds(
    OfferWish,
    supply_minor=st.one_of(st.integers(1, 30), st.integers(31, 30_000)),
    commission_bp=st.sampled_from([0, 1, 333, 500, 2_500, 10_000]),
    keys=st.integers(2, 12),
    currency=st.sampled_from(["CNY", "CNY", "CNY", "USD", "JPY"]),
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
        levels=tuple(draw(st.one_of(st.just(LevelWish()), _levels)) for _ in range(levels)),
        cumulative_cap_bp=draw(st.sampled_from([None, None, None, 30_000])),
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
    for base, value in (("USD", "7.1234"), ("JPY", "0.0481")):
        await plant_rate(owner, base, "CNY", value)
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
    await _plant_specials(owner, wish, shops, [offers[0].sku_id for offers in goods], customers)
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
    owner: asyncpg.Connection, shop: ShopAt, audience: str, rule: RuleWish, **seat: Any
) -> None:
    await plant_row(
        owner,
        "price_rules",
        tenant_id=shop.id,
        id=new_id(),
        audience=audience,
        kind=rule.kind,
        value=rule.value,
        rounding=rule.rounding,
        unit_minor=rule.unit_minor,
        **{"scope": "DEFAULT", **seat},
    )


async def _plant_specials(
    owner: asyncpg.Connection,
    wish: MarketWish,
    shops: Sequence[ShopAt],
    sku_ids: Sequence[UUID],
    customers: dict[ShopAt, Person],
) -> None:
    """What is special about each level, in force for the child and the customer that it has."""
    begin: datetime = await owner.fetchval("select platform_now()")
    if wish.cumulative_cap_bp is not None:
        await owner.execute(
            "update tenants set cumulative_cap_bp = $2 where id = $1",
            shops[0].id,
            wish.cumulative_cap_bp,
        )
    for level, shop in zip(wish.levels, shops, strict=False):
        below = shops[len(shop.path)] if len(shop.path) < len(shops) else None
        whom = await _whom(owner, shop, below, customers[shop])
        await owner.execute(
            "update tenants set max_markup_bp = $2, on_parent_loss = $3 where id = $1",
            shop.id,
            level.max_markup_bp,
            "REPARENT" if level.moves else "FREEZE",
        )
        for limit in level.limits:
            await plant_row(
                owner,
                "price_limits",
                tenant_id=shop.id,
                sku_id=sku_ids[limit.sku],
                floor_minor=limit.floor_minor,
                ceiling_minor=limit.ceiling_minor,
                applies_to=limit.applies_to,
            )
        for special in level.specials:
            if special.for_kind in whom:
                await _plant_special(owner, shop, special, whom, sku_ids, begin)


async def _whom(
    owner: asyncpg.Connection, shop: ShopAt, below: ShopAt | None, customer: Person
) -> dict[str, UUID | None]:
    """Whom the rules of a shop may be for: each kind with one who is there."""
    world = World(owner, shop, shop, shop, new_id(), _NO_GOODS)
    tier_id = await world.tier(shop)
    await owner.execute(
        "update customers set given_tier_id = $2 where id = $1", customer.id, tier_id
    )
    whom: dict[str, UUID | None] = {
        "EVERYONE": None,
        "TIER": tier_id,
        "CUSTOMER": customer.id,
        "PROMOTION": await world.promotion(shop),
    }
    if below is not None:
        grade_id = await world.grade(shop)
        await owner.execute("update tenants set grade_id = $2 where id = $1", below.id, grade_id)
        whom |= {"GRADE": grade_id, "CHILD": below.id}
    return whom


async def _plant_special(
    owner: asyncpg.Connection,
    shop: ShopAt,
    special: SpecialWish,
    whom: dict[str, UUID | None],
    sku_ids: Sequence[UUID],
    begin: datetime,
) -> None:
    starts_at, ends_at = (
        None if minute is None else begin + timedelta(minutes=minute) for minute in special.window
    )
    await _plant_rule(
        owner,
        shop,
        special.audience,
        special.rule,
        scope="DEFAULT" if special.sku is None else "SKU",
        target_id=None if special.sku is None else sku_ids[special.sku],
        for_kind=special.for_kind,
        for_id=whom[special.for_kind],
        min_quantity=special.min_quantity,
        starts_at=starts_at,
        ends_at=ends_at,
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
    for one, offer in zip(planted, offers, strict=True):
        await owner.execute(
            """update supplier_listings set currency = $2,
                      supply_price_minor = greatest(supply_price_minor / $3::int, 1)
               where id = $1""",
            one.listing_id,
            offer.currency,
            {"CNY": 1, "USD": 7, "JPY": 5}[offer.currency],
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
