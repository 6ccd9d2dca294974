"""Cards that customers keep: they pay in one request, banks ask about them, they are taken away."""

from typing import Any

import pytest

from kernel.ids import new_id, public_id
from patience import until
from stories.buyers import Buyer, Json, Purchase, Stall, intent_of, key
from stories.market import Market

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

CARDS = "query { me { savedCards { id brand last4 expiresMonth expiresYear } } }"


async def cards_of(buyer: Buyer) -> list[Json]:
    """What the buyer keeps, the last one first."""
    cards: list[Json] = (await buyer.ask(CARDS, {}))["me"]["savedCards"]
    return cards


async def pay(purchase: Purchase, **more: Any) -> Json:
    """Start paying by card."""
    return await purchase.buyer.do(
        "paymentStart", **purchase.ref, method="CARD", idempotencyKey=key(), **more
    )


async def kept(market: Market, stall: Stall, buyer: Buyer, card: str, *, on_page: bool) -> Json:
    """Buy with a new card that is to be kept; the card, once it is."""
    known = len(await cards_of(buyer))
    purchase = await buyer.order(stall)
    started = await pay(purchase, saveCard=True, mode="HOSTED" if on_page else None)
    where = (
        f"sessions/{started['actionUrl'].rpartition('/')[2]}"
        if on_page
        else (f"intents/{intent_of(started)}")
    )
    await market.platform.sandbox_control("POST", f"{where}/approve", card=card)
    await purchase.until("DELIVERED")
    cards = await until(lambda: cards_of(buyer), lambda found: len(found) > known)
    newest: Json = cards[0]
    return newest


async def test_a_card_is_kept_and_pays_at_once_is_asked_about_declined_and_taken_away(
    market: Market,
) -> None:
    stall = await market.stall(keys=8)
    buyer = await market.customer(stall)
    visa = await kept(market, stall, buyer, "pm_card_visa", on_page=False)
    assert (visa["brand"], visa["last4"], visa["expiresMonth"], visa["expiresYear"]) == (
        "visa",
        "4242",
        12,
        2040,
    )
    at_once = await buyer.order(stall)
    assert (await pay(at_once, savedCardId=visa["id"]))["status"] == "SUCCEEDED"
    assert await at_once.status() == "DELIVERED"

    careful = await kept(market, stall, buyer, "pm_card_authenticationRequired", on_page=True)
    asked = await buyer.order(stall)
    started = await pay(asked, savedCardId=careful["id"])
    assert (started["status"], await asked.status()) == ("PENDING", "PENDING_PAYMENT")
    page = await market.platform.http.get(started["actionUrl"])
    assert (page.status_code, "105.00" in page.text) == (200, True)
    await market.platform.approve(intent_of(started))
    await asked.until("DELIVERED")

    empty = await kept(market, stall, buyer, "pm_card_chargeCustomerFail", on_page=False)
    refused = await buyer.order(stall)
    problem = await buyer.refused(
        "paymentStart",
        **refused.ref,
        method="CARD",
        savedCardId=empty["id"],
        idempotencyKey=key(),
    )
    assert (problem["code"], problem["field"]) == ("PAYMENT_DECLINED", "savedCardId")
    assert await refused.status() == "PENDING_PAYMENT"
    assert (await pay(refused, savedCardId=visa["id"]))["status"] == "SUCCEEDED"

    again = await kept_again(market, stall, buyer)
    assert [card["last4"] for card in await cards_of(buyer)] == ["4242", "0341", "3184"]
    await taken_away(market, stall, buyer, again)
    await market.assert_sound()


async def kept_again(market: Market, stall: Stall, buyer: Buyer) -> Json:
    """The same card once more: it takes the former's place, which the channel forgets."""
    former = (await cards_of(buyer))[-1]
    purchase = await buyer.order(stall)
    started = await pay(purchase, saveCard=True)
    await market.platform.sandbox_control(
        "POST", f"intents/{intent_of(started)}/approve", card="pm_card_visa"
    )
    cards = await until(lambda: cards_of(buyer), lambda found: found[0]["last4"] == "4242")
    assert former["last4"] == "4242" and cards[0]["id"] != former["id"]
    newest: Json = cards[0]
    return newest


async def taken_away(market: Market, stall: Stall, buyer: Buyer, card: Json) -> None:
    """Removed, it pays for nothing more, and the channel is told."""
    owner = market.world.owner
    left = await buyer.ask(
        """mutation ($card: ID!) { savedCardRemove(input: { cardId: $card }) {
             ... on SavedCardsChanged { savedCards { id } } } }""",
        {"card": card["id"]},
    )
    assert card["id"] not in [one["id"] for one in left["savedCardRemove"]["savedCards"]]
    rows = await until(
        lambda: owner.fetch(
            "select provider_ref, next_detach_at from saved_cards "
            "where removed_at is not null and customer_id = $1",
            buyer.person.id if buyer.person else None,
        ),
        lambda found: all(row["next_detach_at"] is None for row in found),
    )
    assert len(rows) == 2
    for row in rows:
        at_channel = (await market.at_channel(f"v1/payment_methods/{row['provider_ref']}")).json()
        assert at_channel["customer"] is None
    customers = "select count(*) from channel_customers where customer_id = $1"
    assert await owner.fetchval(customers, buyer.person.id if buyer.person else None) == 1
    purchase = await buyer.order(stall)
    problem = await buyer.refused(
        "paymentStart", **purchase.ref, method="CARD", savedCardId=card["id"], idempotencyKey=key()
    )
    assert (problem["code"], problem["field"]) == ("NOT_FOUND", "savedCardId")
    await buyer.do("orderCancel", **purchase.ref)


async def test_a_card_is_its_customers_alone_and_nothing_is_written_for_anybody_else(
    market: Market,
) -> None:
    stall = await market.stall(keys=4)
    owner, other = await market.customer(stall), await market.customer(stall)
    card = await kept(market, stall, owner, "pm_card_visa", on_page=False)
    purchase, guests = await other.order(stall), await market.guest(stall).order(stall)
    assert await cards_of(other) == []
    wrong: list[tuple[Purchase, Json, str, str]] = [
        (purchase, {"savedCardId": card["id"]}, "NOT_FOUND", "savedCardId"),
        (purchase, {"savedCardId": public_id("crd", new_id())}, "NOT_FOUND", "savedCardId"),
        (purchase, {"savedCardId": "crd_nothing"}, "NOT_FOUND", "savedCardId"),
        (purchase, {"saveCard": True, "method": "ALIPAY"}, "VALIDATION", "saveCard"),
        (purchase, {"savedCardId": card["id"], "saveCard": True}, "VALIDATION", "saveCard"),
        (purchase, {"savedCardId": card["id"], "mode": "HOSTED"}, "VALIDATION", "mode"),
        (guests, {"saveCard": True}, "VALIDATION", "saveCard"),
        (guests, {"savedCardId": card["id"]}, "VALIDATION", "savedCardId"),
    ]
    for whose, wish, code, field in wrong:
        problem = await whose.buyer.refused(
            "paymentStart", **{**whose.ref, "method": "CARD", "idempotencyKey": key(), **wish}
        )
        assert (problem["code"], problem["field"]) == (code, field), wish
    removal = await other.ask(
        """mutation ($card: ID!) { savedCardRemove(input: { cardId: $card }) {
             ... on Problem { code field } } }""",
        {"card": card["id"]},
    )
    assert removal["savedCardRemove"] == {"code": "NOT_FOUND", "field": "cardId"}
    written = await market.world.owner.fetchval(
        """select count(*) from payments p join orders o on o.id = p.order_id
           where o.no = any ($1)""",
        [purchase.no, guests.no],
    )
    assert (written, await cards_of(owner)) == (0, [card])
