"""A customer's token is remembered for reading; every change asks for it anew."""

from typing import Any

import asyncpg
import pytest

from identity import tokens
from isolation.api import Api
from isolation.neighbours import Neighbourhood
from kernel.ids import new_id, public_id
from schema.problems import Refusals
from schema.root import Mutation
from world import Person

READ = "{ me { wallet { amountMinor } } }"
CHANGE = """mutation ($input: WalletTopUpInput!) { walletTopUp(input: $input) { __typename
  ... on Problem { code } } }"""
BUY = """mutation ($input: QuickBuyInput!) { quickBuy(input: $input) { __typename
  ... on Problem { code } } }"""
QUOTE = """query ($sku: ID!) { quote(input: { lines: [{ skuId: $sku, quantity: 1 }] }) {
  ... on Quote { id } } }"""
ORDER = """mutation ($quote: ID!, $key: ID!) {
  orderCreate(input: { quoteId: $quote, idempotencyKey: $key }) {
    ... on OrderCreated { order { no } } ... on Problem { code } } }"""
PAY = """mutation ($no: String!, $method: PaymentMethodCode!, $key: ID!) {
  paymentStart(input: { orderNo: $no, method: $method, idempotencyKey: $key, returnPath: "/" }) {
    __typename ... on Problem { code } } }"""


def top_up() -> dict[str, object]:
    return {
        "input": {
            "amount": {"amountMinor": 1_000, "currency": "CNY"},
            "method": "CARD",
            "idempotencyKey": new_id().hex,
        }
    }


def purchase(town: Neighbourhood) -> dict[str, object]:
    shop = town.at("shop").shop
    total = {"amountMinor": town.retail_minor(shop), "currency": "CNY"}
    return {
        "input": {
            "skuId": public_id("sku", town.goods.sku_id),
            "quantity": 1,
            "expectedTotal": total,
            "idempotencyKey": new_id().hex,
            "payment": "WALLET",
        }
    }


@pytest.mark.engines
async def test_a_token_that_ended_elsewhere_reads_for_a_moment_and_changes_nothing(
    town: Neighbourhood, api: Api, owner: asyncpg.Connection
) -> None:
    shop = town.at("shop").shop
    customer = await town.world.customer(shop, wallet_minor=1_000_000)
    assert not (await api.ask(shop, READ, by=customer)).refused
    await owner.execute(
        "update access_tokens set revoked_at = now() where principal_id = $1", customer.id
    )
    rows = "select (select count(*) from payments), (select count(*) from orders)"
    before = await owner.fetchrow(rows)
    assert not (await api.ask(shop, READ, by=customer)).refused
    assert (await api.ask(shop, CHANGE, top_up(), by=customer)).codes == {"FORBIDDEN"}
    assert not (await api.ask(shop, READ, by=customer)).refused
    assert (await api.ask(shop, BUY, purchase(town), by=customer)).codes == {"FORBIDDEN"}
    assert await owner.fetchrow(rows) == before
    tokens.forget_tokens()
    assert (await api.ask(shop, READ, by=customer)).status == 401


@pytest.mark.engines
@pytest.mark.parametrize("method", ["CARD", "WALLET"])
async def test_a_token_that_ended_elsewhere_starts_no_payment(
    town: Neighbourhood, api: Api, owner: asyncpg.Connection, method: str
) -> None:
    shop = town.at("shop").shop
    customer = await town.world.customer(shop, wallet_minor=1_000_000)
    sku = public_id("sku", town.goods.sku_id)
    quoted = await api.ask(shop, QUOTE, {"sku": sku}, by=customer)
    made = await api.ask(
        shop,
        ORDER,
        {"quote": quoted.data["id"], "key": new_id().hex},
        by=customer,
    )
    await owner.execute(
        "update access_tokens set revoked_at = now() where principal_id = $1", customer.id
    )
    asked = {"no": made.data["order"]["no"], "method": method, "key": new_id().hex}
    before = await owner.fetchval("select count(*) from payments")
    assert (await api.ask(shop, PAY, asked, by=customer)).codes == {"FORBIDDEN"}
    assert await owner.fetchval("select count(*) from payments") == before


@pytest.mark.engines
async def test_a_customer_who_signs_out_reads_nothing_more(town: Neighbourhood, api: Api) -> None:
    shop = town.at("shop").shop
    customer: Person = await town.world.customer(shop)
    for _ in range(2):
        assert not (await api.ask(shop, READ, by=customer)).refused
    signed_out = await api.ask(
        shop, "mutation { signOut { __typename ... on Problem { code } } }", by=customer
    )
    assert not signed_out.refused
    assert (await api.ask(shop, READ, by=customer)).status == 401


def test_every_mutation_makes_sure_of_its_caller() -> None:
    mutation: Any = Mutation  # Strawberry's decorator has added what it knows
    fields = mutation.__strawberry_definition__.fields
    assert len(fields) > 10
    for field in fields:
        assert [one for one in field.extensions if isinstance(one, Refusals)], field.name
    themselves = {
        field.name
        for field in fields
        if any(isinstance(one, Refusals) and one.asks_itself for one in field.extensions)
    }
    assert themselves == {"quick_buy", "order_create", "payment_start"}
