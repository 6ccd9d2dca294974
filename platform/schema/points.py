"""Points: what a customer has, and the program behind them."""

from datetime import datetime
from typing import Annotated

import strawberry

from kernel.ids import parse_id
from promotions.points import adjusting, book, programs
from promotions.points.adjusting import Adjustment
from promotions.points.arithmetic import PointsTerms
from promotions.points.book import Balance
from schema.context import Context, Info
from schema.inputs import amount_in
from schema.money import Money, MoneyInput
from schema.points_types import (
    PointsEntryConnection,
    PointsProgram,
    entries_type,
    program_type,
    shown_points,
    worth,
)
from schema.problems import Problem, Refusals


@strawberry.type(description="The signed-in customer's points in this shop.")
class CustomerPoints:
    """`endingSoon` of them end within 30 days, the first ones at `nextEndAt`."""

    balance: int
    value: Money
    ending_soon: int
    next_end_at: datetime | None


@strawberry.input
class PointsProgramInput:
    """What a point is worth never changes. Off: nothing more is earned, and what customers have is
    redeemed all the same."""

    on: bool
    earn_bp: int
    point_value: MoneyInput
    lasts_days: int
    most_bp: int
    least_points: int


@strawberry.input
class PointsAdjustInput:
    """Points for a customer, or below zero from one, out of what the shop has earned."""

    customer_id: strawberry.ID
    points: int
    reason: str
    idempotency_key: strawberry.ID


@strawberry.type
class PointsProgramWritten:
    """The program after the change."""

    program: PointsProgram


@strawberry.type
class PointsAdjusted:
    """What the customer has now."""

    balance: int


PointsProgramPayload = Annotated[
    PointsProgramWritten | Problem, strawberry.union("PointsProgramPayload")
]
PointsAdjustPayload = Annotated[PointsAdjusted | Problem, strawberry.union("PointsAdjustPayload")]


def customer_points(balance: Balance | None, context: Context) -> CustomerPoints | None:
    """Put a customer's points into the schema's words."""
    if balance is None:
        return None
    return CustomerPoints(
        balance=shown_points(balance.points),
        value=worth(balance, context.shop.currency),
        ending_soon=shown_points(balance.ending_soon),
        next_end_at=balance.next_end_at,
    )


@strawberry.type
class PointsQuery:
    """A customer's points, and the shop's program."""

    @strawberry.field(description="How the customer's points came and went, the newest first.")
    async def points_entries(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> PointsEntryConnection:
        """Read a page of movements."""
        context = info.context
        assert context.customer_id is not None  # the role × field table lets only customers in
        page = await book.entries_page(context.shop, context.customer_id, first=first, after=after)
        return entries_type(page)

    @strawberry.field(description="The shop's points program; null where there is none.")
    async def points_program(self, info: Info) -> PointsProgram | None:
        """Read the program and what the shop owes under it."""
        shop = info.context.shop
        program = await programs.program_of(shop)
        return program_type(program, shop.currency) if program else None


@strawberry.type
class PointsMutation:
    """Running a program."""

    @strawberry.mutation(
        description="Begin a points program, or change it.", extensions=[Refusals()]
    )
    async def points_program_upsert(
        self, info: Info, input: PointsProgramInput
    ) -> PointsProgramPayload:
        """Write the shop's program."""
        context = info.context
        terms = PointsTerms(
            is_on=input.on,
            earn_bp=input.earn_bp,
            point_minor=amount_in(input.point_value, context, field="pointValue"),
            lasts_days=input.lasts_days,
            most_bp=input.most_bp,
            least_points=input.least_points,
        )
        program = await programs.write_program(shop=context.shop, terms=terms)
        return PointsProgramWritten(program=program_type(program, context.shop.currency))

    @strawberry.mutation(
        description="Give a customer points, or take some.", extensions=[Refusals()]
    )
    async def points_adjust(self, info: Info, input: PointsAdjustInput) -> PointsAdjustPayload:
        """Adjust a customer's points, with a reason."""
        context = info.context
        purse = await adjusting.adjust_points(
            Adjustment(
                shop=context.shop,
                customer_id=parse_id("cus", input.customer_id, field="customerId"),
                points=input.points,
                reason=input.reason,
                actor=context.actor,
                idempotency_key=input.idempotency_key,
            )
        )
        return PointsAdjusted(balance=shown_points(purse.balance))
