"""A sale by card that its bank takes back, over the real processes, which die at every step."""

from typing import Any, Final

import pytest

from entrypoints.verify import verify
from faults.buyers import Buyer
from faults.lives import always_revived
from faults.test_crash_points import DISPUTES, EVIDENCE
from kernel.settings import Settings
from patience import until
from processes import STRIPE_KEY, Platform
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.sweep]

_LIST: Final = """{ disputes(isOpen: true) { edges { node {
  id orderNo state liability answer evidence { reveals { serial ip } log { what } } } } } }"""
_ANSWER: Final = """mutation ($input: DisputeEvidenceSubmitInput!) {
  disputeEvidenceSubmit(input: $input) {
    __typename ... on DisputeChanged { dispute { state answer } } ... on Problem { code } } }"""
_OWN: Final = "{ disputes { edges { node { orderNo state isOver } } } }"


class Operator(Buyer):
    """Who asks until somebody answers."""

    async def asks(self, document: str, **variables: Any) -> Any:
        """Ask once more where a process died meanwhile."""
        return await self._insist(document, variables)


async def test_a_dispute_that_dies_at_every_step_is_heard_answered_and_lost_once(
    platform: Platform, world: World, config: Settings
) -> None:
    buyer = Buyer(platform, world.shop, world.goods)
    await platform.until_healthy(platform.api_url)
    await buyer.buy()
    sold = await buyer.until("DELIVERED")
    await buyer.open_key(sold["lines"][0]["keys"][0]["id"])
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=DISPUTES[0])
    async with always_revived(platform.api, crash_at=DISPUTES[1:]) as deaths:
        disputed = await platform.sandbox_control("POST", f"intents/{buyer.intent}/dispute")

        async def heard() -> bool:
            return len(deaths) == len(DISPUTES) and bool(
                await world.owner.fetchval(
                    "select count(*) from disputes where withdrawn_at is not null"
                )
            )

        await until(heard)
    assert deaths == [platform.api.name] * len(DISPUTES)

    operator = Operator(platform, world.root, world.goods, customer=await world.operator())
    platform.worker.kill()
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=EVIDENCE[0])
    platform.worker.start(KAMENG_CRASH_AT=EVIDENCE[1])
    async with always_revived(platform.api, platform.worker) as deaths:
        await platform.until_healthy(platform.api_url)
        (edge,) = (await operator.asks(_LIST))["edges"]
        case = edge["node"]
        assert case["orderNo"] == buyer.order_no
        answered = await operator.asks(
            _ANSWER, input={"disputeId": case["id"], "statement": "The key was opened."}
        )
        assert answered in (
            {
                "__typename": "DisputeChanged",
                "dispute": {"state": "NEEDS_RESPONSE", "answer": "DUE"},
            },
            # The first answer died after it was written.
            {"__typename": "Problem", "code": "WRONG_STATE"},
        )

        async def sent() -> bool:
            state = await world.owner.fetchval("select state from dispute_answers")
            return len(deaths) == 2 and state == "SENT"

        await until(sent)
    at_channel = await platform.http.get(
        f"{platform.sandbox_url}/v1/disputes/{disputed['id']}",
        headers={"authorization": f"Bearer {STRIPE_KEY}"},
    )
    told = at_channel.json()
    assert told["evidence_details"]["submission_count"] == 1
    assert "The key was opened." in told["evidence"]["uncategorized_text"]
    assert "opened by the reveal" in told["evidence"]["access_activity_log"]

    await platform.sandbox_control("POST", f"disputes/{disputed['id']}/decide", outcome="lost")
    await buyer.until("CHARGED_BACK")
    finance = Operator(platform, world.shop, world.goods, customer=await world.staff("FINANCE"))
    (own,) = (await finance.asks(_OWN))["edges"]
    assert own["node"] == {"orderNo": buyer.order_no, "state": "LOST", "isOver": True}
    assert await world.owner.fetchval("select count(*) from dispute_answers") == 1
    assert await verify(config.database_url) == []
