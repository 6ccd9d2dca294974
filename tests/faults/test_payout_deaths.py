"""The platform dies at every step of a payout, and of its batch: it is sent once."""

import asyncio
from typing import Any, Final
from uuid import UUID

import pytest

from billing.payouts.parties import PaidPartyKind, Party
from entrypoints.verify import verify
from faults.buyers import Buyer
from faults.lives import always_revived
from faults.test_crash_points import PAYOUTS, PAYOUTS_OF_WORKER
from identity.models import TokenKind
from identity.step_up import Purpose
from kernel.ids import new_id, public_id
from kernel.settings import Settings
from patience import PATIENCE_SECONDS, until_true
from payout_desk import earn, holder_of, prove
from processes import STRIPE_KEY, Platform
from world import World

pytestmark = pytest.mark.engines

NET_MINOR: Final = 49_800
_REQUEST: Final = """mutation ($input: PayoutRequestInput!) { payoutRequest(input: $input) {
  __typename ... on PayoutChanged { payout { id state } } ... on Problem { code message } } }"""
_REVIEW: Final = """mutation ($input: PayoutReviewInput!) { payoutReview(input: $input) {
  __typename ... on PayoutsReviewed { reviews { payout { state } } } ... on Problem { code } } }"""
_CREATE: Final = """mutation ($input: PayoutBatchCreateInput!) { payoutBatchCreate(input: $input) {
  __typename ... on PayoutBatchChanged { batch { id payouts } } ... on Problem { code } } }"""
_SEND: Final = """mutation ($input: PayoutBatchRef!) { payoutBatchSend(input: $input) {
  __typename ... on PayoutBatchChanged { batch { payouts } } ... on Problem { code } } }"""


class Insisting(Buyer):
    """Somebody who asks until somebody answers."""

    async def insist(self, document: str, **wish: Any) -> dict[str, Any]:
        """The answer, whoever had to die for it."""
        answer: dict[str, Any] = await self._insist(document, {"input": wish})
        return answer


async def plant_account(world: World, party: Party) -> UUID:
    """Let the shop be paid at an account of the channel's, which nobody has made yet."""
    method_id = new_id()
    await world.owner.execute(
        """insert into payout_methods (tenant_id, id, party_kind, party_id, kind, currency, ready,
               next_look_at, created_by, usable_at)
           values ($1, $2, 'TENANT', $1, 'STRIPE_ACCOUNT', 'CNY', false, now(), 'test', now())""",
        party.tenant_id,
        method_id,
    )
    return method_id


async def until_it_is_so(world: World, query: str) -> None:
    """Let whatever is due for a worker be due now, until a query says that it was done."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await world.owner.fetchval(query):
            for table, column in (("payouts", "next_step_at"), ("payout_methods", "next_look_at")):
                await world.owner.execute(
                    f"update {table} set {column} = platform_now() where {column} is not null"
                )
            await asyncio.sleep(0.05)


async def test_a_payout_that_dies_at_every_step_is_sent_once(
    platform: Platform, world: World, config: Settings, database: Settings
) -> None:
    shop = world.shop
    party = Party(PaidPartyKind.TENANT, shop.id, shop.id, "CNY")
    await earn(party)
    await plant_account(world, party)
    finance, operator = await world.staff("FINANCE"), await world.operator()
    asker = Insisting(platform, shop, world.goods, customer=finance)
    desk = Insisting(platform, world.root, world.goods, customer=operator)
    for process, points in ((platform.api, PAYOUTS), (platform.worker, PAYOUTS_OF_WORKER)):
        process.kill()
        process.start(KAMENG_CRASH_AT=points[0])

    async def proof(of: Insisting, kind: TokenKind, purpose: Purpose) -> str:
        assert of.customer is not None
        return await prove(holder_of(of.customer, kind), purpose)

    async with (
        always_revived(platform.api, crash_at=PAYOUTS[1:]) as deaths,
        always_revived(platform.worker, crash_at=PAYOUTS_OF_WORKER[1:]) as deaths_of_worker,
    ):
        await until_it_is_so(world, "select account_ref is not null from payout_methods")
        ref = await world.owner.fetchval("select account_ref from payout_methods")
        await platform.sandbox_control("POST", "topups", amount=1_000_000, currency="cny")
        await platform.sandbox_control("POST", f"accounts/{ref}/onboard", complete=True)
        await until_it_is_so(world, "select ready from payout_methods")
        asked = await asker.insist(
            _REQUEST,
            amount={"amountMinor": 50_000, "currency": "CNY"},
            stepUpProof=await proof(asker, TokenKind.STAFF, Purpose.PAYOUT_REQUEST),
            idempotencyKey=asker.key,
        )
        assert asked["__typename"] == "PayoutChanged", asked
        await until_it_is_so(world, "select state = 'CHECKING' from payouts")
        decided = await desk.insist(
            _REVIEW,
            payoutIds=[asked["payout"]["id"]],
            decision="APPROVE",
            note="good",
            stepUpProof=await proof(desk, TokenKind.OPERATOR, Purpose.PAYOUT_REVIEW),
        )
        assert decided["reviews"] == [{"payout": {"state": "APPROVED"}}], decided
        made = await desk.insist(_CREATE, currency="CNY", method="STRIPE_ACCOUNT")
        assert made["batch"]["payouts"] == 1, made
        sent = await desk.insist(
            _SEND,
            batchId=made["batch"]["id"],
            stepUpProof=await proof(desk, TokenKind.OPERATOR, Purpose.PAYOUT_BATCH),
        )
        # Its answer was lost: the proof is used up, for the batch was sent.
        assert sent.get("code") == "STEP_UP_REQUIRED", sent
        await until_it_is_so(world, "select state = 'PAID' from payouts")
        await until_true(lambda: len(deaths_of_worker) == len(PAYOUTS_OF_WORKER))

    assert deaths == [platform.api.name] * len(PAYOUTS)
    assert deaths_of_worker == [platform.worker.name] * len(PAYOUTS_OF_WORKER)
    answer = await platform.http.get(
        f"{platform.sandbox_url}/v1/transfers",
        headers={"authorization": f"Bearer {STRIPE_KEY}"},
    )
    assert [one["amount"] for one in answer.json()["data"]] == [NET_MINOR]
    assert asked["payout"]["id"] == public_id(
        "pyt", await world.owner.fetchval("select id from payouts")
    )
    assert await verify(config.database_url) == []
