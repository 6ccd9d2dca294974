"""Where a shop listens: who may say so, what an address must be, and ten places at most."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from entrypoints.asgi import create_app
from identity.customers import create_customer
from isolation.api import Answer, Api
from kernel.ids import public_id
from kernel.settings import Settings
from listeners import plant_delivery, plant_endpoint
from post_office import PostOffice
from sales import SalesDesk
from sandbox.webhooks.faults import Fault
from sandbox.webhooks.receiver import Receiver
from tenants import directory
from world import Person

pytestmark = pytest.mark.engines

_WEBHOOK = """id url description eventTypes status failuresInRow previousSecretUntil
              alerts { kind }"""
_PROBLEM = "... on Problem { code field message }"
UPSERT = f"""mutation ($input: WebhookUpsertInput!) {{ webhookUpsert(input: $input) {{
  __typename ... on WebhookSaved {{ secret webhook {{ {_WEBHOOK} }} }} {_PROBLEM} }} }}"""
ROTATE = f"""mutation ($input: WebhookRef!) {{ webhookSecretRotate(input: $input) {{
  __typename ... on WebhookSaved {{ secret webhook {{ {_WEBHOOK} }} }} {_PROBLEM} }} }}"""
DELETE = f"""mutation ($input: WebhookRef!) {{ webhookDelete(input: $input) {{
  __typename ... on WebhookDeleted {{ webhookId }} {_PROBLEM} }} }}"""
PING = f"""mutation ($input: WebhookRef!) {{ webhookTest(input: $input) {{
  __typename ... on WebhookTested {{ delivery {{ id status eventType }} }} {_PROBLEM} }} }}"""
REPLAY = f"""mutation ($input: WebhookReplayInput!) {{ webhookReplay(input: $input) {{
  __typename ... on WebhookReplayed {{ count }} {_PROBLEM} }} }}"""
ASK = f"""mutation ($input: PasswordResetAskInput!) {{ passwordResetAsk(input: $input) {{
  __typename ... on PasswordResetAsked {{ done }} {_PROBLEM} }} }}"""
RESET = f"""mutation ($input: PasswordResetInput!) {{ passwordReset(input: $input) {{
  __typename ... on PasswordChanged {{ done }} {_PROBLEM} }} }}"""
LIST = f"{{ webhooks {{ {_WEBHOOK} }} }}"
LOG = """query ($id: ID!, $status: WebhookDeliveryStatus, $first: Int!, $after: String) {
  webhookDeliveries(webhookId: $id, status: $status, first: $first, after: $after) {
    edges { node { id status eventType attemptCount attempts {
      number statusCode latencyMs failure answer } } }
    pageInfo { hasNextPage endCursor } } }"""


class Desk:
    """An owner of the world's shop, who manages its webhooks."""

    def __init__(self, api: Api, desk: SalesDesk, owner: Person) -> None:
        self.api, self.desk, self.owner = api, desk, owner

    async def ask(self, document: str, **variables: Any) -> Answer:
        """Ask as the owner."""
        return await self.api.ask(self.desk.world.shop, document, variables, by=self.owner)

    async def do(self, document: str, **values: Any) -> Any:
        """Do it as the owner; a refusal fails the test."""
        return (await self.ask(document, input=values)).accepted

    async def refused(self, document: str, **values: Any) -> tuple[str, str | None]:
        """The code and the field of a refusal."""
        answer = await self.ask(document, input=values)
        assert answer.data["__typename"] == "Problem", answer.text
        return answer.data["code"], answer.data["field"]


@pytest.fixture
async def keeper(desk: SalesDesk, config: Settings) -> AsyncIterator[Desk]:
    directory.forget()
    async with Api(create_app(config)) as api:
        yield Desk(api, desk, await desk.world.staff("OWNER"))
    directory.forget()


async def test_a_secret_is_told_once_and_signs_what_is_sent(
    keeper: Desk, office: PostOffice, receiver: Receiver
) -> None:
    made = await keeper.do(UPSERT, url=receiver.url, eventTypes=["BALANCE_LOW"])
    assert made["secret"].startswith("whsec_")
    listed = await keeper.ask(LIST)
    assert made["secret"] not in listed.text
    assert [one["url"] for one in listed.accepted] == [receiver.url]
    stored = await office.owner.fetchval("select secret from webhook_endpoints")
    assert made["secret"].encode() not in stored

    receiver.secret = made["secret"]
    await office.tell(minor=1)
    await office.deliver()
    assert len(receiver.taken) == 1

    rotated = await keeper.do(ROTATE, webhookId=made["webhook"]["id"])
    assert rotated["secret"] != made["secret"]
    assert rotated["webhook"]["previousSecretUntil"] is not None
    for secret in (made["secret"], rotated["secret"]):
        receiver.secret = secret
        await office.tell(minor=2)
        await office.deliver()
    assert (len(receiver.taken), receiver.forged) == (3, 0)


async def test_only_an_owner_has_keys_sent_or_changes_where_they_go(
    keeper: Desk, office: PostOffice, receiver: Receiver
) -> None:
    here: dict[str, Any] = {"url": receiver.url, "eventTypes": ["ORDER_DELIVERED"]}
    made = await keeper.do(UPSERT, **here, sendsKeys=True)
    known = made["webhook"]["id"]
    before = await office.owner.fetch("select * from webhook_endpoints")
    mere = await keeper.desk.world.api_client("API_WEBHOOKS_WRITE")
    buys, keeper.owner = keeper.owner, mere
    assert await keeper.refused(UPSERT, **here, sendsKeys=True) == ("FORBIDDEN", "sendsKeys")
    for document, values in (
        (UPSERT, {**here, "webhookId": known}),
        (ROTATE, {"webhookId": known}),
    ):
        assert await keeper.refused(document, **values) == ("NOT_FOUND", "webhookId")
    assert await office.owner.fetch("select * from webhook_endpoints") == before
    keeper.owner = buys
    await keeper.do(UPSERT, **here, webhookId=known)
    keeper.owner = mere
    assert (await keeper.do(ROTATE, webhookId=known))["secret"], "no keys go there any more"


async def test_a_webhook_is_changed_switched_off_and_deleted(
    keeper: Desk, office: PostOffice, receiver: Receiver
) -> None:
    made = await keeper.do(UPSERT, url=receiver.url, eventTypes=["BALANCE_LOW"])
    known = made["webhook"]["id"]
    off = await keeper.do(
        UPSERT,
        webhookId=known,
        url=receiver.url + "/b",
        eventTypes=["ORDER_PAID", "BALANCE_LOW"],
        description="b",
        enabled=False,
    )
    assert off["secret"] is None
    assert off["webhook"]["status"] == "OFF"
    assert off["webhook"]["eventTypes"] == ["BALANCE_LOW", "ORDER_PAID"]
    assert not await office.tell(minor=1)

    await keeper.do(UPSERT, webhookId=known, url=receiver.url, eventTypes=["BALANCE_LOW"])
    await office.tell(minor=2)
    receiver.faults.append(Fault.SERVER_ERROR)
    await office.deliver()
    await keeper.do(DELETE, webhookId=known)

    assert (await keeper.ask(LIST)).accepted == []
    assert await office.states() == ["CANCELED"]
    assert await keeper.refused(DELETE, webhookId=known) == ("NOT_FOUND", "webhookId")
    assert await keeper.refused(PING, webhookId=known) == ("NOT_FOUND", "webhookId")


async def test_only_an_owner_lets_a_program_hear_of_new_passwords(
    keeper: Desk, office: PostOffice, receiver: Receiver
) -> None:
    world, programs = office.world, ["PASSWORD_RESET_ASKED"]
    client = await world.api_client("API_WEBHOOKS_WRITE")
    program = Desk(keeper.api, keeper.desk, client)
    wish = {"url": receiver.url, "eventTypes": programs}
    assert await program.refused(UPSERT, **wish) == ("FORBIDDEN", "eventTypes")
    assert (await keeper.ask(LIST)).accepted == []
    made = await keeper.do(UPSERT, **wish)
    redirected = {"url": receiver.url + "/mine", "eventTypes": ["BALANCE_LOW"]}
    known = {"webhookId": made["webhook"]["id"]}
    assert await program.refused(UPSERT, **known, **redirected) == ("NOT_FOUND", "webhookId")
    assert [one["url"] for one in (await keeper.ask(LIST)).accepted] == [receiver.url]


async def test_the_platforms_mailer_is_sent_links_for_new_passwords_and_no_shops_is(
    keeper: Desk, office: PostOffice, receiver: Receiver
) -> None:
    world, wish = office.world, {"url": receiver.url, "eventTypes": ["PASSWORD_RESET_ASKED"]}
    await keeper.do(UPSERT, **wish)
    boss = await world.staff("OWNER", shop=world.root)
    made = (await keeper.api.ask(world.root, UPSERT, {"input": wish}, by=boss)).accepted
    await create_customer(
        tenant_id=world.shop.id, name="Ada", email="ada@example.com", password="correct horse"
    )
    asked = {"input": {"account": "ada@example.com"}}
    assert (await keeper.api.ask(world.shop, ASK, asked)).accepted["done"]
    receiver.secret = made["secret"]
    await office.deliver()
    [told] = receiver.taken
    data = told["data"]
    assert data["account"] == {"kind": "email", "value": "ada@example.com"}
    assert data["login"] == "CUSTOMER"
    assert data["shopId"] == public_id("ten", world.shop.id)
    token = data["link"].partition("/reset?t=")[2]
    change = {"input": {"token": token, "newPassword": "battery staple"}}
    assert (await keeper.api.ask(world.shop, RESET, change)).accepted["done"]
    log = {"id": made["webhook"]["id"], "first": 5}
    assert token not in (await keeper.api.ask(world.root, LOG, log, by=boss)).text


async def test_an_eleventh_webhook_is_refused_and_an_ended_ones_place_is_free(
    keeper: Desk, owner: asyncpg.Connection
) -> None:
    wish = {"url": "http://127.0.0.1:9/", "eventTypes": ["BALANCE_LOW"]}
    made = [await keeper.do(UPSERT, **wish) for _ in range(10)]

    assert await keeper.refused(UPSERT, **wish) == ("LIMIT_REACHED", None)
    assert await owner.fetchval("select count(*) from webhook_endpoints") == 10

    await keeper.do(DELETE, webhookId=made[3]["webhook"]["id"])
    await keeper.do(UPSERT, **wish)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"url": "http://10.0.0.1/"}, ("ADDRESS_REFUSED", "url")),
        ({"url": "http://me@127.0.0.1/"}, ("ADDRESS_REFUSED", "url")),
        ({"eventTypes": []}, ("VALIDATION", "eventTypes")),
        ({"description": "d" * 201}, ("VALIDATION", "description")),
        ({"description": "a\u202eb"}, ("VALIDATION", "description")),
    ],
)
async def test_what_is_no_webhook_is_refused_and_not_written(
    keeper: Desk, owner: asyncpg.Connection, wrong: dict[str, Any], refusal: tuple[str, str]
) -> None:
    wish = {"url": "http://127.0.0.1:9/", "eventTypes": ["BALANCE_LOW"], **wrong}
    assert await keeper.refused(UPSERT, **wish) == refusal
    assert await owner.fetchval("select count(*) from webhook_endpoints") == 0


async def test_only_an_owner_keeps_webhooks(keeper: Desk, owner: asyncpg.Connection) -> None:
    world = keeper.desk.world
    for role in ("FINANCE", "SUPPORT", "CATALOGUE", "READ_ONLY"):
        keeper.owner = await world.staff(role)
        wish = {"url": "http://127.0.0.1:9/", "eventTypes": ["BALANCE_LOW"]}
        for document, variables in ((LIST, {}), (UPSERT, {"input": wish})):
            answer = await keeper.ask(document, **variables)
            assert answer.codes == {"FORBIDDEN"}
    assert await owner.fetchval("select count(*) from webhook_endpoints") == 0


async def test_a_test_message_arrives_and_too_many_are_refused(
    keeper: Desk, office: PostOffice, receiver: Receiver
) -> None:
    made = await keeper.do(UPSERT, url=receiver.url, eventTypes=["BALANCE_LOW"])
    receiver.secret = made["secret"]
    for _ in range(10):
        sent = await keeper.do(PING, webhookId=made["webhook"]["id"])
        assert sent["delivery"]["eventType"] == "webhook.ping"
    await office.deliver()

    assert [message["type"] for message in receiver.taken] == ["webhook.ping"] * 10
    code, _ = await keeper.refused(PING, webhookId=made["webhook"]["id"])
    assert code == "RATE_LIMITED"
    assert len(await office.states()) == 10


async def test_the_log_says_what_became_of_each_message(
    keeper: Desk, office: PostOffice, receiver: Receiver
) -> None:
    endpoint_id = await plant_endpoint(
        office.owner, office.world.shop.id, url=receiver.url, event_types=["balance.low"]
    )
    receiver.faults.append(Fault.SERVER_ERROR)
    for minor in range(3):
        await office.tell(minor=minor)
        await office.deliver()
    (webhook,) = (await keeper.ask(LIST)).accepted

    page = (await keeper.ask(LOG, id=webhook["id"], first=2)).accepted
    assert page["pageInfo"]["hasNextPage"]
    assert [edge["node"]["status"] for edge in page["edges"]] == ["DELIVERED", "DELIVERED"]
    after = page["pageInfo"]["endCursor"]
    rest = (await keeper.ask(LOG, id=webhook["id"], first=2, after=after)).accepted
    (edge,) = rest["edges"]
    (attempt,) = edge["node"]["attempts"]
    assert edge["node"]["status"] == "PENDING"
    assert (attempt["statusCode"], attempt["failure"]) == (500, "REFUSED")
    assert attempt["answer"] == "broken"
    pending = (await keeper.ask(LOG, id=webhook["id"], first=9, status="PENDING")).accepted
    assert [one["node"]["id"] for one in pending["edges"]] == [edge["node"]["id"]]
    assert await office.endpoint(endpoint_id)


async def test_what_was_delivered_or_given_up_is_sent_again_as_the_same(
    keeper: Desk, office: PostOffice, receiver: Receiver
) -> None:
    endpoint_id = await plant_endpoint(
        office.owner, office.world.shop.id, url=receiver.url, event_types=["balance.low"]
    )
    for minor in range(3):
        await office.tell(minor=minor)
    await office.deliver()
    first = [message["eventId"] for message in receiver.taken]
    webhook_id = (await keeper.ask(LIST)).accepted[0]["id"]
    log = (await keeper.ask(LOG, id=webhook_id, first=9)).accepted

    again = await keeper.do(REPLAY, deliveryId=log["edges"][0]["node"]["id"])
    assert again["count"] == 1
    await office.deliver()
    assert [message["eventId"] for message in receiver.taken[3:]] == [first[2]]

    again = await keeper.do(REPLAY, webhookId=webhook_id, since="2020-01-01T00:00:00Z")
    assert again["count"] == 3
    assert (await keeper.do(REPLAY, webhookId=webhook_id))["count"] == 0  # all on their way
    await office.deliver()
    assert sorted(message["eventId"] for message in receiver.taken[4:]) == sorted(first)
    assert (await office.endpoint(endpoint_id))["failures_in_row"] == 0


async def test_a_foreign_delivery_is_not_sent_again(
    keeper: Desk, owner: asyncpg.Connection
) -> None:
    agent = keeper.desk.world.agent
    theirs = await plant_endpoint(owner, agent.id)
    await plant_delivery(owner, agent.id, theirs, answer="thanks")
    delivery_id = await owner.fetchval("select id from webhook_deliveries")
    code, field = await keeper.refused(REPLAY, deliveryId=public_id("wdl", delivery_id))
    assert (code, field) == ("NOT_FOUND", "deliveryId")
    code, field = await keeper.refused(REPLAY, webhookId=public_id("whk", theirs))
    assert (code, field) == ("NOT_FOUND", "webhookId")
    assert await keeper.refused(REPLAY) == ("VALIDATION", "deliveryId")
    status = await owner.fetchval("select status from webhook_deliveries")
    assert status == "DELIVERED"
