"""Returns and refunds of one line, all at once, never give back more than was paid."""

import random
from collections.abc import Awaitable
from uuid import UUID

import asyncpg
import pytest

from entrypoints.verify import verify
from kernel.ids import new_id
from kernel.settings import Settings
from orders import refunds
from orders.records import Viewer
from orders.reveal import Witness, reveal_keys
from races.crowd import all_at_once
from races.purchases import PRICE_MINOR, key_statuses, quick_buy
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

QUANTITY = 5
NET_MINOR = QUANTITY * PRICE_MINOR


async def delivered_order(shop: Shop, world: World) -> tuple[UUID, str, UUID]:
    """A customer's delivered order of five keys: (customer, order number, line)."""
    customer = await world.customer(wallet_minor=NET_MINOR)
    await world.keys(QUANTITY)
    made = await quick_buy(
        shop, world.goods, quantity=QUANTITY, customer_id=customer.id, method="WALLET"
    )
    no = await world.owner.fetchval("select no from orders where id = $1", made.order_id)
    line = await world.owner.fetchval(
        "select id from order_lines where order_id = $1", made.order_id
    )
    return customer.id, no, line


async def refunded_minor(owner: asyncpg.Connection, line_id: UUID) -> int:
    paid_back: int = await owner.fetchval(
        "select coalesce(sum(amount_minor), 0)::bigint from refunds where line_id = $1", line_id
    )
    return paid_back


def refund(shop: Shop, no: str, line_id: UUID, amount_minor: int) -> Awaitable[UUID]:
    return refunds.refund_line(
        shop=shop,
        actor="staff",
        order_no=no,
        line_id=line_id,
        amount_minor=amount_minor,
        reason="SHOP_FAULT",
        idempotency_key=new_id().hex,
    )


def give_back(shop: Shop, customer_id: UUID, no: str, line_id: UUID) -> Awaitable[UUID]:
    return refunds.return_unrevealed(
        shop=shop,
        viewer=Viewer(customer_id),
        order_no=no,
        line_id=line_id,
        quantity=1,
        idempotency_key=new_id().hex,
    )


async def test_a_hundred_refunds_and_returns_give_back_the_line_and_no_more(
    shop: Shop, world: World, database: Settings
) -> None:
    customer_id, no, line_id = await delivered_order(shop, world)
    calls = [
        *(refund(shop, no, line_id, 1_300) for _ in range(50)),
        *(give_back(shop, customer_id, no, line_id) for _ in range(50)),
    ]

    outcome = await all_at_once(random.sample(calls, 100))

    assert outcome.errors == []
    assert set(outcome.refused) <= {"VALIDATION", "ALREADY_REVEALED"}
    assert outcome.refused["ALREADY_REVEALED"] == 50 - QUANTITY
    assert await refunded_minor(world.owner, line_id) == NET_MINOR
    assert await key_statuses(world.owner, world.goods) == {"AVAILABLE": QUANTITY}
    assert await verify(database.database_url) == []


async def test_a_hundred_refunds_of_a_third_of_the_line_pay_three_times(
    shop: Shop, world: World, database: Settings
) -> None:
    _, no, line_id = await delivered_order(shop, world)

    outcome = await all_at_once(refund(shop, no, line_id, NET_MINOR // 3) for _ in range(100))

    assert outcome.errors == []
    assert (len(outcome.done), outcome.refused) == (3, {"VALIDATION": 97})
    assert await refunded_minor(world.owner, line_id) == NET_MINOR // 3 * 3
    assert await verify(database.database_url) == []


async def test_a_key_is_either_opened_or_given_back_and_never_both(
    shop: Shop, world: World, database: Settings
) -> None:
    customer_id, no, line_id = await delivered_order(shop, world)
    witness = Witness(actor="customer", ip=None, user_agent="a browser")
    delivered = [row["id"] for row in await world.owner.fetch("select id from delivered_keys")]
    reveals = [
        reveal_keys(
            shop=shop,
            viewer=Viewer(customer_id),
            order_no=no,
            delivered_key_ids=[key_id],
            witness=witness,
        )
        for key_id in delivered
    ]
    returns = [give_back(shop, customer_id, no, line_id) for _ in range(QUANTITY)]

    outcome = await all_at_once(random.sample([*reveals, *returns], 2 * QUANTITY))

    assert outcome.errors == []
    assert len(outcome.done) == QUANTITY
    assert sum(outcome.refused.values()) == QUANTITY
    statuses = await key_statuses(world.owner, world.goods)
    assert statuses.get("REVEALED", 0) + statuses.get("AVAILABLE", 0) == QUANTITY
    assert await verify(database.database_url) == []
