"""Messages are signed, sent until they are taken, in order, and nobody waits for somebody else."""

import asyncio
from datetime import timedelta

import pytest

from kernel.ids import new_id, parse_id
from kernel.settings import settings
from listeners import SECRET
from notifications import claiming, delivering, noting, schedule, signing
from notifications.claiming import claim
from notifications.handing_on import forget_old_events, hand_on
from post_office import PostOffice
from sales import SalesDesk
from sandbox.webhooks.faults import Fault
from sandbox.webhooks.receiver import Receiver, receiving
from trade_desk import COST_MINOR, buy, credit

pytestmark = pytest.mark.engines


async def test_a_message_arrives_signed_and_says_what_was_told(
    office: PostOffice, receiver: Receiver
) -> None:
    await office.listener(receiver.url)
    await office.tell(availableMinor=900, currency="CNY")

    await office.deliver()

    (message,) = receiver.taken
    event_id = await office.owner.fetchval("select id from outbox_events")
    assert message["type"] == "balance.low"
    assert message["data"] == {"availableMinor": 900, "currency": "CNY"}
    assert (message["version"], parse_id("evt", message["eventId"])) == ("v1", event_id)
    assert message["_headers"]["webhook-id"] == message["eventId"]
    assert await office.states() == ["DELIVERED"]
    (attempt,) = await office.attempts()
    assert (attempt["status_code"], attempt["failure"], attempt["answer"]) == (200, None, "thanks")


async def test_a_sales_messages_arrive_in_their_order(
    desk: SalesDesk, office: PostOffice, receiver: Receiver
) -> None:
    await office.listener(receiver.url, "order.created", "order.paid", "order.delivered")
    rich = await desk.world.customer(wallet_minor=50_000)
    purchase = await (await desk.order(by=rich)).paid("WALLET", wallet_minor=11_000)

    await office.deliver()

    types = [message["type"] for message in receiver.taken]
    assert types == ["order.created", "order.paid", "order.delivered"]
    assert {message["data"]["order"]["no"] for message in receiver.taken} == {purchase.no}
    sequences = [message["sequence"] for message in receiver.taken]
    assert sequences == sorted(set(sequences))


async def test_of_what_comes_back_to_a_message_with_keys_nothing_is_kept(
    desk: SalesDesk, office: PostOffice, receiver: Receiver
) -> None:
    await office.listener(receiver.url, "order.created", "order.delivered")
    await office.owner.execute("update webhook_endpoints set sends_keys = true")
    await credit(await desk.shop(), COST_MINOR)
    await buy(await desk.shop(), desk.world.goods, deliver_now=False)

    await office.deliver()

    assert [len(one["data"]["order"].get("keys", ())) for one in receiver.taken] == [0, 1]
    assert [one["answer"] for one in await office.attempts()] == ["thanks", ""]


async def test_a_later_message_of_an_object_waits_for_the_earlier_and_others_do_not(
    office: PostOffice, receiver: Receiver
) -> None:
    await office.listener(receiver.url)
    account = new_id()
    for minor in (1, 2):
        await office.tell(object_id=account, minor=minor)
    await office.tell(minor=3)
    receiver.faults.append(Fault.SERVER_ERROR)

    await office.deliver()
    assert [message["data"]["minor"] for message in receiver.taken] == [3]

    await office.later("1 minute")
    await office.deliver()
    assert [message["data"]["minor"] for message in receiver.taken] == [3, 1, 2]


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Fault.SERVER_ERROR, "REFUSED"),
        (Fault.REDIRECT, "REFUSED"),
        (Fault.HUGE, "REFUSED"),
        (Fault.TIMEOUT, "TIMEOUT"),
        (Fault.DRIP, "TIMEOUT"),
        (Fault.RESET, "CONNECTION_FAILED"),
    ],
)
async def test_a_message_that_was_not_taken_comes_again_as_the_same(
    fault: Fault,
    failure: str,
    office: PostOffice,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if failure == "TIMEOUT":
        monkeypatch.setattr(delivering, "ANSWER_SECONDS", 0.3)
    await office.listener(receiver.url)
    await office.tell(minor=1)
    receiver.faults.append(fault)

    await office.deliver()
    assert await office.states() == ["PENDING"]
    assert receiver.taken == []

    monkeypatch.undo()
    await office.later("1 minute")
    await office.deliver()
    first, second = await office.attempts()
    assert (first["failure"], second["failure"]) == (failure, None)
    assert len(first["answer"]) <= 500
    (message,) = receiver.taken
    event_id = await office.owner.fetchval("select id from outbox_events")
    assert parse_id("evt", message["eventId"]) == event_id


async def test_a_message_is_given_up_after_three_days_of_tries(
    office: PostOffice, receiver: Receiver
) -> None:
    endpoint_id = await office.listener(receiver.url)
    await office.tell(minor=1)
    receiver.always = Fault.SERVER_ERROR
    passed = timedelta()

    await office.deliver()
    for _ in schedule.RETRY_AFTER_SECONDS:
        assert await office.states() == ["PENDING"]
        due_at = await office.owner.fetchval(
            "select greatest(next_attempt_at, paused_until) - now() from webhook_deliveries d "
            "join webhook_endpoints e on e.id = d.endpoint_id"
        )
        passed = due_at + timedelta(seconds=1)
        await office.later(f"{passed.total_seconds()} seconds")
        await office.deliver()

    assert await office.states() == ["FAILED"]
    assert len(await office.attempts()) == len(schedule.RETRY_AFTER_SECONDS) + 1
    assert timedelta(days=2) < passed < timedelta(days=5)
    assert (await office.endpoint(endpoint_id))["status"] == "ACTIVE"


async def test_an_endpoint_that_fails_again_and_again_is_left_alone_for_a_while(
    office: PostOffice, receiver: Receiver
) -> None:
    endpoint_id = await office.listener(receiver.url)
    for minor in range(9):
        await office.tell(minor=minor)
    receiver.always = Fault.SERVER_ERROR

    await office.deliver()

    heard = receiver.heard
    assert schedule.PAUSED_AFTER_FAILURES <= heard < 9
    assert (await office.endpoint(endpoint_id))["paused_until"] is not None
    alerts = await office.owner.fetch("select kind from webhook_alerts")
    assert [row["kind"] for row in alerts] == ["PAUSED"]

    receiver.always = None
    await office.later("10 minutes")
    await office.deliver()
    assert await office.states() == ["DELIVERED"] * 9
    after = await office.endpoint(endpoint_id)
    assert (after["failures_in_row"], after["failing_since"], after["paused_until"]) == (
        0, None, None,
    )  # fmt: skip


async def test_an_endpoint_that_fails_for_days_is_told_nothing_more(
    office: PostOffice, receiver: Receiver
) -> None:
    endpoint_id = await office.listener(receiver.url)
    receiver.always = Fault.SERVER_ERROR
    await office.tell(minor=1)
    await office.deliver()
    await office.later("6 days")
    await office.deliver()

    assert (await office.endpoint(endpoint_id))["status"] == "DISABLED"
    alerts = await office.owner.fetch("select kind from webhook_alerts")
    assert [row["kind"] for row in alerts] == ["DISABLED"]
    heard = receiver.heard
    await office.later("8 days")
    await office.deliver()
    assert receiver.heard == heard


async def test_a_receiver_that_says_gone_is_believed(
    office: PostOffice, receiver: Receiver
) -> None:
    endpoint_id = await office.listener(receiver.url)
    receiver.always = Fault.GONE
    await office.tell(minor=1)
    await office.deliver()

    assert (await office.endpoint(endpoint_id))["status"] == "DISABLED"
    assert await office.states() == ["FAILED"]


async def test_a_slow_endpoint_holds_up_nobody(office: PostOffice, receiver: Receiver) -> None:
    async with receiving(SECRET) as slow:
        slow.always = Fault.TIMEOUT
        await office.listener(slow.url, slot=1)
        await office.listener(receiver.url, slot=2)
        for minor in range(40):
            await office.tell(minor=minor)
        await hand_on()

        while len(receiver.taken) < 40:
            await office.dispatcher.send_webhooks()
            await asyncio.sleep(0)

        assert slow.heard <= claiming.SENT_AT_ONCE_TO_ENDPOINT
        await slow.hang_up()
        await office.dispatcher.finish()


async def test_two_workers_never_send_the_same_message(office: PostOffice) -> None:
    for slot in range(1, 9):
        await office.listener("http://127.0.0.1:9/", slot=slot)
    for minor in range(20):
        await office.tell(minor=minor)
    await asyncio.gather(*(hand_on() for _ in range(4)))

    claims = await asyncio.gather(*(claim(32) for _ in range(6)))

    claimed = [one.id for some in claims for one in some]
    assert len(claimed) == len(set(claimed)) >= 32


async def test_a_claim_that_ran_out_notes_nothing(office: PostOffice, receiver: Receiver) -> None:
    await office.listener(receiver.url)
    await office.tell(minor=1)
    await hand_on()
    (stale,) = await claim(1)
    await office.later("2 minutes")
    (fresh,) = await claim(1)
    assert fresh.attempts == stale.attempts + 1

    failed = noting.Ending(failure="TIMEOUT", latency_ms=1)
    await noting.note(stale, failed, sent_at=stale.occurred_at, chance=0.5)

    assert await office.attempts() == []
    assert (await office.endpoint(stale.endpoint_id))["failures_in_row"] == 0
    await noting.note(
        fresh,
        noting.Ending(status_code=200, latency_ms=1),
        sent_at=stale.occurred_at,
        chance=0.5,
    )
    assert await office.states() == ["DELIVERED"]


async def test_both_secrets_sign_while_one_takes_the_others_place(
    office: PostOffice, receiver: Receiver
) -> None:
    endpoint_id = await office.listener(receiver.url)
    fresh = signing.new_secret()
    sealed = signing.seal(fresh, endpoint_id=endpoint_id)
    await office.owner.execute(
        """update webhook_endpoints set previous_secret = secret,
                  previous_secret_key_id = secret_key_id,
                  previous_until = platform_now() + interval '1 day',
                  secret = $2, secret_key_id = $3 where id = $1""",
        endpoint_id,
        sealed.ciphertext,
        sealed.key_id,
    )
    await office.tell(minor=1)
    await office.deliver()
    receiver.secret = fresh
    await office.tell(minor=2)
    await office.deliver()
    assert [message["data"]["minor"] for message in receiver.taken] == [1, 2]

    receiver.secret = SECRET
    await office.later("25 hours")
    await office.tell(minor=3)
    await office.deliver()
    assert (len(receiver.taken), receiver.forged) == (2, 1)


async def test_an_endpoint_that_means_another_machine_by_now_is_not_called(
    office: PostOffice, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.listener(receiver.url.replace("http:", "https:"))
    await office.tell(minor=1)
    monkeypatch.setenv("KAMENG_OUTWARD_LOOPBACK", "false")
    settings.cache_clear()

    await office.deliver()

    (attempt,) = await office.attempts()
    assert attempt["failure"] == "ADDRESS_REFUSED"
    assert receiver.heard == 0


async def test_what_is_a_month_old_is_forgotten_with_what_became_of_it(
    office: PostOffice, receiver: Receiver
) -> None:
    await office.listener(receiver.url)
    await office.tell(minor=1)
    await office.deliver()
    await office.later("29 days")
    assert await forget_old_events() == 0
    await office.tell(minor=2)
    await office.deliver()
    await office.later("31 days")
    assert await forget_old_events() == 1
    assert await office.states() == ["DELIVERED"]
    assert len(await office.attempts()) == 1
