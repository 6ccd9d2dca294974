"""The worker dies at every step of a webhook: each message arrives, one of them twice at most."""

import signal
from collections import Counter

import pytest

from entrypoints.verify import verify
from faults.buyers import PRICE_MINOR, Buyer
from faults.test_crash_points import WEBHOOKS
from kernel.settings import Settings
from listeners import SECRET, plant_endpoint
from patience import until, until_true
from processes import Platform
from sandbox.webhooks.receiver import Receiver, receiving
from world import World

EVENTS = ("order.created", "order.paid", "order.delivered")


async def all_is_told(world: World) -> None:
    """Wait until no message waits any more."""

    async def waiting() -> int:
        number: int = await world.owner.fetchval(
            """select (select count(*) from outbox_events where handed_on_at is null)
                    + (select count(*) from webhook_deliveries where status = 'PENDING')"""
        )
        return number

    await until(waiting, lambda number: number == 0)


def times_taken(receiver: Receiver) -> Counter[str]:
    """How often each message was taken, by its type."""
    return Counter(message["type"] for message in receiver.taken)


@pytest.mark.engines
@pytest.mark.sweep
@pytest.mark.parametrize("point", WEBHOOKS)
async def test_a_worker_that_dies_loses_no_message_and_doubles_one_at_most(
    point: str, platform: Platform, world: World, config: Settings
) -> None:
    async with receiving(SECRET) as receiver:
        await plant_endpoint(world.owner, world.shop.id, url=receiver.url, event_types=EVENTS)
        platform.worker.kill()
        platform.worker.start(KAMENG_CRASH_AT=point)
        rich = await world.customer(wallet_minor=2 * PRICE_MINOR)
        await Buyer(platform, world.shop, world.goods, customer=rich).buy_from_wallet()
        await until_true(lambda: not platform.worker.alive)
        assert platform.worker.ended_by is signal.SIGKILL
        # What the dead one has claimed is free again before the next one claims anything.
        await world.shift_clock("2 minutes")
        platform.worker.start()
        await all_is_told(world)

    taken = times_taken(receiver)
    assert set(taken) == set(EVENTS)
    doubled = [event for event, times in taken.items() if times > 1]
    assert taken.total() <= len(EVENTS) + 1
    assert bool(doubled) == (point == "webhook.sent")
    assert len({message["eventId"] for message in receiver.taken}) == len(EVENTS)
    assert receiver.forged == 0
    assert await verify(config.database_url) == []
