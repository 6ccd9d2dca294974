"""What the payment channel says, in any order and any number of times: one state in the end."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from entrypoints.verify import verify
from kernel.settings import Settings
from stories.channel import Asked, Channel, asked_for, event, everything_written
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="module")]

_SIX_KINDS = (
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.succeeded",
    "payment_intent.canceled",
)
_AT_ONCE = 16


async def _told_in_order(
    channel: Channel, asked: Asked, kinds: Sequence[str], gate: asyncio.Semaphore
) -> set[int]:
    """Say one event of each kind."""
    events = [event(asked, kind) for kind in kinds]
    async with gate:
        return {await channel.say(said) for said in events}


_END_STATE = """
select o.payment_status, o.fulfilment_status, o.aftersale_status, p.status, p.next_poll_at,
       (select array_agg(k.status) from delivered_keys d join keys k on k.id = d.key_id
        where d.order_id = o.id) as keys,
       (select count(*) from payment_events e
        where e.payment_id = p.id and e.effect not in ('NOTHING', 'ENDED')) as effects,
       (select array_agg(a.code || ' ' || e.amount_minor order by a.code, e.amount_minor)
        from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
        join ledger_accounts a on a.id = e.account_id where t.order_id = o.id) as entries
from orders o join payments p on p.order_id = o.id where p.id = any ($1)
"""


async def _end_states(planted: World, asked: Sequence[Asked]) -> dict[tuple[Any, ...], int]:
    """How many orders ended in which state: rows, keys, and every entry of the ledger."""
    rows = await planted.owner.fetch(_END_STATE, [one.payment_id for one in asked])
    states: dict[tuple[Any, ...], int] = {}
    for row in rows:
        state = tuple(tuple(value) if isinstance(value, list) else value for value in row.values())
        states[state] = states.get(state, 0) + 1
    return states


async def _status(planted: World, asked: Asked) -> str:
    status: str = await planted.owner.fetchval(
        "select payment_status from orders where id = $1", asked.order_id
    )
    return status


_PAID_AND_DELIVERED = ("PAID", "DELIVERED", "NONE", "SUCCEEDED", None, ("SOLD",), 1)
_SALE_BY_CARD = (
    "A:GATEWAY:STRIPE 10934",
    "E:GATEWAY_FEE 66",
    "L:ESCROW -11000",
    "L:ESCROW 11000",
    "L:PARTY:PENDING -7600",
    "L:PARTY:PENDING -1934",
    "L:PARTY:PENDING -500",
    "R:GATEWAY_RECOVERY -66",
    "R:SUPPLIER_COMMISSION -400",
    "R:WHOLESALE_MARGIN -500",
)


@pytest.mark.sweep
async def test_all_720_orders_of_six_events_end_in_one_state(
    here: Settings, channel: Channel, planted: World
) -> None:
    orders = list(itertools.permutations(_SIX_KINDS))
    await planted.keys(len(orders))
    asked = [await asked_for(planted) for _ in orders]
    gate = asyncio.Semaphore(_AT_ONCE)
    told = await asyncio.gather(
        *(
            _told_in_order(channel, one, kinds, gate)
            for one, kinds in zip(asked, orders, strict=True)
        )
    )
    assert set().union(*told) == {200}
    assert await _end_states(planted, asked) == {(*_PAID_AND_DELIVERED, _SALE_BY_CARD): 720}
    assert await verify(here.database_url) == []


async def test_all_120_orders_of_five_events_settle_a_mixed_payment_alike(
    here: Settings, channel: Channel, planted: World
) -> None:
    """Without the cancellation, which a channel never sends beside a success: it frees the
    wallet's part, and then the channel's part alone pays for nothing."""
    orders = list(itertools.permutations(_SIX_KINDS[:5]))
    await planted.keys(len(orders))
    buyers = [await planted.customer(wallet_minor=5_000) for _ in orders]
    asked = [await asked_for(planted, customer_id=buyer.id, wallet_minor=5_000) for buyer in buyers]
    gate = asyncio.Semaphore(_AT_ONCE)
    told = await asyncio.gather(
        *(
            _told_in_order(channel, one, kinds, gate)
            for one, kinds in zip(asked, orders, strict=True)
        )
    )
    assert set().union(*told) == {200}
    ((state, count),) = (await _end_states(planted, asked)).items()
    assert (state[:-1], count) == (_PAID_AND_DELIVERED, 120)
    assert {"A:GATEWAY:STRIPE 5964", "E:GATEWAY_FEE 36", "L:WALLET_HELD 5000"} <= set(state[-1])
    assert await verify(here.database_url) == []


async def test_one_event_said_thirty_times_at_once_has_one_effect(
    here: Settings, channel: Channel, planted: World
) -> None:
    asked = await asked_for(planted)
    succeeded = event(asked, "payment_intent.succeeded")
    again = event(asked, "payment_intent.succeeded")
    told = await asyncio.gather(*(channel.say(said) for said in [succeeded] * 20 + [again] * 10))
    assert set(told) == {200}
    assert await _end_states(planted, [asked]) == {(*_PAID_AND_DELIVERED, _SALE_BY_CARD): 1}
    assert await verify(here.database_url) == []


@pytest.mark.parametrize(
    "change",
    [
        {"amount_received": 10_999},
        {"amount_received": 11_001},
        {"amount_received": 1},
        {"currency": "usd"},
        {"currency": "jpy"},
    ],
    ids=lambda change: " ".join(f"{name} {value}" for name, value in change.items()),
)
async def test_a_genuine_event_of_another_amount_or_currency_delivers_nothing(
    here: Settings, channel: Channel, planted: World, change: dict[str, Any]
) -> None:
    asked = await asked_for(planted)
    assert await channel.say(event(asked, "payment_intent.succeeded", **change)) == 200
    row = await planted.owner.fetchrow(
        """select o.payment_status, p.status, r.amount_minor, r.currency, r.reason,
                  (select count(*) from delivered_keys d where d.order_id = o.id) as delivered
           from orders o join payments p on p.order_id = o.id
           left join refunds r on r.payment_id = p.id where o.id = $1""",
        asked.order_id,
    )
    assert (row["payment_status"], row["status"], row["delivered"]) == ("PENDING", "UNAPPLIED", 0)
    came = change.get("amount_received", 11_000)
    owed = (came, change.get("currency", "cny").upper(), "WRONG_PAYMENT")
    assert (row["amount_minor"], row["currency"], row["reason"]) == owed
    assert await channel.say(event(asked, "payment_intent.succeeded")) == 200
    assert await _status(planted, asked) == "PENDING"
    assert await verify(here.database_url) == []


async def test_an_event_of_an_intent_that_is_not_ours_pays_for_nothing(
    channel: Channel, planted: World
) -> None:
    asked, other = await asked_for(planted), await asked_for(planted)
    before = await everything_written(planted.owner)
    unknown = event(asked, "payment_intent.succeeded", id="pi_of_nobody", metadata={})
    unrelated = {**event(asked, "payment_intent.succeeded"), "type": "invoice.paid"}
    for said in (unknown, unrelated):
        assert await channel.say(said) == 200
    assert await everything_written(planted.owner) == before

    # It names our payment, but another intent of it was opened: an operator looks at that.
    stranger = event(asked, "payment_intent.succeeded", id="pi_of_nobody")
    assert await channel.say(stranger) == 200
    effect = "select effect from payment_events where event_id = $1"
    assert await planted.owner.fetchval(effect, stranger["id"]) == "REFUSED"
    crossed = event(
        asked, "payment_intent.succeeded", metadata={"payment_id": str(other.payment_id)}
    )
    assert await _status(planted, asked) == await _status(planted, other) == "PENDING"
    assert await channel.say(crossed) == 200
    assert (await _status(planted, asked), await _status(planted, other)) == ("PAID", "PENDING")
