"""Money out as people see it: from the password to the bank's file, which is fetched once."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from billing.payouts.reviews import Decision
from billing.payouts.rows import all_payouts
from entrypoints.asgi import create_app
from identity.passwords import hash_password
from identity.staff_accounts import LOGINS, staff_account
from isolation.api import Api
from isolation.fixtures import api, offline, quiet
from kernel.settings import Settings
from payout_desk import PayoutDesk, earn
from world import Person, ShopAt, World, build_world

__all__ = ["api", "offline", "quiet"]

_PASSWORD = "correct horse battery"
_START = """mutation ($for: StepUpPurpose!) { stepUpStart(input: {purpose: $for}) {
  ... on StepUpStarted { challengeId means } ... on Problem { code } } }"""
_CONFIRM = """mutation ($id: ID!, $password: String!) {
  stepUpConfirm(input: {challengeId: $id, password: $password}) {
  ... on StepUpConfirmed { proof } ... on Problem { code } } }"""
_SET = """mutation ($proof: String!) { payoutMethodSet(input: {
  kind: BANK_ACCOUNT, stepUpProof: $proof, bankAccount: {
  holder: "王小明", number: "6222021234567890", bank: "中国工商银行"}}) {
  ... on PayoutMethodSet { method { lastFour } } ... on Problem { code } } }"""
_ASK = """mutation ($proof: String!, $minor: MinorUnits!) { payoutRequest(input: {
  amount: {amountMinor: $minor, currency: "CNY"}, stepUpProof: $proof, idempotencyKey: "once"}) {
  ... on PayoutChanged { payout { id state fee { amountMinor } } }
  ... on Problem { code message field details { name value } } } }"""
_FILE = """mutation ($id: ID!, $proof: String!) {
  payoutBatchFile(input: {batchId: $id, stepUpProof: $proof}) {
  ... on PayoutBatchFile { url sha256 } ... on Problem { code } } }"""
_BATCHES = "{ payoutBatches { edges { node { id payouts net { amountMinor } } } } }"


@pytest.fixture
async def world(api: Api, owner: asyncpg.Connection) -> World:
    return await build_world(owner, keys=0)


@pytest.fixture
async def http(offline: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client that knows nothing but addresses."""
    transport = httpx.ASGITransport(create_app(offline))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def give_password(world: World, person: Person) -> None:
    """Let somebody have a login."""
    account = staff_account(f"{person.id.hex}@example.com")
    sealed = account.sealed_for(person.id, column=LOGINS)
    await world.owner.execute(
        """update staff_users set account = $2, account_index = $3, data_key_id = $4,
                  password_hash = $5 where id = $1""",
        person.id, sealed.ciphertext, account.index, sealed.key_id,
        await hash_password(_PASSWORD),
    )  # fmt: skip


async def proof(api: Api, shop: ShopAt, by: Person, purpose: str) -> str:
    started = (await api.ask(shop, _START, {"for": purpose}, by=by)).accepted
    assert started["means"] == "PASSWORD"
    shown: dict[str, Any] = {"id": started["challengeId"], "password": _PASSWORD}
    confirmed = (await api.ask(shop, _CONFIRM, shown, by=by)).accepted
    text: str = confirmed["proof"]
    return text


async def test_a_shop_is_paid_by_a_file_that_an_operator_fetches_once(
    api: Api, world: World, http: httpx.AsyncClient
) -> None:
    desk = await PayoutDesk.of(world)
    await earn(desk.party)
    finance, operator, shop = desk.finance, desk.operators[0], world.shop
    for person in (finance, operator):
        await give_password(world, person)
    stolen = (await api.ask(shop, _SET, {"proof": "kmv_stolen"}, by=finance)).body
    assert stolen["data"]["payoutMethodSet"] == {"code": "STEP_UP_REQUIRED"}
    method = {"proof": await proof(api, shop, finance, "PAYOUT_METHOD")}
    assert (await api.ask(shop, _SET, method, by=finance)).accepted["method"]["lastFour"] == "7890"
    await world.owner.execute("update payout_methods set usable_at = now()")
    ask = {"proof": await proof(api, shop, finance, "PAYOUT_REQUEST"), "minor": 9_000_000}
    refused = (await api.ask(shop, _ASK, ask, by=finance)).body["data"]["payoutRequest"]
    assert (refused["code"], refused["field"]) == ("INSUFFICIENT_BALANCE", "amount")
    asked = (await api.ask(shop, _ASK, {**ask, "minor": 50_000}, by=finance)).accepted["payout"]
    assert (asked["state"], asked["fee"]["amountMinor"]) == ("REQUESTED", 200)

    await desk.check()
    (payout,) = (await all_payouts(state=None, first=None, after=None)).rows
    await desk.decide(Decision.APPROVE, payout)
    await desk.send(await desk.batch())
    (edge,) = (await api.ask(world.root, _BATCHES, by=operator)).accepted["edges"]
    assert (edge["node"]["payouts"], edge["node"]["net"]["amountMinor"]) == (1, 49_800)
    shown = await proof(api, world.root, operator, "PAYOUT_BATCH")
    wish = {"id": edge["node"]["id"], "proof": shown}
    address = (await api.ask(world.root, _FILE, wish, by=operator)).accepted
    answers = [
        await http.get(httpx.URL(address["url"]).path, headers={"host": world.root.host})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 403]
    assert "王小明,6222021234567890" in answers[0].text
    assert answers[0].headers["cache-control"] == "no-store"
