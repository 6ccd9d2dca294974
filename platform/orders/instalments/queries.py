"""What an order's buyer and its shop see of a plan: its parts, and which plans there could be."""

from dataclasses import dataclass

from kernel import db
from orders import records
from orders.instalments import rows
from orders.instalments.rows import PLAN_COLUMNS, Part, Plan
from orders.records import Viewer
from tenants.directory import Shop


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with its parts."""

    plan: Plan
    parts: tuple[Part, ...]
    is_disputed: bool

    @property
    def owed_minor(self) -> int:
        """What is still to be paid, in minor units."""
        return rows.owed_minor(self.parts)


async def plan_of(*, shop: Shop, viewer: Viewer, order_no: str) -> PlanView | None:
    """The plan that the viewer's order has begun to be paid by; None where it has none.

    Raises `NotFound`, which says the same for a foreign order and for none at all.
    """
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        order = await records.order_by_no(order_no, viewer)
        row = await db.fetch_row(
            f"""select {PLAN_COLUMNS} from instalment_plans
                where order_id = $1 and state <> 'PROPOSED'""",
            order.id,
        )
        if row is None:
            return None
        parts = await rows.parts_of(order.id)
        return PlanView(Plan(**row), tuple(parts), await rows.is_disputed(order.id))
