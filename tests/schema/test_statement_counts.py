"""How many statements the most used questions cost: these numbers, and no more for longer lists.

Who the caller is is asked apart (identity's tests), and so is what a sale costs (the orders' own).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from entrypoints.asgi import create_app
from kernel import db, valkey
from kernel.ids import public_id
from kernel.settings import Settings, settings
from random_markets import another_offer
from sales import SalesDesk, channels_in_memory
from tenants import directory
from world import Person, World, build_world

pytestmark = pytest.mark.engines

MANY = 50
NODE = "id name slug price { amount { amountMinor } } stock { quantity more }"
WHOLE = (
    f"{NODE} description skus {{ id name usageRules formFields {{ name }}"
    " offers { id price { formatted } sold reliabilityBp typicalSeconds badges } }"
)
ORDER = "no status lines { name quantity keys { id serial } } total { amountMinor }"
ORDERS = f"query ($first: Int!) {{ orders(first: $first) {{ edges {{ node {{ {ORDER} }} }} }} }}"


@dataclass(frozen=True)
class Question:
    """A document, who asks it, and what it costs. `$first` is 1, and then fifty."""

    name: str
    document: str
    statements: int
    by: str = "GUEST"


def listed(fields: str, *arguments: str) -> str:
    given = ", ".join(["first: $first", *arguments])
    return (
        f"query ($first: Int!) {{ products({given}) {{ edges {{ cursor node {{ {fields} }} }} }} }}"
    )


QUESTIONS = [
    Question("the shop", "{ storefront { name open paymentMethods { code } } }", 0),
    Question("categories", "{ categories { id slug name } }", 1),
    Question("a list of names", listed("id name slug"), 1),
    Question("a list with prices", listed(NODE), 1),
    Question("a list with stock alone", listed("stock { quantity }"), 1),
    Question("a list by name", listed(NODE, "sort: NAME"), 1),
    Question("a list with SKUs", listed("name skus { id name price { amount { formatted } } }"), 1),
    Question("a category", listed(NODE, 'filter: { categorySlug: "games" }'), 1),
    Question(
        "products by ids",
        f"query ($ids: [ID!]) {{ products(first: 100, filter: {{ ids: $ids }})"
        f" {{ edges {{ node {{ {NODE} }} }} }} }}",
        1,
    ),
    Question(
        "the next page",
        f"query ($first: Int!, $after: String) {{ products(first: $first, after: $after)"
        f" {{ edges {{ node {{ {NODE} }} }} pageInfo {{ hasNextPage endCursor }} }} }}",
        1,
    ),
    Question("a product by its slug", f'{{ product(slug: "genshin-moon") {{ {WHOLE} }} }}', 1),
    Question("a product by its id", f"query ($id: ID!) {{ product(id: $id) {{ {WHOLE} }} }}", 1),
    Question(
        "the front page",
        f"query ($first: Int!) {{ storefront {{ name }} categories {{ name }}"
        f" products(first: $first) {{ edges {{ node {{ {NODE} }} }} }} }}",
        2,
    ),
    Question(
        "a quote",
        "query ($lines: [QuoteLineInput!]!) { quote(input: { lines: $lines }) {"
        " ... on Quote { id total { amountMinor } } ... on Problem { code message } } }",
        1,
    ),
    Question("who am I", "{ me { id email wallet { amountMinor } } }", 2, "CUSTOMER"),
    Question(
        "my orders",
        ORDERS,
        1,
        "CUSTOMER",
    ),
    Question("my order", f"query ($no: String!) {{ order(no: $no) {{ {ORDER} }} }}", 1, "CUSTOMER"),
    Question(
        "the shop's orders",
        ORDERS.replace("orders", "tenantOrders"),
        1,
        "STAFF",
    ),
    Question(
        "what the shop pays",
        "query ($first: Int!) { catalogueToList(first: $first) {"
        " nodes { code cost { amountMinor } margin { amountMinor } stock { quantity } } } }",
        1,
        "STAFF",
    ),
    Question(
        "the shop's balances",
        "{ tenant { name balances { held { amountMinor } forecast { at } } children { slug } } }",
        4,
        "STAFF",
    ),
]


@dataclass
class Till:
    """The application, and those who ask it."""

    world: World
    http: httpx.AsyncClient
    people: dict[str, Person]
    variables: dict[int, dict[str, Any]]

    async def costs(self, question: Question, items: int) -> list[str]:
        """The statements of one request, but for who asks."""
        person = self.people.get(question.by)
        asked: list[str] = []
        token = db.statement_log.set(asked)
        try:
            response = await self.http.post(
                "/graphql/",
                json={"query": question.document, "variables": self.variables[items]},
                headers={"x-kameng-client": "tests", **(person.headers if person else {})},
            )
        finally:
            db.statement_log.reset(token)
        answer = response.json()
        assert "errors" not in answer, answer
        assert all(answer["data"].values()) and "VALIDATION" not in response.text, answer
        return [sql for sql in asked if "access_tokens" not in sql]


@pytest.fixture
async def till(
    database: Settings, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Till]:
    """Fifty products of two offers each, fifty orders of one customer, and the shop's staff."""
    monkeypatch.setattr(directory, "REMEMBER_SECONDS", 60.0)
    directory.forget()
    world = await build_world(owner, keys=MANY)
    goods = [world.goods, *[await world.more_goods(f"goods-{n:02}") for n in range(MANY)]]
    for one in goods:
        await another_offer(owner, one, supply_minor=8_050)
        await world.keys(1, one)
    people = {"CUSTOMER": await world.customer(), "STAFF": await world.staff("OWNER")}
    with channels_in_memory() as channels:
        desk = SalesDesk(world, channels)
        for _ in range(MANY):
            purchase = await desk.order(by=people["CUSTOMER"])
            await purchase.paid()
    await world.another_shop("below", below=world.shop)
    transport = httpx.ASGITransport(create_app(settings()))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{world.shop.host}") as http:
        found = Till(world, http, people, {})
        for items in (1, MANY):
            found.variables[items] = {
                "first": items,
                "ids": [public_id("prd", one.product_id) for one in goods[:items]],
                "id": public_id("prd", world.goods.product_id),
                "no": purchase.no,
                "lines": [
                    {"skuId": public_id("sku", one.sku_id), "quantity": 1}
                    for one in goods[: min(items, 20)]
                ],
            }
        yield found
    await valkey.close()
    directory.forget()


async def test_the_most_used_questions_cost_what_they_cost_however_long_the_list(
    till: Till,
) -> None:
    for one in (till.world.goods,):
        await till.world.keys(30, one)
    await till.costs(QUESTIONS[3], MANY)  # from now on the rules of the path are known
    found = {
        question.name: [len(await till.costs(question, items)) for items in (1, MANY)]
        for question in QUESTIONS
    }
    assert found == {question.name: [question.statements] * 2 for question in QUESTIONS}
    assert len(QUESTIONS) == 20
