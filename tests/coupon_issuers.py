"""Coupons for tests, issued by the product's own use cases, and budgets to pay for them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from kernel.clock import utc_now
from kernel.ids import new_id
from promotions import issuing
from promotions.budgets import TopUp, top_up_budget
from promotions.discounts import CouponKind, Payer, PayerKind
from promotions.issuing import CouponWish
from promotions.models import CouponReach, CouponStacking
from promotions.queries import CouponView
from tenants.directory import Shop

SHOP_PAYS = (Payer(PayerKind.SHOP, None, 10_000),)
PLATFORM_PAYS = (Payer(PayerKind.PLATFORM, None, 10_000),)
SUPPLIER_PAYS = (Payer(PayerKind.SUPPLIER, None, 10_000),)


def tenant_pays(tenant_id: UUID) -> tuple[Payer, ...]:
    return (Payer(PayerKind.TENANT, tenant_id, 10_000),)


def wish(code: str | None = "SPRING", value: int = 500, **more: Any) -> CouponWish:
    """5.00 off for everybody, beside other coupons, for a month; except for what is named."""
    now = utc_now()
    usual = CouponWish(
        name="spring",
        kind=CouponKind.FIXED,
        value=value,
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=30),
        guests=True,
        stacking=CouponStacking.WITH_OTHERS,
        code=code,
    )
    return replace(usual, **more)


async def issue(
    shop: Shop,
    code: str | None = "SPRING",
    value: int = 500,
    *,
    payers: Sequence[Payer] = (),
    **more: Any,
) -> CouponView:
    """A coupon of a shop, by an operator."""
    given = wish(code, value, payers=payers, **more)
    return await issuing.create_coupon(shop=shop, wish=given, by_operator=True)


async def issue_for_subtree(shop: Shop, code: str = "SPRING", **more: Any) -> CouponView:
    """A coupon that all shops below take, paid by its issuer."""
    return await issue(shop, code, reach=CouponReach.SUBTREE, **more)


async def fund(tenant_id: UUID, party_id: UUID | None, amount_minor: int) -> None:
    """So much of the platform's money into a budget; None: the platform's own."""
    await top_up_budget(
        TopUp(
            tenant_id=tenant_id,
            party_id=party_id,
            amount_minor=amount_minor,
            currency="CNY",
            from_earnings=False,
            idempotency_key=new_id().hex,
        )
    )


async def coupon_state(owner: asyncpg.Connection) -> dict[str, int]:
    """How many uses live and were released, and how many places are taken."""
    row = await owner.fetchrow(
        """select count(*) filter (where released_at is null) as live,
                  count(*) filter (where released_at is not null) as released,
                  (select count(*) from coupon_slots where use_id is not null) as places
           from coupon_uses"""
    )
    assert row is not None
    return dict(row)
