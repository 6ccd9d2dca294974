"""What a message says is what its tenant may know, and nothing besides."""

import json

import pytest

from kernel.ids import public_id
from listeners import plant_endpoint
from notifications import messages
from notifications.claiming import claim
from notifications.handing_on import hand_on
from offers.price_desk.alerts import follow_prices
from orders import refunds, reveal
from orders.records import Viewer
from post_office import PostOffice
from sales import SalesDesk
from sales import key as a_key
from trade_desk import COST_MINOR, STAFF, buy, credit
from world import ShopAt

pytestmark = pytest.mark.engines

SOLD = ("order.created", "order.paid", "order.delivered", "order.refunded")


async def said_of_a_sale(desk: SalesDesk, office: PostOffice, listener: ShopAt) -> list[str]:
    """The bodies of all that a tenant is told of a sale in the third-level shop."""
    await plant_endpoint(desk.owner, listener.id, event_types=SOLD)
    rich = await desk.world.customer(wallet_minor=50_000)
    purchase = await (await desk.order(by=rich)).paid("WALLET", wallet_minor=11_000)
    await purchase.give_back()
    return await everything_said(office)


async def everything_said(office: PostOffice) -> list[str]:
    """The bodies of all that is on its way, which arrives by this."""
    await hand_on()
    bodies = []
    while claimed := await claim(10):
        for one in claimed:
            bodies.append((await messages.body_of(one)).decode())
            await office.owner.execute(
                """update webhook_deliveries set status = 'DELIVERED', next_attempt_at = null,
                          claimed_until = null, ended_at = now() where id = $1""",
                one.id,
            )
    return bodies


async def test_a_shop_reads_its_order_and_no_key_contact_or_cost(
    desk: SalesDesk, office: PostOffice
) -> None:
    bodies = await said_of_a_sale(desk, office, desk.world.shop)

    assert [json.loads(body)["type"] for body in bodies] == list(SOLD)
    order = json.loads(bodies[-1])["data"]["order"]
    assert (order["status"], order["totalMinor"], order["refundedMinor"]) == (
        "REFUNDED", 11_000, 11_000,
    )  # fmt: skip
    (line,) = order["lines"]
    assert (line["quantity"], line["returnedQuantity"]) == (1, 1)
    secrets = await desk.owner.fetch(
        """select key.serial, encode(key.commitment, 'hex') as commitment, supplier.name,
                  supplier.id::text as supplier_id, listing.id::text as listing_id
           from sealed_keys key join key_batches batch on batch.id = key.batch_id
           join supplier_listings listing on listing.id = batch.supplier_listing_id
           join suppliers supplier on supplier.id = listing.supplier_id"""
    )
    costs = {"8000", "8500", "9000", "7600", "400"}
    for body in bodies:
        assert not {text for row in secrets for text in row.values() if text in body}
        numbers = {token.strip('"{}[]') for token in body.replace(":", ",").split(",")}
        assert not numbers & costs


async def test_an_ancestor_reads_its_own_share_and_whose_branch_it_was(
    desk: SalesDesk, office: PostOffice
) -> None:
    bodies = await said_of_a_sale(desk, office, desk.world.agent)

    assert len(bodies) == len(SOLD)
    order = json.loads(bodies[0])["data"]["order"]
    assert order == {
        "id": order["id"],
        "status": "PENDING_PAYMENT",  # when it was told
        "currency": "CNY",
        "childId": public_id("ten", desk.world.shop.id),
        "ownShareMinor": 0,  # by now: the buyer has given everything back
    }
    assert json.loads(bodies[-1])["data"]["order"]["status"] == "REFUNDED"
    for body in bodies:
        assert "11000" not in body and "9000" not in body


async def test_keys_that_the_shop_buys_go_to_the_program_that_shall_have_them(
    desk: SalesDesk, office: PostOffice
) -> None:
    shop, goods = await desk.shop(), desk.world.goods
    await credit(shop, 3 * COST_MINOR)
    endpoint_id = await plant_endpoint(desk.owner, shop.id, event_types=["order.delivered"])
    reveals = "select actor, channel from key_reveals"
    await buy(await desk.shop(), goods, deliver_now=False)
    [silent] = await everything_said(office)
    assert "keys" not in json.loads(silent)["data"]["order"]
    assert await desk.owner.fetch(reveals) == []

    await desk.owner.execute("update webhook_endpoints set sends_keys = true")
    bought = await buy(await desk.shop(), goods, deliver_now=False)
    buyer = await desk.world.customer(wallet_minor=50_000)
    await (await desk.order(by=buyer)).paid("WALLET", wallet_minor=11_000)
    told = [json.loads(body)["data"]["order"] for body in await everything_said(office)]
    assert ["keys" in order for order in told] == [True, False], "the buyer's are the buyer's"
    [key] = told[0]["keys"]
    opened = await reveal.reveal_keys(
        shop=shop,
        viewer=Viewer(purchases=True),
        order_no=bought.order.no,
        delivered_key_ids=None,
        witness=STAFF,
    )
    [known] = opened[1]
    assert (key["secret"], key["salt"]) == (known.secret, known.salt_hex)
    assert key["commitment"] == known.commitment_hex
    by_webhook = [tuple(row) for row in await desk.owner.fetch(reveals)][0]
    assert by_webhook == (f"webhook:{endpoint_id}", "WEBHOOK")
    await desk.assert_sound()


async def test_keys_that_were_given_back_are_not_sent(desk: SalesDesk, office: PostOffice) -> None:
    shop = await desk.shop()
    await credit(shop, COST_MINOR)
    await plant_endpoint(desk.owner, shop.id, event_types=["order.delivered"])
    await desk.owner.execute("update webhook_endpoints set sends_keys = true")
    bought = await buy(await desk.shop(), desk.world.goods, deliver_now=False)
    [line] = bought.order.lines
    await refunds.return_unrevealed(
        shop=shop,
        viewer=Viewer(purchases=True),
        order_no=bought.order.no,
        line_id=line.id,
        quantity=None,
        idempotency_key=a_key(),
    )
    [said] = await everything_said(office)
    assert "keys" not in json.loads(said)["data"]["order"]
    assert await desk.owner.fetchval("select count(*) from key_reveals") == 0


async def test_a_hidden_price_is_told_to_its_maker_when_it_goes_and_when_it_is_back(
    desk: SalesDesk, office: PostOffice
) -> None:
    world = desk.world
    for at in (world.root, world.agent, world.shop):
        await plant_endpoint(desk.owner, at.id, event_types=["price.alert"])
    await world.rule(world.root, "RETAIL", "FIXED_OVER_COST", 4_000)
    await follow_prices()
    await desk.owner.execute(
        "update tenants set min_margin_minor = 600 where id = $1", world.agent.id
    )
    await follow_prices()
    [hidden] = [json.loads(body) for body in await everything_said(office)]
    assert hidden["tenantId"] == public_id("ten", world.agent.id), "whose rule it is"
    alert_id = await desk.owner.fetchval("select id from price_alerts")
    alert = {
        "id": public_id("alr", alert_id),
        "open": True,
        "guard": "G1",
        "skuId": public_id("sku", world.goods.sku_id),
        "childId": public_id("ten", world.shop.id),
    }
    assert hidden["data"] == {"alert": alert}
    await follow_prices()
    assert await everything_said(office) == [], "what is told is told once"
    await desk.owner.execute(
        "update tenants set min_margin_minor = 0 where id = $1", world.agent.id
    )
    await follow_prices()
    [shown] = [json.loads(body) for body in await everything_said(office)]
    assert shown["data"] == {"alert": {**alert, "open": False}}
    assert shown["sequence"] > hidden["sequence"]
