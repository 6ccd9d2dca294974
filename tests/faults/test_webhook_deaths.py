"""The worker dies at every step of a webhook: each message arrives, one of them twice at most."""

import asyncio
import itertools
from collections import Counter

import pytest

from entrypoints.verify import verify
from faults.buyers import PRICE_MINOR, Buyer
from faults.lives import always_revived
from faults.test_crash_points import WEBHOOKS
from kernel.settings import Settings
from listeners import SECRET, plant_endpoint
from processes import Platform
from sandbox.webhooks.receiver import Receiver, receiving
from world import World

EVENTS = ("order.created", "order.paid", "order.delivered")


async def time_runs_until_all_is_told(world: World) -> None:
    """Let the platform's clock run: what a dead worker has claimed comes back after its lease."""
    for minutes in itertools.count(1):
        waiting = await world.owner.fetchval(
            """select (select count(*) from outbox_events where handed_on_at is null)
                    + (select count(*) from webhook_deliveries where status = 'PENDING')"""
        )
        if not waiting:
            return
        assert minutes < 2_000, f"{waiting} messages still wait"
        await world.shift_clock(f"{minutes} minutes")
        await asyncio.sleep(0.1)


def times_taken(receiver: Receiver) -> Counter[str]:
    """How often each message was taken, by its type."""
    return Counter(message["type"] for message in receiver.taken)


@pytest.mark.engines
@pytest.mark.parametrize("point", WEBHOOKS)
async def test_a_worker_that_dies_loses_no_message_and_doubles_one_at_most(
    point: str, platform: Platform, world: World, config: Settings
) -> None:
    async with receiving(SECRET) as receiver:
        await plant_endpoint(world.owner, world.shop.id, url=receiver.url, event_types=EVENTS)
        platform.worker.kill()
        platform.worker.start(KAMENG_CRASH_AT=point)
        rich = await world.customer(wallet_minor=2 * PRICE_MINOR)
        async with always_revived(platform.worker) as deaths:
            buyer = Buyer(platform, world.shop, world.goods, customer=rich)
            await buyer.buy_from_wallet()
            await time_runs_until_all_is_told(world)

    assert deaths == [platform.worker.name]
    taken = times_taken(receiver)
    assert set(taken) == set(EVENTS)
    doubled = [event for event, times in taken.items() if times > 1]
    assert taken.total() <= len(EVENTS) + 1
    assert bool(doubled) == (point == "webhook.sent")
    assert len({message["eventId"] for message in receiver.taken}) == len(EVENTS)
    assert receiver.forged == 0
    assert await verify(config.database_url) == []
