"""Requests that nobody wrote: every root field that a viewer is granted, filled at random.

Each asks for all the fields that the viewer may ask for. What names something names something of
the market, whosesoever it is; what does not is taken from the input's type.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from uuid import uuid4

import asyncpg
from graphql import GraphQLEnumType

from canaries.canary_markets import COUPONS, QUANTITIES, CanaryMarket, Viewer
from isolation.api import Answer, Api
from isolation.documents import (
    OMIT,
    Leaf,
    Path,
    RootField,
    document,
    leaves_of,
    root_fields,
    variables,
)
from kernel.ids import public_id
from schema.field_table import GRANTS

_LARGE: Final = 10**12
_ENDS: Final = frozenset({"signOut", "tenantCloseRequest", "apiClientRotate"})
"""After these nobody could ask any more."""
_BY_TYPE: Final[dict[str, Callable[[Random], Any]]] = {
    "Boolean": lambda random: random.random() < 0.5,
    "Int": lambda random: random.choice((1, 2, 30)),
    "MinorUnits": lambda random: random.choice((1, 5_000, 6 * 10**11, _LARGE)),
    "DateTime": lambda random: random.choice(("2040-01-01T00:00:00Z", "2041-01-01T00:00:00Z")),
    "String": lambda random: random.choice(("text", "https://example.com/", "a@example.com")),
    "ID": lambda _: uuid4().hex,
}
_NAMED: Final = {
    "sku": "select id from skus",
    "ofr": "select id from supplier_listings",
    "ten": "select id from tenants",
    "cus": "select id from customers",
    "tir": "select id from membership_tiers",
    "grd": "select id from agent_grades",
    "prm": "select id from promotions",
    "rul": "select id from price_rules",
    "cpn": "select id from coupons",
    "lin": "select id from order_lines",
    "whk": "select id from webhook_endpoints",
}
_KIND_OF_INPUT: Final = {
    "skuId": "sku", "skuIds": "sku", "offerId": "ofr", "listingId": "ofr", "tenantId": "ten",
    "childId": "ten", "below": "ten", "customerId": "cus", "tierId": "tir", "tierIds": "tir",
    "gradeId": "grd", "promotionId": "prm", "ruleId": "rul", "couponId": "cpn", "lineId": "lin",
    "webhookId": "whk",
}  # fmt: skip


@dataclass
class Requests:
    """Makes requests for the viewers of one market."""

    market: CanaryMarket
    random: Random
    names: dict[str, list[str]]
    """By the input's name, what it may name."""

    @classmethod
    async def about(
        cls, owner: asyncpg.Connection, market: CanaryMarket, random: Random
    ) -> "Requests":
        """Read what there is to name."""
        ids = {
            kind: [public_id(kind, row["id"]) for row in await owner.fetch(sql)]
            for kind, sql in _NAMED.items()
        }
        names = {name: ids[kind] for name, kind in _KIND_OF_INPUT.items()}
        for_someone = [one for kind in ("tir", "cus", "grd", "ten", "prm") for one in ids[kind]]
        orders = [row["no"] for row in await owner.fetch("select no from orders")]
        shops = [shop.slug for shop in market.shops]
        names |= {
            "forId": for_someone,
            "child": shops,
            "childSlug": shops,
            "couponCodes": [*COUPONS],
        }
        names |= {"no": orders, "orderNo": orders, "slug": [g[0].slug for g in market.market.goods]}
        return cls(market, random, {name: found for name, found in names.items() if found})

    async def answers(self, api: Api, viewer: Viewer, *operations: str) -> list[str]:
        """Ask every root field of these operations that the viewer is granted; what came back."""
        said = []
        for root in root_fields():
            granted = viewer.roles & GRANTS[root.coordinate]
            if root.operation in operations and granted and root.name not in _ENDS:
                said.append((await self.ask(api, viewer, root)).text)
        return said

    async def ask(
        self, api: Api, viewer: Viewer, root: RootField, values: Mapping[Path, Any] | None = None
    ) -> Answer:
        """Ask one root field for everything that the viewer may see, with inputs at random unless
        they are given."""
        given = variables(root, self._values(root) if values is None else values)
        text = document(
            root, given, lambda name: bool(viewer.roles & GRANTS.get(name, frozenset()))
        )
        return await api.ask(viewer.shop, text, given, by=viewer.person)

    def _values(self, root: RootField) -> dict[Path, Any]:
        values: dict[Path, Any] = {}
        for leaf in leaves_of(root):
            wanted = leaf.required or self.random.random() < 0.5
            values[leaf.path] = self._value(leaf) if wanted else OMIT
        return values

    def _value(self, leaf: Leaf) -> Any:
        if leaf.name in self.names:
            return self.random.choice(self.names[leaf.name])
        if leaf.name == "currency":
            return "CNY"
        if leaf.name == "quantity":
            return self.random.choice(QUANTITIES)
        if leaf.name == "idempotencyKey":
            return uuid4().hex
        if isinstance(leaf.kind, GraphQLEnumType):
            return self.random.choice(sorted(leaf.kind.values))
        return _BY_TYPE.get(leaf.kind.name, _BY_TYPE["String"])(self.random)
