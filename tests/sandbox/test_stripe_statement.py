"""The account's statement: every movement once, with its cost and what it was for; or wrongly."""

from typing import Any

import stripe

from sandbox_desk import Desk


async def entries(desk: Desk, **wish: Any) -> list[Any]:
    """The statement, the oldest first, each entry with what it was for."""
    asked: Any = {"expand": ["data.source"], "limit": 100, **wish}
    page = await desk.client.v1.balance_transactions.list_async(asked)
    return page.data[::-1]


def told(entry: Any) -> tuple[str, str, int, int]:
    return entry.type, entry.reporting_category, entry.amount, entry.fee


async def test_the_statement_has_each_movement_with_what_it_was_for(desk: Desk) -> None:
    card = await desk.paid(metadata={"payment_id": "7"})
    alipay = await desk.waiting()
    (await desk.approve(alipay.id)).raise_for_status()
    refund = await desk.client.v1.refunds.create_async({"payment_intent": alipay.id, "amount": 300})
    await desk.http.post("/_sandbox/payouts", json={"amount": 500, "currency": "cny"})
    await desk.http.post("/_sandbox/fees", json={"amount": 20, "currency": "cny"})

    statement = await entries(desk)

    assert [told(entry) for entry in statement] == [
        ("charge", "charge", 1_000, 59),
        ("payment", "charge", 1_000, 59),
        ("payment_refund", "refund", -300, 0),
        ("payout", "payout", -500, 0),
        ("stripe_fee", "fee", -20, 0),
    ]
    sources = [entry.source for entry in statement]
    assert isinstance(sources[0], stripe.Charge) and sources[0].payment_intent == card.id
    assert sources[0].metadata.to_dict() == {"payment_id": "7"}
    assert isinstance(sources[2], stripe.Refund) and sources[2].id == refund.id
    assert isinstance(sources[3], stripe.Payout) and sources[4] is None
    balance: Any = await desk.client.v1.balance.retrieve_async()
    held = [*balance.pending, *balance.available]
    assert sum(part.amount for part in held) == sum(entry.net for entry in statement)
    assert [told(entry) for entry in await entries(desk, type="payout")] == [told(statement[3])]


async def test_the_statement_drops_doubles_changes_and_delays_what_it_is_told_to(
    desk: Desk,
) -> None:
    paid = [await desk.paid() for _ in range(4)]
    day = 86_400
    for wrong in (
        {"source": paid[0].id, "drop": True},
        {"source": paid[1].id, "double": True},
        {"source": paid[2].id, "amount": 990, "fee": 70, "currency": "usd"},
        {"source": paid[3].id, "delay_seconds": day},
    ):
        (await desk.http.post("/_sandbox/statement", json=wrong)).raise_for_status()

    statement = {entry.id: entry for entry in await entries(desk)}

    of = [[e for e in statement.values() if e.source.payment_intent == p.id] for p in paid]
    assert [len(each) for each in of] == [0, 2, 1, 1]
    (changed,), (late,) = of[2], of[3]
    assert (changed.amount, changed.fee, changed.net, changed.currency) == (990, 70, 920, "usd")
    assert late.created == late.source.created + day
    assert len(await entries(desk, created={"lt": late.created})) == 3
    unknown = await desk.http.post("/_sandbox/statement", json={"source": "pi_none", "drop": True})
    assert unknown.status_code == 404
