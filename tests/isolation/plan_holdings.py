"""Orders that are paid in parts, as the town has them: one for each of those who may end a plan."""

from typing import Final
from uuid import UUID

from kernel.ids import new_id
from orders.instalments import terms
from orders.instalments.arithmetic import part_amounts
from orders.instalments.terms import Terms
from orders.plans.starting import PartWish, start_plan
from orders.records import Viewer
from tenants.directory import Shop
from world import ShopAt

PARTS: Final = 12
FIRST_BP: Final = 2_000


def amounts_minor(total_minor: int) -> list[int]:
    """What the parts of an order come to."""
    return part_amounts(owed_minor=total_minor, parts=PARTS, first_bp=FIRST_BP)


def in_parts_of(shop: ShopAt) -> list[str]:
    """The orders that are paid in parts: a plan ends once."""
    roles = {
        "root": ("STAFF_OWNER", "OPERATOR"),
        "shop": ("STAFF_OWNER", "STAFF_FINANCE", "OPERATOR"),
        "agent": ("STAFF_OWNER",),
    }
    return ["in parts", *(f"in parts {role}" for role in roles.get(shop.slug, ()))]


async def offer_plans(shop: Shop) -> None:
    """Let the shop offer plans."""
    agreed = Terms(
        most_parts=PARTS,
        first_bp=FIRST_BP,
        interval_days=30,
        grace_days=7,
        fee_bp=0,
        fee_by="SHOP",
        least_minor=1_000,
        most_open=20,
        release="BY_SHARE",
    )
    await terms.set_terms(shop.id, agreed, actor="operator")
    await terms.offer(shop.id, is_offered=True)


async def begin_plan(shop: Shop, customer_id: UUID, *, order_no: str, total_minor: int) -> None:
    """Let a customer have paid the first part of an order, from the wallet."""
    wish = PartWish(
        shop=shop,
        viewer=Viewer(customer_id=customer_id),
        order_no=order_no,
        amount_minor=amounts_minor(total_minor)[0],
        method="WALLET",
        return_url="http://shop.localhost/",
        idempotency_key=new_id().hex,
    )
    await start_plan(wish, parts=PARTS)
