"""No level of any tree is told what another level pays, wherever it looks and whatever it asks.

Random trees with a canary for every cost, and everybody who asks there: all that the schema grants
them, requests that fail, pages, files, webhooks, events and the log. Planted leaks are found.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from canaries.any_requests import Requests
from canaries.canary_markets import CanaryMarket, Viewer, plant_canaries
from canaries.everything_told import betrayed_to, messages_to
from canaries.kept_secret import Kept, Secrets, numbers_in
from entrypoints.verify import verify
from isolation.api import Api
from isolation.documents import Path, root_fields
from kernel import db
from kernel.log import get_logger
from kernel.settings import Settings
from offers import own_prices
from offers.own_prices import OwnPrice
from offers.price_desk import guarding
from offers.price_desk.changes import Change
from offers.price_desk.evaluation import Ground
from offers.price_desk.goods import DeskSku
from offers.price_desk.guarding import GuardBroken
from offers.shelf import ProductRow
from orders import told_orders
from random_markets import LevelWish, MarketWish, OfferWish, RuleWish, SpecialWish, market_wishes
from schema import desks
from schema.context import Context
from snapshots import Snapshot
from tenants.pricing import Guard

FIXED: Final = RuleWish("FIXED_OVER_COST", 1, "NONE", 1)
PERCENT: Final = RuleWish("PERCENT_OVER_COST", 731, "HALF_UP", 1)
FOUR_LEVELS: Final = MarketWish(
    wholesale=(FIXED, PERCENT, FIXED, FIXED),
    retail=(PERCENT, FIXED, None, FIXED),
    affiliate_rates_bp=(None, None, None, 300),
    skus=((OfferWish(1, 500, 9), OfferWish(1, 333, 9)), (OfferWish(1, 0, 9),)),
    levels=(
        LevelWish(specials=(SpecialWish(FIXED, "WHOLESALE", "GRADE", 0),)),
        LevelWish(specials=(SpecialWish(FIXED, "WHOLESALE", "CHILD", 1, 2),)),
        LevelWish(specials=(SpecialWish(FIXED, "RETAIL", "CUSTOMER", None),)),
        LevelWish(specials=(SpecialWish(PERCENT, "RETAIL", "PROMOTION", 0),)),
    ),
)


@dataclass
class Stage:
    """One market, who asks there, and how it is put back."""

    owner: asyncpg.Connection
    api: Api
    market: CanaryMarket
    requests: Requests

    @classmethod
    async def of(
        cls, owner: asyncpg.Connection, api: Api, wish: MarketWish, random: Random
    ) -> "Stage":
        market = await plant_canaries(owner, wish, random)
        return cls(owner, api, market, await Requests.about(owner, market, random))

    async def betrayed(self, viewer: Viewer, *operations: str) -> dict[str, list[int]]:
        """What a viewer is told that is not his to know."""
        return await betrayed_to(
            self.owner, self.api, self.market, viewer, self.requests, *operations
        )

    async def betrayed_by_messages(self) -> dict[str, set[int]]:
        """What webhooks tell whoever receives them; in some markets nothing can be sold."""
        secrets = await Secrets.of(self.owner, self.market)
        kept = {str(one): secrets.kept_from(self.market, one) for one in self.market.viewers}
        found = {
            f"{viewer}: {body}": kept[str(viewer)].betrayed_by([body])
            for viewer, body in await messages_to(self.market)
        }
        return {body: amounts for body, amounts in found.items() if amounts}

    async def betrayed_by_log(self, written: str) -> set[int]:
        """Costs of anybody that stand in the log."""
        secrets = await Secrets.of(self.owner, self.market)
        return numbers_in(written) & set().union(*secrets.costs.values())


async def test_no_level_of_a_tree_is_told_what_another_pays(
    owner: asyncpg.Connection, api: Api, config: Settings, written: io.StringIO
) -> None:
    stage = await Stage.of(owner, api, FOUR_LEVELS, Random(4))
    assert await stage.betrayed_by_messages() == {}
    for role, slug in (("CUSTOMER", "shop-3"), ("STAFF_OWNER", "cousin-of-shop-2")):
        assert await stage.betrayed(stage.market.viewer(role, slug), "query") == {}
    assert await verify(config.database_url) == []
    assert await stage.betrayed(stage.market.viewer("STAFF_OWNER", "shop-2")) == {}
    assert written.getvalue()
    assert await stage.betrayed_by_log(written.getvalue()) == set()


@pytest.mark.sweep
@settings(max_examples=20, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(wish=market_wishes(), seed=st.integers(0, 2**32), data=st.data())
async def test_no_level_of_any_tree_is_told_what_another_pays(
    owner: asyncpg.Connection,
    api: Api,
    written: io.StringIO,
    wish: MarketWish,
    seed: int,
    data: st.DataObject,
) -> None:
    stage = await Stage.of(owner, api, wish, Random(seed))
    assert await stage.betrayed_by_messages() == {}
    as_planted = await Snapshot.take(owner)
    viewers = data.draw(st.lists(st.sampled_from(stage.market.viewers), min_size=2, max_size=3))
    for viewer in viewers:
        assert await stage.betrayed(viewer) == {}, str(viewer)
        await as_planted.put_back(owner)
    assert written.getvalue()
    assert await stage.betrayed_by_log(written.getvalue()) == set()


async def test_planted_leaks_are_found(
    owner: asyncpg.Connection,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    written: io.StringIO,
) -> None:
    stage = await Stage.of(owner, api, FOUR_LEVELS, Random(4))
    viewer = stage.market.viewer("STAFF_OWNER", "shop-2")
    for leak in (_whole_chain, _parents_cost, _what_the_parent_adds, _cost_in_a_refusal):
        with monkeypatch.context() as patch:
            root = leak(patch)
            assert await _asked(stage, viewer, root), leak.__name__
        assert not await _asked(stage, viewer, root), f"without {leak.__name__}"
    with monkeypatch.context() as patch:
        await _asked(stage, viewer, _cost_in_the_log(patch))
        assert await stage.betrayed_by_log(written.getvalue())
    with monkeypatch.context() as patch:
        _supply_in_a_message(patch)
        assert await stage.betrayed_by_messages()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nothing of it: 41000000000", set()),
        ("a cost 90000000001", {90_000_000_001}),
        ('{"formatted": "¥900,000,000.01"}', {90_000_000_001}),
        ("margin 20000000000 of 110000000001", {90_000_000_001}),
        ("two parts: 40000000000 and 50000000001", {90_000_000_001}),
        ("a part alone: 7000000003", {7_000_000_003}),
        ("inside an id: sku_90000000001x", set()),
    ],
)
def test_a_cost_is_found_however_it_is_told(text: str, found: set[int]) -> None:
    kept = Kept(frozenset({90_000_000_001, 7_000_000_003}), frozenset({90_000_000_001}))
    assert kept.betrayed_by([text]) == found


async def _asked(stage: Stage, viewer: Viewer, coordinate: str) -> set[int]:
    """What a viewer learns from one root field, asked about one SKU."""
    root = next(one for one in root_fields() if one.coordinate == coordinate)
    sku_id = stage.requests.names["skuId"][0]
    values: dict[Path, Any] = {("skuId",): sku_id} if root.name == "priceExplain" else {}
    if root.operation == "mutation":
        named = {"audience": "RETAIL", "scope": "SKU", "skuId": sku_id}
        values = {("input", name): value for name, value in named.items()}
        values |= {("input", "kind"): "ABSOLUTE", ("input", "value"): 1}
    secrets = await Secrets.of(stage.owner, stage.market)
    answer = await stage.requests.ask(stage.api, viewer, root, values)
    assert not answer.body.get("errors"), answer.text
    return secrets.kept_from(stage.market, viewer).betrayed_by([answer.text])


# --- leaks: each changes the product in one place, and says which field tells


def _whole_chain(patch: pytest.MonkeyPatch) -> str:
    patch.setattr(Context, "is_operator", property(lambda _: True))
    return "Query.priceExplain"


def _parents_cost(patch: pytest.MonkeyPatch) -> str:
    _own_prices(patch, lambda _, parents_minor: parents_minor)
    return "Query.catalogueToList"


def _what_the_parent_adds(patch: pytest.MonkeyPatch) -> str:
    """Not a cost; taken from the shop's own it is one."""
    _own_prices(patch, lambda own_minor, parents_minor: own_minor - parents_minor)
    return "Query.catalogueToList"


def _cost_in_a_refusal(patch: pytest.MonkeyPatch) -> str:
    broken_at, refusal_of = guarding._broken_at, guarding._refusal
    supply_minor: list[int] = []

    def remembering(ground: Ground, sku: DeskSku, *more: Any) -> Guard | None:
        supply_minor.append(sku.offers[0]["supply_price_minor"])
        return broken_at(ground, sku, *more)

    def telling(by_guard: dict[Guard, list[str]], change: Change) -> GuardBroken:
        refusal = refusal_of(by_guard, change)
        refusal.details = {**refusal.details, "least": supply_minor[-1]}
        return refusal

    patch.setattr(guarding, "_broken_at", remembering)
    patch.setattr(guarding, "_refusal", telling)
    return "Mutation.priceRuleUpsert"


def _supply_in_a_message(patch: pytest.MonkeyPatch) -> None:
    """Past the fence of the database, which shows a shop its own shares only."""
    honest = told_orders.own_order

    async def telling(tenant_id: UUID, order_id: UUID) -> dict[str, Any] | None:
        shares = await db.read(
            db.every_tenant(reason="a planted leak"),
            "select amount_minor from line_shares where order_id = $1 and role = 'SUPPLY'",
            order_id,
        )
        order = await honest(tenant_id, order_id)
        return order and {**order, "supplyMinor": [row["amount_minor"] for row in shares]}

    patch.setattr(told_orders, "own_order", telling)


def _cost_in_the_log(patch: pytest.MonkeyPatch) -> str:
    def noted(own_minor: int, _: int) -> int:
        get_logger("offers").warning("priced", cost_minor=own_minor)
        return own_minor

    _own_prices(patch, noted)
    return "Query.catalogueToList"


def _own_prices(patch: pytest.MonkeyPatch, cost_minor: Callable[[int, int], int]) -> None:
    """Let the shop's own cost be shown as something made of it and its parent's."""

    def told(rows: Iterable[ProductRow]) -> list[OwnPrice]:
        read = list(rows)
        parents = {
            sku.id: sku.sourcing[sku.display_offer.id].costs[-2] for row in read for sku in row.skus
        }
        honest = own_prices.own_prices(read)
        return [
            OwnPrice(
                **{
                    **{name: getattr(one, name) for name in OwnPrice.__slots__},
                    "cost_minor": cost_minor(one.cost_minor, parents[one.sku_id]),
                }
            )
            for one in honest
        ]

    patch.setattr(desks, "own_prices", told)
