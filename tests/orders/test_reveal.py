"""Only the buyer opens a key; what is shown was fixed before the sale, and leaves evidence."""

import pytest

from kernel import crypto
from kernel.errors import Invalid, NotFound
from orders import reveal
from orders.records import Viewer
from orders.reveal import Witness
from sales import Purchase, SalesDesk
from supply.vault import verify_commitment

pytestmark = pytest.mark.engines


async def test_a_key_is_what_was_committed_to_before_the_sale_and_who_saw_it_is_written_down(
    desk: SalesDesk,
) -> None:
    secrets = await desk.world.keys(2)
    committed = await desk.owner.fetch("select encode(commitment, 'hex') as mark from sealed_keys")
    purchase = await (await desk.order(2)).paid()
    opened = await purchase.reveal()
    assert {key.secret for key in opened} == set(secrets)
    assert {key.commitment_hex for key in opened} == {row["mark"] for row in committed}
    for key in opened:
        promised = bytes.fromhex(key.commitment_hex)
        assert verify_commitment(secret=key.secret, salt_hex=key.salt_hex, commitment=promised)
        assert not verify_commitment(secret="other", salt_hex=key.salt_hex, commitment=promised)
    assert await desk.key_states() == {"REVEALED": 2}
    evidence = await desk.owner.fetch("select actor, channel, host(ip) as ip from key_reveals")
    assert [tuple(row) for row in evidence] == [("buyer", "REVEAL", "127.0.0.1")] * 2
    await desk.assert_sound()


async def test_opening_again_shows_the_same_and_is_written_down_again(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    purchase = await (await desk.order()).paid()
    first = await purchase.reveal()
    await desk.world.shift_clock("1 hour")
    _, again = await reveal.reveal_keys(
        shop=purchase.shop,
        viewer=purchase.viewer,
        order_no=purchase.no,
        delivered_key_ids=[first[0].id],
        witness=Witness("buyer", None, "x" * 400),
        channel="EXPORT",
    )
    assert again == first, "and the time is that of the first look"
    rows = await desk.owner.fetch(
        "select channel, length(user_agent) as length, ip from key_reveals order by revealed_at"
    )
    assert [(row["channel"], row["length"]) for row in rows] == [("REVEAL", 5), ("EXPORT", 300)]
    await desk.assert_sound()


async def test_nobody_but_the_buyer_opens_keys_and_nobody_before_they_are_paid(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    buyer, stranger = await desk.world.customer(), await desk.world.customer()
    theirs = await (await desk.order(by=buyer)).paid()
    other = await (await desk.order()).paid()
    unpaid = await desk.order()
    neighbour = await desk.shop(desk.world.agent)
    for purchase, viewer, shop in (
        (theirs, Viewer(customer_id=stranger.id), theirs.shop),
        (theirs, Viewer(), theirs.shop),
        (theirs, other.viewer, theirs.shop),
        (theirs, theirs.viewer, neighbour),
        (other, Viewer(guest_token=crypto.new_token("kmg")), other.shop),
        (other, theirs.viewer, other.shop),
    ):
        someone = Purchase(desk, shop, viewer, purchase.id, purchase.no, 0)
        with pytest.raises(NotFound):
            await someone.reveal()
    with pytest.raises(NotFound):
        await theirs.reveal(await other.unopened())
    with pytest.raises(NotFound):
        await theirs.reveal([])
    with pytest.raises(Invalid, match="not paid"):
        await unpaid.reveal()
    assert await desk.owner.fetchval("select count(*) from key_reveals") == 0
    assert await desk.key_states() == {"SOLD": 2, "HELD": 1}
    await desk.assert_sound()
