"""A crowd pays, refunds, ends and defaults the same plans: each part once, and no cent twice."""

import random
from collections.abc import Awaitable
from uuid import uuid4

import pytest

from entrypoints.verify import verify
from kernel.settings import Settings
from orders import refunds, settlement
from orders.plans import ending
from plan_desk import PlanDesk, agree, order_in_parts
from races.crowd import all_at_once
from sales import SalesDesk, channels_in_memory
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

PLANS, REQUESTS = 6, 150


async def _refund(plan: PlanDesk) -> None:
    await refunds.refund_order(
        shop=plan.bought.shop,
        actor="operator",
        order_no=plan.bought.no,
        wishes="SUPPLIER_FAULT",
        idempotency_key=str(uuid4()),
    )


async def test_each_part_is_paid_once_and_what_pays_for_nothing_goes_back(
    shop: Shop, world: World, config: Settings
) -> None:
    """The grace of all plans is over; two payments were started for each next part."""
    with channels_in_memory() as channels:
        desk = SalesDesk(world, channels)
        await agree(desk, most_open=20)
        plans = [await (await order_in_parts(desk, 3)).began(3) for _ in range(PLANS)]
        reports = []
        for plan in plans:
            for _ in range(2):
                reports.append(await plan.bought.report(await plan.start_next()))
        await world.shift_clock("38 days")
        chance = random.Random(14)
        calls: list[Awaitable[object]] = [settlement.hear(report) for report in reports]
        for request in range(REQUESTS):
            plan = plans[request % PLANS]
            act = chance.choice(["hear", "hear", "end", "refund", "default"])
            if act == "hear":
                calls.append(settlement.hear(chance.choice(reports)))
            elif act == "end":
                calls.append(plan.cancel())
            else:
                calls.append(_refund(plan) if act == "refund" else ending.end_overdue())
        chance.shuffle(calls)
        outcome = await all_at_once(calls)
        assert outcome.errors == []
        await ending.end_overdue()
        for report in reports:
            await settlement.hear(report)
        paid = await world.owner.fetch(
            """select link.order_id, link.part, count(*) as payments
               from instalment_payments link join payments on payments.id = link.payment_id
               where payments.status = 'SUCCEEDED' group by 1, 2"""
        )
        assert max(row["payments"] for row in paid) == 1
        back = await world.owner.fetchval("select count(*) from refunds where line_id is null")
        assert back >= PLANS
        assert await verify(config.database_url) == []
