"""The books beside everybody else's, for operators: look, run a day again, decide items."""

from datetime import date
from enum import Enum
from typing import Annotated

import strawberry

from kernel.ids import parse_id
from reconciliation import items, resolving, runs, thresholds
from schema.connections import PageInfo
from schema.context import Info
from schema.money import MoneyInput
from schema.problems import Problem, Refusals
from schema.reconciliation_types import (
    PayoutGate,
    ReconciliationItem,
    ReconciliationItemConnection,
    ReconciliationItemState,
    ReconciliationRun,
    gate_type,
    item_type,
    run_type,
)


@strawberry.enum
class ReconciliationDecision(Enum):
    """SUGGESTED_FIX: do what the item suggests. BY_HAND: somebody has put it right elsewhere.
    ACCEPT: it stays as it is. The last two take a reason."""

    SUGGESTED_FIX = "SUGGESTED_FIX"
    BY_HAND = "BY_HAND"
    ACCEPT = "ACCEPT"


@strawberry.input
class ReconcileRunInput:
    """A day that is over, in UTC; one that has been run is run again."""

    day: date


@strawberry.input
class ReconciliationItemResolveInput:
    """The item is its own idempotency key: it is decided once."""

    item_id: strawberry.ID
    decision: ReconciliationDecision
    reason: str = ""


@strawberry.input
class PayoutGateSetInput:
    """How much may be open in the threshold's currency."""

    threshold: MoneyInput


@strawberry.type
class ReconciliationStarted:
    """The worker goes on with the run."""

    run: ReconciliationRun


@strawberry.type
class ReconciliationItemDecided:
    """The item as it is now."""

    item: ReconciliationItem


@strawberry.type
class PayoutGateChanged:
    """The gate as it is now."""

    gate: PayoutGate


ReconcileRunPayload = Annotated[
    ReconciliationStarted | Problem, strawberry.union("ReconcileRunPayload")
]
ReconciliationItemPayload = Annotated[
    ReconciliationItemDecided | Problem, strawberry.union("ReconciliationItemPayload")
]
PayoutGatePayload = Annotated[PayoutGateChanged | Problem, strawberry.union("PayoutGatePayload")]


@strawberry.type
class ReconciliationQuery:
    """What was compared, and what differs."""

    @strawberry.field(description="The runs of the last days, the newest first.")
    async def reconciliation_runs(
        self, info: Info, first: int = 20, before: date | None = None
    ) -> list[ReconciliationRun]:
        """Read runs, those before a day if one is named."""
        return [run_type(run) for run in await items.run_views(first=first, before=before)]

    @strawberry.field(description="What differs, the newest first; of one state if it is named.")
    async def reconciliation_items(
        self,
        info: Info,
        state: ReconciliationItemState | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> ReconciliationItemConnection:
        """Read a page of items."""
        page = await items.items(state=state.value if state else None, first=first, after=after)
        return ReconciliationItemConnection(
            nodes=[item_type(item, info.context) for item in page.rows],
            page_info=PageInfo(has_next_page=page.has_next, end_cursor=page.end_cursor),
        )

    @strawberry.field(
        description="Whether payouts are stopped, by currency.", metadata={"assumed_size": 5}
    )
    async def payout_gates(self, info: Info) -> list[PayoutGate]:
        """Read every currency's gate."""
        return [gate_type(gate) for gate in await thresholds.gates()]


@strawberry.type
class ReconciliationMutation:
    """What operators do about it."""

    @strawberry.mutation(
        description="Let a day's books be compared, once more if they have been.",
        extensions=[Refusals()],
    )
    async def reconcile_run(self, info: Info, input: ReconcileRunInput) -> ReconcileRunPayload:
        """Begin a day's run."""
        await runs.begin(input.day, asked_by=info.context.actor)
        return ReconciliationStarted(run=run_type(await items.run_view(input.day)))

    @strawberry.mutation(description="Decide an item, once.", extensions=[Refusals()])
    async def reconciliation_item_resolve(
        self, info: Info, input: ReconciliationItemResolveInput
    ) -> ReconciliationItemPayload:
        """Put an item right, or say why it may stay."""
        item = await resolving.resolve(
            parse_id("rit", input.item_id, field="itemId"),
            decision=input.decision.value,
            actor=info.context.actor,
            reason=input.reason,
        )
        return ReconciliationItemDecided(item=item_type(item, info.context))

    @strawberry.mutation(
        description="Say how much may be open in a currency before its payouts stop.",
        extensions=[Refusals()],
    )
    async def payout_gate_set(self, info: Info, input: PayoutGateSetInput) -> PayoutGatePayload:
        """Set a currency's threshold."""
        gate = await thresholds.set_threshold(
            input.threshold.currency, input.threshold.amount_minor
        )
        return PayoutGateChanged(gate=gate_type(gate))
