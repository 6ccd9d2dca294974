"""Hundreds act on what a person delivers, and the clock runs out meanwhile: one is first on each
line, and the money is earned or given back once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Sequence

import pytest

from catalog.forms.fields import define_form
from entrypoints.verify import verify
from hand_desk import BUYER, MINUTES, SAID, SUPPLIER, UID, open_by_hand
from kernel.ids import new_id
from kernel.settings import Settings
from offers.quotes import Wish
from orders import paying, refunds
from orders.drafts import Buyer
from orders.manual import desk, ending, tasks
from orders.manual.buyer import cancel_line, correct
from orders.manual.desk import Delivery
from orders.manual.tasks import Deliverer
from orders.records import Viewer
from patience import PATIENCE_SECONDS
from races.crowd import Outcome, all_at_once
from races.customers import rich_customers
from races.purchases import PRICE_MINOR, key_statuses, promised_twice, quick_buy
from tenants.directory import Shop
from world import Person, World

pytestmark = pytest.mark.engines

LINES, CALLERS_A_LINE = 8, 40
PLACES, BUYERS = 10, 200


async def paid_lines(shop: Shop, world: World, people: Sequence[Person]) -> list[ending.Late]:
    """A paid line of each customer, which a person is to deliver."""
    for person in people:
        await paying.quick_buy(
            shop=shop,
            buyer=Buyer(person.id),
            wish=Wish(world.goods.sku_id, 1),
            expected_total_minor=PRICE_MINOR,
            contact=None,
            affiliate_code=None,
            method="WALLET",
            idempotency_key=new_id().hex,
            said={"uid": SAID["uid"]},
        )
    rows = await world.owner.fetch(
        "select tenant_id, order_id, line_id, due_at from manual_deliveries"
    )
    return [ending.Late(**row) for row in rows]


def some_act(
    number: int, line: ending.Late, *, shop: Shop, world: World, order: tuple[str, Viewer]
) -> Awaitable[object]:
    """One of all the things that anybody does about a line."""
    who = Deliverer(world.goods.supplier_id, world.root.id, SUPPLIER)
    no, viewer = order
    acts: list[Awaitable[object]] = [
        desk.begin(who, line.line_id),
        desk.deliver(
            who, line.line_id, delivery=Delivery((), None), idempotency_key=new_id().hex
        ),
        desk.ask_correction(who, line.line_id, fields=["uid"], message="No such account."),
        desk.refuse(who, line.line_id, reason="No.", idempotency_key=new_id().hex),
        cancel_line(
            shop=shop, viewer=viewer, order_no=no, line_id=line.line_id, witness=BUYER,
            idempotency_key=new_id().hex,
        ),
        correct(
            shop=shop, viewer=viewer, order_no=no, line_id=line.line_id,
            values={"uid": "999888777"}, witness=BUYER,
        ),
        ending.end_late(line),
        refunds.refund_line(
            shop=shop, actor="staff", order_no=no, line_id=line.line_id, amount_minor=1_000,
            reason="SUPPLIER_FAULT", idempotency_key=new_id().hex,
        ),
    ]  # fmt: skip
    chosen = acts.pop(number % len(acts))
    for other in acts:
        other.close()  # type: ignore[attr-defined]  # it is a coroutine
    return chosen


async def time_ends_for_the_others(world: World) -> None:
    """Wait until some of the lines have ended, and let the time of all be over."""
    end = time.monotonic() + PATIENCE_SECONDS
    ended = "select count(*) from manual_deliveries where ended_at is not null"
    while await world.owner.fetchval(ended) < LINES // 2:
        assert time.monotonic() < end, "nobody comes to an end"
        await asyncio.sleep(0.005)
    await world.shift_clock(f"{MINUTES + 1} minutes")


async def everybody_at_once(shop: Shop, world: World) -> Outcome[object]:
    """Everybody does everything about every line, while the time of all of them ends."""
    await open_by_hand(world, quantity=LINES, asks=False)
    await define_form(sku_id=world.goods.sku_id, fields=[UID])
    people = await rich_customers(world, LINES, wallet_minor=PRICE_MINOR)
    lines = await paid_lines(shop, world, people)
    rows = await world.owner.fetch("select id, no, customer_id from orders")
    orders = {row["id"]: (row["no"], Viewer(customer_id=row["customer_id"])) for row in rows}
    calls: list[Awaitable[object]] = [
        some_act(number, line, shop=shop, world=world, order=orders[line.order_id])
        for line in lines
        for number in range(CALLERS_A_LINE)
    ]
    calls = [time_ends_for_the_others(world), *random.sample(calls, len(calls))]
    return await all_at_once(calls)


async def test_of_three_hundred_who_act_one_is_first_on_each_line(
    shop: Shop, world: World, database: Settings
) -> None:
    outcome = await everybody_at_once(shop, world)
    assert outcome.errors == []
    for late in await ending.late_deliveries(100):
        await ending.end_late(late)
    # Whom the buyer was asked last has three days to be answered.
    await world.shift_clock("80 hours")
    for late in await ending.late_deliveries(100):
        await ending.end_late(late)
    ended = await world.owner.fetch(
        """select manual.state, line.refunded_minor, line.net_minor,
                  (select count(*) from ledger_transactions posted
                   where posted.idempotency_key = 'delivery:' || line.id) as splits,
                  (select count(*) from manual_events event
                   where event.line_id = line.id and event.kind = manual.state) as ends
           from manual_deliveries manual join order_lines line on line.id = manual.line_id"""
    )
    assert len(ended) == LINES
    for row in ended:
        assert row["state"] in ("DELIVERED", "REFUSED", "MISSED", "CANCELED")
        assert (row["splits"], row["ends"]) == (1, 1)
        if row["state"] != "DELIVERED":
            assert row["refunded_minor"] == row["net_minor"]
    assert await verify(database.database_url) == []


async def test_the_check_notices_a_state_that_is_set_and_not_compared(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    naive = tasks.MOVE.replace("and state::text = any ($2::text[])", "and $2::text[] is not null")
    assert naive != tasks.MOVE
    monkeypatch.setattr(tasks, "MOVE", naive)
    outcome = await everybody_at_once(shop, world)
    assert outcome.errors != []  # the database's own table of transitions


async def test_of_two_hundred_buyers_as_many_get_a_place_as_there_are(
    shop: Shop, world: World, database: Settings
) -> None:
    await open_by_hand(world, mode="MANUAL", asks=False, quantity=PLACES)
    people = await rich_customers(world, BUYERS, wallet_minor=PRICE_MINOR)
    outcome = await all_at_once(
        quick_buy(shop, world.goods, customer_id=person.id, method="WALLET") for person in people
    )
    assert outcome.errors == []
    assert outcome.refused == {"OUT_OF_STOCK": BUYERS - PLACES}
    assert await promised_twice(world.owner) == []
    assert await key_statuses(world.owner, world.goods) == {"SOLD": PLACES}
    assert await world.owner.fetchval("select count(*) from manual_deliveries") == PLACES
    assert await verify(database.database_url) == []
