"""What a party expects: its terms, what comes next and when, and what an affiliate is told."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from affiliates.queries import earned_shares
from billing.balances import PartyBalance, party_balance
from earnings_books import FEE_MINOR, days_pass, held_by, of_party, released, sold, sweep
from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from orders.earnings import queries
from orders.earnings.redeeming import redeemed
from orders.earnings.setting import set_terms
from orders.earnings.terms import Terms
from orders.split import PartyKind
from sales import SalesDesk

pytestmark = pytest.mark.engines


async def _agree(kind: PartyKind, owner_id: UUID | None, terms: Terms) -> None:
    await set_terms(kind=kind, owner_id=owner_id, terms=terms, actor="operator:test")


async def test_a_party_sees_what_comes_and_when_and_nobody_elses(desk: SalesDesk) -> None:
    first = await sold(desk)
    await desk.world.shift_clock("3 days")
    await sold(desk)
    await sweep()
    shop_id, agent_id = desk.world.shop.id, desk.world.agent.id
    soon = await queries.next_available(shop_id, agent_id, "CNY")
    delivered_at: datetime = await desk.owner.fetchval(
        "select delivered_at from orders where id = $1", first.id
    )
    assert soon == queries.Expected(delivered_at + timedelta(days=7), 500)
    days = await queries.forecast(shop_id, shop_id, "CNY")
    assert [day.amount_minor for day in days] == [2_000 - FEE_MINOR] * 2
    assert days[1].at - days[0].at == timedelta(days=3)
    case_id = await held_by(first)
    async with db.transaction(db.core_scope(), read_only=True):
        balance = await party_balance(agent_id, "CNY")
    assert balance == PartyBalance(pending_minor=500, held_minor=500)
    assert len(await queries.forecast(shop_id, agent_id, "CNY")) == 1
    await released(shop_id, case_id)
    assert await queries.forecast(shop_id, new_id(), "CNY") == []
    await desk.assert_sound()


async def test_terms_of_ones_own_go_before_those_of_the_kind_and_hold_from_then_on(
    desk: SalesDesk,
) -> None:
    before = await sold(desk)
    await sweep()
    await _agree(PartyKind.TENANT, None, Terms(48))
    await _agree(PartyKind.TENANT, desk.world.agent.id, Terms(72))
    await _agree(PartyKind.TENANT, desk.world.agent.id, Terms(96))
    after = await sold(desk)
    await sweep()
    rows = await desk.owner.fetch(
        """select order_id, party_id, available_at - delivered_at as waits from earnings
           where party_kind = 'TENANT'"""
    )
    waits = {(row["order_id"], row["party_id"]): row["waits"].days for row in rows}
    shop_id, agent_id = desk.world.shop.id, desk.world.agent.id
    assert waits == {
        (before.id, shop_id): 7,
        (before.id, agent_id): 7,
        (after.id, shop_id): 2,
        (after.id, agent_id): 4,
    }
    for kind, owner_id, terms, refusal in (
        (PartyKind.TENANT, None, Terms(-1), Invalid),
        (PartyKind.TENANT, None, Terms(1, card_hours=8_761), Invalid),
        (PartyKind.SUPPLIER, None, Terms(1, redeemed_hours=1), Invalid),
        (PartyKind.SUPPLIER, shop_id, Terms(1), NotFound),
    ):
        with pytest.raises(refusal):
            await _agree(kind, owner_id, terms)
    assert await desk.owner.fetchval("select count(*) from earning_terms") == 2


async def test_a_redemption_brings_a_trusted_suppliers_share_forward_and_no_others(
    desk: SalesDesk,
) -> None:
    supplier_id = desk.world.goods.supplier_id
    purchase = await sold(desk)
    line = await purchase.line()
    now = await desk.owner.fetchval("select platform_now()")

    async def redeem() -> int:
        async with db.transaction(db.core_scope(purchase.shop.id)):
            return await redeemed(purchase.id, line.id, now)

    assert await redeem() == 0, "who is not trusted waits"
    await _agree(PartyKind.SUPPLIER, supplier_id, Terms(168, redeemed_hours=24))
    assert (await redeem(), await redeem()) == (1, 0)
    await days_pass(desk, 1.1)
    assert await of_party(desk, supplier_id) == {"available": 7_600}
    assert await of_party(desk, desk.world.agent.id) == {"pending": 500}
    await desk.assert_sound()


async def test_an_affiliate_sees_how_far_each_commission_is(desk: SalesDesk) -> None:
    star = await desk.world.affiliate("star", rate_bp=300)
    await desk.world.keys(3)
    first, second, third = [
        await (await desk.order(affiliate_code="star")).paid() for _ in range(3)
    ]

    async def told() -> dict[str, str]:
        scope = db.shop_scope(desk.world.shop.id, party_id=star.id)
        async with db.transaction(scope, read_only=True):
            shares = await earned_shares(star.id)
        return {share["no"]: share["state"] for share in shares}

    assert set((await told()).values()) == {"PENDING"}
    await held_by(first)
    await second.refund(second.total_minor, "SHOP_FAULT")
    await days_pass(desk, 30)
    assert await told() == {first.no: "HELD", second.no: "CANCELED", third.no: "AVAILABLE"}
