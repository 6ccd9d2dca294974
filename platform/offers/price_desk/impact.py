"""A dry run: what a change of prices would do in the shop and in every shop below it.

Prices are computed before and after, shop by shop, with the engine that quotes use; nothing is
written and rolled back. The work of one answer is bounded in prices and in time: what is left is
asked for with the cursor, so a change at the root of a large tree is looked through in several
answers, each as of its own moment. Of the own shop and of direct children the answer has amounts,
of shops further down counts alone (domain 2).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from kernel import cursors, db
from kernel.clock import monotonic_seconds
from offers.price_desk.changes import Change
from offers.price_desk.evaluation import Ground, ground_of
from offers.price_desk.goods import DeskSku, Portion, read_portion
from offers.price_desk.guarding import RestlessPrices
from offers.price_desk.levels import Buyer, Child, level_for_buyer, level_for_child
from offers.price_desk.own_rules import OwnRules
from tenants.directory import Shop, shop_by_id
from tenants.pricing import Broken, ForKind, Guard, Priced

MAX_PRICES: Final = 50_000
"""Of one answer, before and after counted once."""
MAX_SECONDS: Final = 1.0
MAX_SHOWN: Final = 100
"""Changed prices with their amounts, and shops with their counts."""
SKUS_AT_ONCE: Final = 500
_ABOUT: Final = "price impact"
_NOBODY: Final = UUID(int=0)

_SUBTREE: Final = """
select t.id, child.id as child_id, child.grade_id
from tenants t join tenants child on child.id = t.path[$2]
where t.path @> array[$1::uuid] and t.id <> $1 and t.id >= $3
order by t.id limit $4"""
_SHOPS_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class PriceMove:
    """One amount that would change; None stands for a price that is hidden."""

    shop_slug: str
    sku_code: str
    what: str
    """RETAIL in the own shop, COST of a direct child."""
    before_minor: int | None
    after_minor: int | None


@dataclass(slots=True)
class ShopImpact:
    """What would become of one shop's prices, in numbers of SKUs."""

    shop_slug: str
    changed: int = 0
    newly_hidden: int = 0
    shown_again: int = 0
    guards: dict[Guard, int] = field(default_factory=dict)
    """Of those newly hidden, by the guard that hides the offer of the cheapest supply."""


@dataclass(slots=True)
class Impact:
    """What one answer has found; `end_cursor` is where the next one goes on."""

    prices: int = 0
    changed: int = 0
    newly_hidden: int = 0
    shops: dict[str, ShopImpact] = field(default_factory=dict)
    moves: list[PriceMove] = field(default_factory=list)
    end_cursor: str | None = None

    def of_shop(self, slug: str) -> ShopImpact:
        """The counts of a shop; those of more than a hundred stand together under no name."""
        name = slug if slug in self.shops or len(self.shops) < MAX_SHOWN else ""
        return self.shops.setdefault(name, ShopImpact(name))

    def add(self, more: "Impact") -> None:
        """Count what the next answer has found."""
        self.prices += more.prices
        self.changed += more.changed
        self.newly_hidden += more.newly_hidden
        self.moves += more.moves[: MAX_SHOWN - len(self.moves)]
        self.end_cursor = more.end_cursor
        for slug, found in more.shops.items():
            of_shop = self.of_shop(slug)
            of_shop.changed += found.changed
            of_shop.newly_hidden += found.newly_hidden
            of_shop.shown_again += found.shown_again
            for guard, many in found.guards.items():
                of_shop.guards[guard] = of_shop.guards.get(guard, 0) + many

    @property
    def complete(self) -> bool:
        """True when nothing is left to look at."""
        return self.end_cursor is None


@dataclass(frozen=True, slots=True)
class _Seat:
    """One shop of the subtree, and the child of the writer's through which it is reached."""

    shop: Shop
    via: Child | None

    @property
    def key(self) -> UUID:
        """Its place in the order of the answer: the writer's own shop is the first."""
        return _NOBODY if self.via is None else self.shop.id

    @property
    def is_direct(self) -> bool:
        """True for a child of the writer's own."""
        return self.via is not None and self.via.id == self.shop.id


@dataclass(frozen=True, slots=True)
class _Wish:
    """The change, the writer's rules before and after it, and for whom it is looked at."""

    writer: Shop
    change: Change
    before: OwnRules
    after: OwnRules
    buyer: Buyer
    quantity: int

    @classmethod
    def of(cls, writer: Shop, change: Change, before: OwnRules) -> "_Wish":
        """Look at a change from the moment at which the first of it holds."""
        starts = [one.starts_at or before.now for one in change.put]
        before = replace(before, now=max(before.now, min(starts, default=before.now)))
        named = {(one.rule.for_kind, one.rule.for_id) for one in change.put}
        tiers = [for_id for kind, for_id in named if kind is ForKind.TIER]
        customers = [for_id for kind, for_id in named if kind is ForKind.CUSTOMER]
        buyer = Buyer(
            tier_id=tiers[0] if len(named) == 1 and tiers else None,
            customer_id=customers[0] if len(named) == 1 and customers else None,
        )
        quantity = min((one.rule.min_quantity for one in change.put), default=1)
        return cls(writer, change, before, change.rules_after(before), buyer, quantity)

    def ground(self, base: Ground, seat: _Seat, *, changed: bool) -> Ground:
        """The ground of a shop of the subtree by the writer's rules, before or after."""
        place = len(self.writer.path) - 1
        level, own = base.levels[place], self.after if changed else self.before
        if changed and self.change.min_margin_minor is not None:
            level = replace(level, min_margin_minor=self.change.min_margin_minor)
        if seat.via is None:
            return base.with_own(level_for_buyer(level, own, self.buyer))
        return base.with_level(place, level_for_child(level, own, seat.via))


async def price_impact(
    shop: Shop,
    change: Change,
    before: OwnRules,
    *,
    after: str | None = None,
    max_prices: int = MAX_PRICES,
    max_seconds: float = MAX_SECONDS,
) -> Impact:
    """Compute what a change would do, as far as one answer goes.

    Raises `Invalid` for a cursor that is none of ours, `RestlessPrices` when the shop's rules are
    no longer those of `before`.
    """
    seen = cursors.read(after, tenant_id=shop.id, about=_ABOUT) or [str(_NOBODY), str(_NOBODY)]
    start, sku_id = UUID(seen[0]), UUID(seen[1])
    wish, touched = _Wish.of(shop, change, before), change.touched(before)
    impact, until = Impact(), monotonic_seconds() + max_seconds
    async for seat in _seats(shop, start=start):
        while True:
            if impact.prices >= max_prices or (impact.prices and monotonic_seconds() > until):
                place = [str(seat.key), str(sku_id)]
                impact.end_cursor = cursors.write(place, tenant_id=shop.id, about=_ABOUT)
                return impact
            size = min(SKUS_AT_ONCE, max_prices - impact.prices)
            portion = await read_portion(seat.shop, touched, after=sku_id, size=size)
            if portion is not None:
                await _look_at(wish, seat, portion, impact)
                sku_id = portion.last_sku_id
            if portion is None or portion.is_last:
                break
        sku_id = _NOBODY
    return impact


async def _seats(shop: Shop, *, start: UUID) -> AsyncIterator[_Seat]:
    """The shop, then all shops below it in the order of their ids."""
    if start == _NOBODY:
        yield _Seat(shop, None)
    while True:
        rows = await db.read(
            db.core_scope(shop.id), _SUBTREE, shop.id, len(shop.path) + 1, start, _SHOPS_AT_ONCE
        )
        for row in rows:
            below = await shop_by_id(row["id"])
            assert below is not None  # a tenant is never deleted
            yield _Seat(below, Child(row["child_id"], row["grade_id"]))
        if len(rows) < _SHOPS_AT_ONCE:
            return
        start = UUID(int=rows[-1]["id"].int + 1)


async def _look_at(wish: _Wish, seat: _Seat, portion: Portion, impact: Impact) -> None:
    base = await ground_of(seat.shop, portion)
    if base is None or portion.versions[len(wish.writer.path) - 1] != wish.before.version:
        raise RestlessPrices("The prices were changed meanwhile: try again.")
    before = wish.ground(base, seat, changed=False)
    after = wish.ground(base, seat, changed=True)
    for sku in portion.skus:
        if sku.offers:
            await asyncio.sleep(0)  # other requests have their turns
            _compare(wish, seat, impact, _Sides(sku, before, after))
    impact.prices += len(portion.skus)


@dataclass(frozen=True, slots=True)
class _Sides:
    """One SKU in one shop on both sides of a change."""

    sku: DeskSku
    before: Ground
    after: Ground


def _compare(wish: _Wish, seat: _Seat, impact: Impact, sides: _Sides) -> None:
    old = asked(sides.before, sides.sku, quantity=wish.quantity)
    new = asked(sides.after, sides.sku, quantity=wish.quantity)
    if old.retail_minor != new.retail_minor:
        _count(seat, impact, old, new)
        if seat.via is None:
            _show(impact, seat, sides.sku, "RETAIL", old.retail_minor, new.retail_minor)
    if seat.is_direct:
        cost_before = cheapest_cost_minor(sides.before, sides.sku, quantity=wish.quantity)
        cost_after = cheapest_cost_minor(sides.after, sides.sku, quantity=wish.quantity)
        if cost_before != cost_after:
            _show(impact, seat, sides.sku, "COST", cost_before, cost_after)


def _count(seat: _Seat, impact: Impact, old: "Fetched", new: "Fetched") -> None:
    impact.changed += 1
    of_shop = impact.of_shop(seat.shop.slug)
    of_shop.changed += 1
    if new.retail_minor is None:
        impact.newly_hidden += 1
        of_shop.newly_hidden += 1
        if new.guard is not None:
            of_shop.guards[new.guard] = of_shop.guards.get(new.guard, 0) + 1
    elif old.retail_minor is None:
        of_shop.shown_again += 1


def _show(
    impact: Impact, seat: _Seat, sku: DeskSku, what: str, before: int | None, after: int | None
) -> None:
    if len(impact.moves) < MAX_SHOWN:
        impact.moves.append(PriceMove(seat.shop.slug, sku.code, what, before, after))


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a shop asks for a SKU: the cheapest of its offers, or why none has a price."""

    retail_minor: int | None
    guard: Guard | None = None


def asked(ground: Ground, sku: DeskSku, *, quantity: int = 1) -> Fetched:
    """Price a SKU in a shop as a page without regard to stock would."""
    results = [ground.retail(sku, offer, quantity=quantity) for offer in sku.offers]
    prices = [result.retail_minor for result in results if isinstance(result, Priced)]
    if prices:
        return Fetched(min(prices))
    broken = [result.guard for result in results if isinstance(result, Broken)]
    return Fetched(None, broken[0] if broken else None)


def cheapest_cost_minor(ground: Ground, sku: DeskSku, *, quantity: int = 1) -> int | None:
    """What a piece costs the shop at least; None where nobody above can sell it."""
    costs = [ground.own_cost_minor(sku, offer, quantity=quantity) for offer in sku.offers]
    return min((cost for cost in costs if cost is not None), default=None)
