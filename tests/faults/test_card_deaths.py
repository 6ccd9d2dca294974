"""The platform dies while a card is kept, and while it is forgotten: all of it is done once."""

from typing import Any

import pytest

from entrypoints.verify import verify
from faults.buyers import Buyer
from faults.lives import always_revived
from faults.test_crash_points import CARDS, CARDS_OF_WORKER
from kernel.settings import Settings
from patience import until, until_true
from processes import STRIPE_KEY, Platform
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.sweep]

_PAY = """mutation ($input: PaymentStartInput!) { paymentStart(input: $input) { __typename
  ... on PaymentStarted { status actionUrl clientSecret } ... on Problem { code field } } }"""
_CARDS = "query { me { savedCards { id last4 } } }"
_REMOVE = """mutation ($input: SavedCardRemoveInput!) { savedCardRemove(input: $input) {
  __typename } }"""


class CardHolder(Buyer):
    """A customer who asks until somebody answers."""

    async def pay(self, **more: Any) -> dict[str, Any]:
        """Start paying by card; asked again with the same key it is the same payment."""
        wish = {"orderNo": self.order_no, "method": "CARD", "idempotencyKey": self.key, **more}
        started: dict[str, Any] = await self._insist(_PAY, {"input": wish})
        while started["__typename"] == "Problem" and started["field"] == "method":
            started = await self._insist(_PAY, {"input": wish})
        assert started["__typename"] == "PaymentStarted", started
        return started

    async def cards(self) -> list[dict[str, Any]]:
        """What is kept."""
        kept: list[dict[str, Any]] = (await self._insist(_CARDS, {}))["savedCards"]
        return kept

    async def forget(self, card_id: str) -> None:
        """Keep a card no longer."""
        await self._insist(_REMOVE, {"input": {"cardId": card_id}})


async def at_channel(platform: Platform, path: str) -> Any:
    headers = {"authorization": f"Bearer {STRIPE_KEY}"}
    return (await platform.http.get(f"{platform.sandbox_url}/v1/{path}", headers=headers)).json()


async def test_a_card_is_kept_once_and_a_page_asked_for_once_whatever_dies(
    platform: Platform, world: World, config: Settings
) -> None:
    person = await world.customer()
    first, second = (
        CardHolder(platform, world.shop, world.goods, customer=person) for _ in range(2)
    )
    await first.order()
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=CARDS)
    platform.worker.kill()
    platform.worker.start(KAMENG_CRASH_AT=CARDS_OF_WORKER[0])
    points = ["payment.asked", *CARDS_OF_WORKER[1:]]
    async with always_revived(platform.api, platform.worker, crash_at=[]) as deaths:
        started = await first.pay(saveCard=True, mode="HOSTED")
        session = started["actionUrl"].rpartition("/")[2]
        await platform.sandbox_control("POST", f"sessions/{session}/approve")
        await first.until("DELIVERED")
        (card,) = await until(first.cards, lambda found: len(found) == 1)
        await until_true(lambda: len(deaths) == 2)
    for point in points[1:2]:
        platform.worker.kill()
        platform.worker.start(KAMENG_CRASH_AT=point)
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=points[0])
    async with always_revived(platform.api, platform.worker) as deaths:
        await second.order()
        again = await second.pay(saveCard=True)
        intent = again["clientSecret"].partition("_secret_")[0]
        await platform.approve(intent)
        await second.until("DELIVERED")
        await until(first.cards, lambda found: [one["id"] for one in found] != [card["id"]])
        await until_true(lambda: len(deaths) == 2)
    platform.worker.kill()
    platform.worker.start(KAMENG_CRASH_AT=points[2])
    async with always_revived(platform.worker) as deaths:
        (newest,) = await first.cards()
        await first.forget(newest["id"])
        await until(
            lambda: world.owner.fetchval(
                "select count(*) from saved_cards where next_detach_at is not null"
            ),
            lambda count: count == 0,
        )
    assert deaths == [platform.worker.name]
    assert await first.cards() == []
    assert await world.owner.fetchval("select count(*) from channel_customers") == 1
    refs = await world.owner.fetch("select provider_ref from saved_cards")
    assert len(refs) == 2
    for row in refs:
        method = await at_channel(platform, f"payment_methods/{row['provider_ref']}")
        assert method["customer"] is None
    assert len((await at_channel(platform, "payment_intents"))["data"]) == 2
    assert await verify(config.database_url) == []
