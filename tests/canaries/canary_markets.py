"""Random markets in which every cost is a canary: an amount that stands nowhere else.

The amounts are chosen so far apart (supply prices at 10^11 minor units, what a level adds at 10^9)
that neither one of them, nor a sum or difference of two, is met by chance. Beside each shop of the
path stands a cousin, another child of the same parent, at a secret price of its own.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import Final

import asyncpg
import pytest

from coupon_issuers import PLATFORM_PAYS, SHOP_PAYS, fund, issue_for_subtree
from kernel.errors import Refusal
from listeners import plant_endpoint
from offers.price_desk import alerts
from offers.quotes import Wish
from orders import trade_funding
from promotions.discounts import CouponKind
from random_markets import (
    LevelWish,
    Market,
    MarketWish,
    OfferWish,
    RuleWish,
    SpecialWish,
    erase,
    plant_market,
)
from sales import SalesDesk
from schema.field_table.roles import API
from tenants import directory, price_books
from trade_desk import buy, credit
from world import Person, ShopAt, plant_rule, plant_tenant, plant_wallet_money

QUANTITIES: Final = (1, 2, 3)
COUPONS: Final = ("PLATFORM", "SHOPS")
_SUPPLY: Final = (2 * 10**11, 4 * 10**11)
_ADDED: Final = (10**9, 10**10)
_ASKED: Final = (5 * 10**11, 10**12)
_LEAST_MARGIN: Final = (10**7, 10**8)
_SCALE: Final = 2 * 10**7
"""What a market's floors and ceilings are multiplied by."""
_RICH_MINOR: Final = 10**14
_EVENTS: Final = (
    "order.created", "order.paid", "order.delivered", "balance.changed", "price.alert",
)  # fmt: skip


@dataclass(frozen=True)
class Viewer:
    """Somebody who asks at a shop, with the roles that the field table knows; None is a guest."""

    shop: ShopAt
    roles: frozenset[str]
    person: Person | None

    @property
    def is_of_shop(self) -> bool:
        """True for staff and programs, who know the shop's own cost and its children's."""
        return any(role.startswith(("STAFF_", "API_")) for role in self.roles)

    def __str__(self) -> str:
        return f"{min(self.roles)} at {self.shop.slug}"


@dataclass(frozen=True)
class CanaryMarket:
    """A path of shops, a cousin beside each but the root, and everybody who asks there."""

    market: Market
    shops: tuple[ShopAt, ...]
    viewers: tuple[Viewer, ...]

    def viewer(self, role: str, slug: str) -> Viewer:
        """Who has a role at a shop."""
        return next(v for v in self.viewers if role in v.roles and v.shop.slug == slug)

    def children(self, shop: ShopAt) -> list[ShopAt]:
        """The direct children of a shop."""
        return [one for one in self.shops if one.path[:-1] == shop.path]


def with_canaries(wish: MarketWish, random: Random) -> MarketWish:
    """The same market with a canary in the place of every amount.

    Buyers are never asked the cost itself: a shop that wants that has told it.
    """
    canaries = _Canaries(random)
    return replace(
        wish,
        wholesale=tuple(rule and canaries.wholesale(rule) for rule in wish.wholesale),
        retail=tuple(canaries.retail(rule) for rule in wish.retail),
        skus=tuple(tuple(map(canaries.offer, offers)) for offers in wish.skus),
        levels=tuple(canaries.level(level) for level in wish.levels),
    )


class _Canaries:
    """Amounts of which none comes twice."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def amount(self, bounds: tuple[int, int]) -> int:
        # Odd, and of no round number: no rounding makes two of them one.
        return self._random.randrange(*bounds) // 2 * 2 + 1

    def wholesale(self, rule: RuleWish) -> RuleWish:
        added = rule.kind == "FIXED_OVER_COST"
        return replace(rule, value=self.amount(_ADDED)) if added else rule

    def retail(self, rule: RuleWish | None) -> RuleWish:
        if rule is None or rule.kind in ("FIXED_OVER_COST", "PASS_THROUGH"):
            return RuleWish("FIXED_OVER_COST", self.amount(_ASKED), "NONE", 1)
        return rule

    def offer(self, offer: OfferWish) -> OfferWish:
        return replace(offer, supply_minor=self.amount(_SUPPLY))

    def level(self, level: LevelWish) -> LevelWish:
        limits = [
            replace(
                one,
                floor_minor=one.floor_minor and one.floor_minor * _SCALE,
                ceiling_minor=one.ceiling_minor and one.ceiling_minor * _SCALE,
            )
            for one in level.limits
        ]
        return replace(
            level, specials=tuple(map(self._special, level.specials)), limits=tuple(limits)
        )

    def _special(self, special: SpecialWish) -> SpecialWish:
        if special.audience == "RETAIL" and special.rule.kind != "ABSOLUTE":
            return replace(special, rule=self.retail(special.rule))
        if special.rule.kind == "ABSOLUTE":
            return replace(special, rule=replace(special.rule, value=self.amount(_ASKED)))
        return replace(special, rule=self.wholesale(special.rule))


async def plant_canaries(
    owner: asyncpg.Connection, wish: MarketWish, random: Random
) -> CanaryMarket:
    """Plant a market with canaries into an emptied database, and let everybody trade there."""
    await erase(owner)
    directory.forget()
    price_books.forget()
    canaries = _Canaries(random)
    market = await plant_market(owner, with_canaries(wish, random))
    await owner.execute("update skus set face_value_minor = $1", canaries.amount(_SUPPLY))
    shops = [*market.shops]
    for parent, child in pairwise(market.shops):
        shops.append(await _plant_cousin(owner, parent, child, canaries))
    for shop in shops:
        await owner.execute(
            "update tenants set min_margin_minor = $2 where id = $1",
            shop.id,
            canaries.amount(_LEAST_MARGIN),
        )
        await plant_endpoint(owner, shop.id, event_types=_EVENTS)
    viewers = [viewer for shop in shops async for viewer in _people(market, shop)]
    planted = CanaryMarket(market, tuple(shops), tuple(viewers))
    await _trade(owner, planted, canaries, random)
    while await alerts.follow_prices():
        pass
    return planted


async def _plant_cousin(
    owner: asyncpg.Connection, parent: ShopAt, child: ShopAt, canaries: _Canaries
) -> ShopAt:
    """One more child of a parent, at a secret price for everything."""
    cousin = await plant_tenant(owner, f"cousin-of-{child.slug}", parent=parent)
    await owner.execute(
        """insert into price_rules (tenant_id, id, audience, scope, kind, value, for_kind, for_id)
           values ($1, gen_random_uuid(), 'WHOLESALE', 'DEFAULT', 'FIXED_OVER_COST', $2,
                   'CHILD', $3)""",
        parent.id,
        canaries.amount(_ADDED),
        cousin.id,
    )
    asked_minor = canaries.amount(_ASKED)
    await plant_rule(owner, cousin, "RETAIL", "FIXED_OVER_COST", asked_minor, "DEFAULT", None)
    return cousin


async def _people(market: Market, shop: ShopAt) -> AsyncIterator[Viewer]:
    """An owner, a program with all scopes, a guest and a customer."""
    world = market.world
    staff = await world.staff("OWNER", shop=shop)
    yield Viewer(shop, frozenset({"STAFF_OWNER"}), staff)
    program = await world.api_client(*sorted(API), shop=shop)
    yield Viewer(shop, API, program)
    yield Viewer(shop, frozenset({"ANONYMOUS"}), None)
    customer = market.customers.get(shop) or await world.customer(shop)
    yield Viewer(shop, frozenset({"CUSTOMER"}), customer)
    if len(shop.path) == 1:
        supplier = await world.supplier_token()
        yield Viewer(shop, frozenset({"SUPPLIER"}), supplier)


async def _trade(
    owner: asyncpg.Connection, planted: CanaryMarket, canaries: _Canaries, random: Random
) -> None:
    """Coupons from the root, then a purchase and a purchase at cost in every shop that can."""
    desk = SalesDesk(planted.market.world, {})
    root = await desk.shop(planted.shops[0])
    await issue_for_subtree(root, "PLATFORM", value=canaries.amount(_ADDED), payers=PLATFORM_PAYS)
    await issue_for_subtree(root, "SHOPS", value=100, kind=CouponKind.PERCENT, payers=SHOP_PAYS)
    await fund(root.id, None, _RICH_MINOR)
    for shop in planted.shops:
        buyer = planted.viewer("CUSTOMER", shop.slug).person
        assert buyer is not None
        await plant_wallet_money(owner, shop.id, buyer.id, _RICH_MINOR)
        goods = random.choice(planted.market.goods)[0]
        wishes = [Wish(goods.sku_id, random.choice(QUANTITIES), None)]
        codes = random.choice(((), COUPONS[:1], COUPONS[1:]))
        with suppress(Refusal):  # of a price that breaks a guard, or a coupon that does
            bought = await desk.order(wishes=wishes, at=shop, by=buyer, coupon_codes=codes)
            await bought.paid("WALLET")
        if len(shop.path) > 1:
            own = await desk.shop(shop)
            with pytest.MonkeyPatch.context() as patch:  # canaries are worth more than people have
                patch.setattr(trade_funding, "MAX_MOVED_MINOR", _RICH_MINOR)
                await credit(own, _RICH_MINOR)
            with suppress(Refusal):
                await buy(own, goods, most_total_minor=_RICH_MINOR)
