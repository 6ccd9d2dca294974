"""Stripe's statement of account as the product reads it, over HTTP, page by page."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from billing.payment_methods import stripe_api, stripe_statement
from billing.payment_methods.base import ChannelUnavailable
from billing.payment_methods.statement import StatementEntry
from billing.payment_methods.stripe_statement import StripeStatement
from channel_at_sandbox import paid
from sandbox_desk import Desk

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = datetime(2100, 1, 1, tzinfo=UTC)


async def whole_statement() -> list[StatementEntry]:
    """All pages, the oldest entry first."""
    entries: list[StatementEntry] = []
    after: str | None = ""
    while after is not None:
        page = await StripeStatement().page(since=SINCE, until=UNTIL, after=after)
        entries += page.entries
        after = page.after
    return entries[::-1]


async def test_the_statement_names_what_is_ours_and_how_much_was_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_statement, "ENTRIES_A_PAGE", 2)
    _, card, by_card = await paid(desk, "CARD")
    method, alipay, by_alipay = await paid(desk, "ALIPAY")
    refund_id = uuid4()
    refund_ref, _ = await method.refund(
        refund_id=refund_id, provider_ref=by_alipay.provider_ref, amount_minor=500
    )
    for path, amount in (("payouts", 700), ("fees", 20)):
        await desk.http.post(f"/_sandbox/{path}", json={"amount": amount, "currency": "cny"})

    statement = await whole_statement()

    told = [(one.category, one.own_id, one.amount_minor, one.fee_minor) for one in statement]
    fee_minor = (10_500 * 290 + 5_000) // 10_000 + 30
    assert told == [
        ("PAYMENT", card.payment_id, 10_500, fee_minor),
        ("PAYMENT", alipay.payment_id, 10_500, fee_minor),
        ("REFUND", refund_id, -500, 0),
        ("PAYOUT", None, -700, 0),
        ("FEE", None, 0, 20),
    ]
    references = [one.reference for one in statement]
    assert references[:3] == [by_card.provider_ref, by_alipay.provider_ref, refund_ref]
    assert references[3].startswith("po_") and references[4] == statement[4].id
    assert {one.currency for one in statement} == {"CNY"}
    assert all(SINCE < one.moved_at < UNTIL for one in statement)
    yesterday = await StripeStatement().page(
        since=SINCE, until=statement[0].moved_at - timedelta(days=1), after=""
    )
    assert (yesterday.entries, yesterday.after) == ((), None)


@pytest.mark.parametrize(
    "wrong", [{"amount": "12"}, {"fee": 1.5}, {"source": 7}, {"amount": 10**18}, {"created": None}]
)
async def test_a_strange_statement_says_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object]
) -> None:
    await paid(desk)
    answer = await stripe_api.ask("get", "/v1/balance_transactions", expand=["data.source"])
    answer["data"][0] |= wrong

    async def says(*_: object, **__: object) -> dict[str, object]:
        return answer

    monkeypatch.setattr(stripe_api, "ask", says)
    with pytest.raises(ChannelUnavailable):
        await StripeStatement().page(since=SINCE, until=UNTIL, after="")
